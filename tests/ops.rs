//! Every op on random, boundary and special inputs, on full and portable devices, with trusted and checked kernels, within its
//! derived bound; and the bounds themselves against f32 arithmetic on the host.

#[path = "program/bounded.rs"]
#[allow(dead_code)]
mod bounded;
#[path = "ops/elementwise.rs"]
mod elementwise;
#[path = "ops/fusion.rs"]
mod fusion;
#[path = "ops/host.rs"]
mod host;
#[path = "ops/structure.rs"]
mod structure;
#[path = "ops/threads.rs"]
mod threads;

use bounded::{compare, problems, record, run_on, variants};
use fieldline::tape::{Recorder, Tape, Var};
use fieldline::tensor::Array;

/// The bits of an array: NaNs and signed zeros compared as they are.
fn bits(array: &Array) -> Vec<u8> {
    array.to_bytes()
}

/// What is wrong with `f` on `arguments`: results off their bounds on any variant of the device, or two runs that differ in a bit.
fn faults(name: &str, arguments: &[Array], f: impl Fn(&Recorder, &[Var]) -> Var) -> Vec<String> {
    let tape: Tape = record(name, arguments, f);
    let mut found = Vec::new();
    for (variant, gpu) in variants() {
        for compared in compare(gpu, &tape, arguments) {
            found.extend(problems(name, variant, &compared));
        }
    }
    // A second program, and a second run of it, repeat the bits of the first.
    let runs = [run_on(&variants()[0].1, &tape, arguments, 2), run_on(&variants()[0].1, &tape, arguments, 1)].concat();
    if runs.iter().any(|run| bits(&run[0]) != bits(&runs[0][0])) {
        found.push(format!("{name}: two runs differ in their bits"));
    }
    found
}

/// Fails with all that was found.
#[track_caller]
fn none(found: Vec<String>) {
    assert!(found.is_empty(), "{} results off their bounds:\n{}", found.len(), found.join("\n"));
}
