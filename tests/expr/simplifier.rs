//! The simplifier keeps the values of random programs, and finds the identities that it promises.

use crate::programs::{INPUTS, Program, inputs};
use crate::reference;
use fieldline::expr::{Binary, Dag, Id, Node, Type, Unary, Value, parse};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases on every run.
pub fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_260_917),
        ..ProptestConfig::default()
    }
}

/// Bytes of a program.
pub fn bytes() -> impl Strategy<Value = Vec<[u8; 5]>> {
    prop::collection::vec(any::<[u8; 5]>(), 1..40)
}

fn same(a: Value, b: Value) -> bool {
    a == b || (a.as_f64().is_nan() && b.as_f64().is_nan())
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn simplification_keeps_values(bytes in bytes(), points in prop::collection::vec(any::<[u8; 8]>(), 4)) {
        let program = Program::new(&bytes);
        let dag = program.dag();
        let mut evaluator = dag.evaluator();
        let mut results = Vec::new();
        for point in points {
            let at = inputs(point);
            let written = program.values(&at);
            let simplified = reference::outputs(&dag, &at);
            evaluator.eval(&at, &mut results);
            for (line, ((w, s), r)) in written.iter().zip(&simplified).zip(&results).enumerate() {
                prop_assert!(same(s.value, *r), "the evaluator gives {r:?}, its reference {s:?} in line {line}");
                prop_assert!(w.agrees(*s), "line {line} of {program:?} at {at:?}: {w:?} became {s:?}");
            }
        }
    }

    #[test]
    fn copies_are_equal(bytes in bytes()) {
        let dag = Program::new(&bytes).dag();
        let (pruned, kept) = dag.pruned();
        let again = pruned.pruned();
        prop_assert_eq!(&again.0, &pruned);
        prop_assert_eq!(kept.len(), pruned.inputs().len());
        prop_assert_eq!(again.1, (0..kept.len()).collect::<Vec<_>>());
        // Built anew by the simplifying constructors, the same program comes out.
        let mut copy = Dag::new();
        let args: Vec<Id> = INPUTS.iter().map(|&ty| copy.input(ty)).collect();
        for output in copy.inline(&dag, &args).unwrap() {
            copy.output(output);
        }
        let at = inputs([130, 200, 3, 140, 5, 170, 2, 0]);
        for (a, b) in copy.eval(&at).into_iter().zip(dag.eval(&at)) {
            prop_assert!(same(a, b));
        }
    }
}

/// A text in x, y (f32), n, m (i32), k (u32), b, c (bool) and the text that it becomes.
fn becomes(text: &str, expected: &str) {
    let types = [Type::F32, Type::F32, Type::I32, Type::I32, Type::U32, Type::Bool, Type::Bool];
    let names = ["x", "y", "n", "m", "k", "b", "c"];
    let list: Vec<(&str, Type)> = names.into_iter().zip(types).collect();
    assert_eq!(parse(text, "test", &list).unwrap().to_text(&names), expected, "from {text}");
}

#[test]
fn identities_are_found() {
    for (text, expected) in [
        ("2*3 + sin(0)", "6"),
        ("x + 0", "x"),
        ("0 + x", "x"),
        ("x - 0", "x"),
        ("0 - x", "-x"),
        ("x*1", "x"),
        ("1*x", "x"),
        ("x/1", "x"),
        ("--x", "x"),
        ("x*-1", "-x"),
        ("x/-1", "-x"),
        ("x + -y", "x - y"),
        ("-x + y", "y - x"),
        ("x - -y", "x + y"),
        ("-(x - y)", "y - x"),
        ("-x*-y", "x*y"),
        ("2*(3*x)", "x*6"),
        ("-(2*x)", "x*-2"),
        ("x/4", "x*0.25"),
        ("x/3", "x/3"),
        ("x + x", "x*2"),
        ("x^0", "1"),
        ("x^1", "x"),
        ("x^2", "x*x"),
        ("x^3", "x*(x*x)"),
        ("x^-1", "1/x"),
        ("x^0.5", "sqrt(x)"),
        ("x^-0.5", "1/sqrt(x)"),
        ("1^x", "1"),
        ("y*x - x*y", "x*y - x*y"),
        ("if(true, x, y)", "x"),
        ("if(b, x, x)", "x"),
        ("if(not b, x, y)", "if(b, y, x)"),
        ("if(b, if(b, x, y), 2*x)", "if(b, x, x*2)"),
        ("if(b, true, false)", "b"),
        ("if(b, false, true)", "not b"),
        ("b and true", "b"),
        ("b and false", "false"),
        ("b or false", "b"),
        ("b or true", "true"),
        ("b and b", "b"),
        ("b or not b", "true"),
        ("not not b", "b"),
        ("b == true", "b"),
        ("not (x == y)", "x != y"),
        ("x < x", "false"),
        ("n + 0i", "n"),
        ("n*0i", "0i"),
        ("n - n", "0i"),
        ("n/0i", "n"),
        ("n % 0i", "0i"),
        ("n/-1i", "-n"),
        ("shl(n, 33i)", "shl(n, 1u)"),
        ("xor(n, n)", "0i"),
        ("n and -1i", "n"),
        ("n <= n", "true"),
        ("xor(k, 0xffffffffu)", "bitnot(k)"),
        ("mulhi(k, 1u)", "0u"),
        ("f32(x)", "x"),
        ("i32(2.75)", "2i"),
        ("abs(abs(x))", "abs(x)"),
        ("abs(-x)", "abs(x)"),
        ("floor(round(x))", "round(x)"),
    ] {
        becomes(text, expected);
    }
}

#[test]
fn nothing_that_hides_a_nan_is_found() {
    for text in
        ["x*0", "x - x", "x/x", "0/x", "x == x", "x <= x", "x - y*0", "1/0", "0/0", "log(0)", "sqrt(-1)", "not x < y"]
    {
        becomes(text, text);
    }
    // f32 cannot hold these.
    becomes("exp(100)", "exp(100)");
    becomes("1e30*1e30", "1e30*1e30");
    becomes("(x*1e30)*1e30", "x*1e30*1e30");
}

#[test]
fn equal_nodes_are_one_node_and_equal_dags_are_equal() {
    let build = |swap: bool| {
        let mut dag = Dag::new();
        let (x, y) = (dag.input(Type::F32), dag.input(Type::F32));
        let product = if swap { dag.mul(y, x) } else { dag.mul(x, y) }.unwrap();
        let again = dag.mul(x, y).unwrap();
        assert_eq!(product, again);
        let tanh = dag.unary(Unary::Tanh, product).unwrap();
        dag.output(tanh);
        dag
    };
    use std::hash::{BuildHasher, RandomState};
    let state = RandomState::new();
    assert_eq!(build(false), build(true));
    assert_eq!(state.hash_one(build(false)), state.hash_one(build(true)));
    assert_eq!(build(false).len(), 4);
}

#[test]
fn the_first_argument_of_a_float_minimum_stays_first() {
    let mut dag = Dag::new();
    let (x, y) = (dag.input(Type::F32), dag.input(Type::F32));
    let min = dag.binary(Binary::Min, y, x).unwrap();
    assert_eq!(dag.node(min), &Node::Binary(Binary::Min, y, x));
}

#[test]
fn wrong_types_are_refused() {
    let mut dag = Dag::new();
    let (x, n, k, b) = (dag.input(Type::F32), dag.input(Type::I32), dag.input(Type::U32), dag.input(Type::Bool));
    for (op, id) in
        [(Unary::Not, x), (Unary::Exp, n), (Unary::Neg, b), (Unary::BitNot, x), (Unary::FromBits, n), (Unary::Sign, k)]
    {
        assert!(dag.unary(op, id).is_err(), "{op:?}");
    }
    for (op, a, c) in
        [(Binary::Add, x, n), (Binary::Add, b, b), (Binary::Pow, n, n), (Binary::And, x, x), (Binary::Lt, b, b)]
    {
        assert!(dag.binary(op, a, c).is_err(), "{op:?}");
    }
    assert!(dag.binary(Binary::MulHi, n, n).is_err() && dag.binary(Binary::Shl, x, k).is_err());
    assert!(dag.binary(Binary::Shl, n, k).is_ok() && dag.binary(Binary::Shl, k, n).is_err());
    assert!(dag.select(x, x, x).is_err() && dag.select(b, x, n).is_err());
    let other = Dag::new();
    assert!(dag.inline(&other, &[x]).is_err());
}

#[test]
fn pruning_drops_what_is_not_used() {
    let mut dag = Dag::new();
    let x = dag.input(Type::F32);
    let dead = dag.unary(Unary::Exp, x).unwrap();
    let two = dag.f32(2.0);
    let y = dag.input(Type::F32);
    let product = dag.mul(y, two).unwrap();
    dag.output(product);
    assert_eq!(dag.ty(dead), Type::F32);
    let (pruned, kept) = dag.pruned();
    assert_eq!((pruned.len(), kept), (3, vec![1]));
    assert_eq!(pruned.eval(&[Value::F32(4.0)]), [Value::F32(8.0)]);
    assert_eq!(dag.compacted().inputs().len(), 2);
}
