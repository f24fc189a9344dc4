//! Fused against unfused: the same expression with every intermediate value as an output, which keeps it from being folded away,
//! and with the last one only. Both lie within their bounds, and so within the sum of the two of each other.

use crate::bounded::{compare, normal, print_ratios, problems, variants};
use crate::none;
use fieldline::ops::{Exact, HostArray};
use fieldline::tape::{CustomOp, Recorder, Tape, Var};
use fieldline::tensor::{Array, DType};
use std::sync::Arc;

/// The stages of an expression, the last one being its result.
type Stages = fn(&Recorder, &[Var]) -> Vec<Var>;

fn arithmetic(_: &Recorder, x: &[Var]) -> Vec<Var> {
    let a = &x[0] * &x[1];
    let b = &a * 3.0;
    let c = &b * 0.1 + &x[0];
    let d = &c / &(x[1].square() + 0.5);
    let e = &d - &a;
    vec![a, b, c, d, e]
}

fn functions(_: &Recorder, x: &[Var]) -> Vec<Var> {
    let a = x[0].sin() + x[1].tanh();
    let b = (&a * 0.5).exp();
    let c = (&b + 1.0).log();
    let d = c.sqrt() * x[0].erf();
    let e = d.abs().powf(1.7) + d.powf(3.0);
    vec![a, b, c, d, e]
}

fn layers(_: &Recorder, x: &[Var]) -> Vec<Var> {
    let a = x[0].transpose().matmul(&x[1]);
    let b = &a + 0.25;
    let c = b.tanh();
    let d = c.square();
    let e = d.sum(&[1]);
    vec![a, b, c, d, e]
}

fn steps(_: &Recorder, x: &[Var]) -> Vec<Var> {
    let a = x[0].maximum(&x[1]) * 0.3;
    let b = x[0].less(&a).select(&a, &x[1]);
    let c = (&b * 7.0).cast(DType::I32).cast(DType::F32);
    let d = &b * 7.0 - &c;
    vec![a, b, c, d]
}

fn tape(arguments: &[Array], stages: Stages, all: bool) -> Tape {
    Tape::record(|r| {
        let each = arguments.iter().enumerate();
        let inputs: Vec<Var> = each.map(|(i, a)| r.input(&format!("x{i}"), a.shape().clone(), a.dtype())).collect();
        let values = stages(r, &inputs);
        let (last, rest) = values.split_last().expect("a result");
        r.output("y", last);
        rest.iter().enumerate().filter(|_| all).for_each(|(i, v)| r.output(&format!("stage{i}"), v));
        Ok(())
    })
    .unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn intermediate_outputs_change_nothing_beyond_the_bounds() {
    let cases: [(&str, Stages); 4] =
        [("arithmetic", arithmetic), ("functions", functions), ("layers", layers), ("steps", steps)];
    let mut found = Vec::new();
    for (name, stages) in cases {
        for shape in [[1, 1], [7, 13], [64, 5]] {
            let arguments = [normal(31, &shape), normal(32, &shape)];
            for (variant, gpu) in variants() {
                let fused = compare(gpu, &tape(&arguments, stages, false), &arguments).remove(0);
                let unfused = compare(gpu, &tape(&arguments, stages, true), &arguments);
                found.extend(problems(&format!("fused {name}"), variant, &fused));
                found.extend(unfused.iter().flat_map(|c| problems(&format!("unfused {name}"), variant, c)));
                let last = &unfused[0];
                for i in 0..fused.got.len() {
                    let apart = (fused.got[i] - last.got[i]).abs();
                    if apart > fused.bound[i] + last.bound[i] {
                        found.push(format!("{name} [{variant}], element {i}: fused and unfused are {apart:e} apart"));
                    }
                }
            }
        }
    }
    print_ratios("fused");
    print_ratios("unfused");
    none(found);
}

#[test]
fn a_custom_op_is_bound_through_its_decomposition() {
    let arguments = [normal(31, &[7, 13]), normal(32, &[7, 13])];
    let decomposition = tape(&arguments, functions, false);
    let custom = Arc::new(CustomOp { name: "functions".into(), decomposition: decomposition.clone(), kernel: None });
    let wrapped = Tape::record(|r| {
        let x: Vec<Var> = (0..2).map(|i| r.input(&format!("x{i}"), [7, 13], DType::F32)).collect();
        r.output("y", &r.custom(&custom, &[&x[0], &x[1]]));
        Ok(())
    })
    .unwrap_or_else(|e| panic!("{e}"));
    let host: Vec<HostArray> = arguments.iter().map(HostArray::from).collect();
    let whole = wrapped.bounds(&host).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(whole, decomposition.bounds(&host).unwrap_or_else(|e| panic!("{e}")));
    let device = compare(&variants()[0].1, &wrapped, &arguments).remove(0);
    none(problems("custom", "full", &device));
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let arguments = [normal(31, &[7, 13]), normal(32, &[7, 13])];
    let tape = tape(&arguments, arithmetic, false);
    let wrong = HostArray { shape: [7].into(), data: Exact::F32(vec![0.0; 7]) };
    let error = tape.bounds(&[HostArray::from(&arguments[0]), wrong]).expect_err("another shape").to_string();
    assert!(error.contains("x1") && error.contains("[7, 13]"), "{error}");
    let short = [(HostArray::from(&arguments[0]), vec![0.0; 91]), (HostArray::from(&arguments[1]), vec![0.0; 3])];
    let error = tape.bounds_of(&short).expect_err("three bounds for 91 elements").to_string();
    assert!(error.contains("91") && error.contains('3'), "{error}");
}
