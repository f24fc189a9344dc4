//! Errors of recording name the op, the shapes and the caller's line; common subexpressions are found.

use fieldline::Error;
use fieldline::tape::{Tape, Var};
use fieldline::tensor::DType;

fn message(record: impl FnOnce(&fieldline::tape::Recorder)) -> String {
    let result = Tape::record(|r| {
        record(r);
        Ok(())
    });
    match result {
        Err(error @ Error::Shape { .. }) => error.to_string(),
        other => panic!("expected a shape error, got {other:?}"),
    }
}

#[test]
fn a_product_that_does_not_fit_names_both_shapes_and_this_line() {
    let line = line!() + 4;
    let text = message(|r| {
        let a = r.input("a", [64, 128], DType::F32);
        let b = r.input("b", [127, 32], DType::F32);
        r.output("c", &a.matmul(&b));
    });
    assert!(text.contains("matmul") && text.contains("[64, 128]") && text.contains("[127, 32]"), "{text}");
    assert!(text.contains(&format!("recording.rs:{line}")), "{text}");
}

#[test]
fn the_first_error_is_the_one_reported() {
    let text = message(|r| {
        let a = r.input("a", [3], DType::F32);
        let b = r.input("b", [4], DType::F32);
        let wrong = &a + &b;
        r.output("c", &wrong.reshape([17]));
    });
    assert!(text.contains("[3]") && text.contains("[4]"), "{text}");
}

#[test]
fn other_misfits_are_named() {
    type Case = (&'static str, fn(&Var));
    let cases: [Case; 6] = [
        ("axis 2", |a| drop(a.slice_axis(2, 0, 1))),
        ("inside", |a| drop(a.slice(&[1, 1], [2, 3]))),
        ("permutation", |a| drop(a.permute(&[0, 0]))),
        ("argmax", |a| drop(a.argmax(5))),
        ("6 elements", |a| drop(a.reshape([5]))),
        ("[2, 3]", |a| drop(a.broadcast_to([3, 3]))),
    ];
    for (expected, op) in cases {
        let text = message(|r| op(&r.input("a", [2, 3], DType::F32)));
        assert!(text.contains(expected), "expected `{expected}` in: {text}");
    }
}

#[test]
fn a_gradient_of_something_that_is_no_scalar_is_refused() {
    let text = message(|r| {
        let a = r.input("a", [3], DType::F32);
        let g = r.gradient(&a.square(), &[&a]);
        r.output("g", &g[0]);
    });
    assert!(text.contains("scalar"), "{text}");
}

#[test]
fn equal_subexpressions_are_one_value_and_unused_ones_none() {
    let tape = Tape::record(|r| {
        let x = r.input("x", [8], DType::F32);
        let unused = x.exp();
        drop(unused);
        let twice = x.sin() * x.sin();
        r.output("y", &(twice + x.sin()));
        Ok(())
    })
    .expect("records");
    assert_eq!(tape.to_string().matches("map").count(), 3, "sin, product, sum:\n{tape}");
}
