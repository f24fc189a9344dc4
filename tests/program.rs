//! Compiled programs on the device against the f64 interpreter.

#[path = "program/jacobian.rs"]
mod jacobian;
#[path = "program/ops.rs"]
mod ops;
#[path = "program/training.rs"]
mod training;

use fieldline::gpu::{Gpu, Selector};
use fieldline::nn::HostRandom;
use fieldline::ops::HostArray;
use fieldline::tape::program::Program;
use fieldline::tape::{Recorder, Tape, Var};
use fieldline::tensor::{Array, DType};
use std::sync::OnceLock;

/// One device for all tests of this file.
pub fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| Gpu::new(&Selector::Auto).unwrap_or_else(|e| panic!("{e}")))
}

/// Normal f32 elements.
pub fn normal(seed: u64, shape: &[usize]) -> Array {
    let mut random = HostRandom::new(seed, 9);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.normal() as f32).collect();
    Array::f32(shape.to_vec(), values).expect("as many values as elements")
}

/// Runs `tape` once on the device and in f64.
pub fn both(tape: &Tape, arguments: &[Array]) -> Vec<(Vec<f64>, Vec<f64>)> {
    let program = Program::compile(gpu(), tape, &[]).unwrap_or_else(|e| panic!("{e}\n{tape}"));
    let names: Vec<String> = tape.inputs().map(|(name, _)| name.to_string()).collect();
    for (name, array) in names.iter().zip(arguments) {
        program.write(name, array).unwrap_or_else(|e| panic!("{e}"));
    }
    program.run().unwrap_or_else(|e| panic!("{e}"));
    let exact =
        tape.interpret(&arguments.iter().map(HostArray::from).collect::<Vec<_>>()).unwrap_or_else(|e| panic!("{e}"));
    tape.outputs()
        .zip(&exact)
        .map(|((name, _), exact)| {
            let got = program.read_unchecked(name).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(got.shape(), &exact.shape);
            (got.to_f64(), exact.to_f64())
        })
        .collect()
}

/// The device's result of `f` agrees with f64 to `units` units of rounding of the largest element: each test states why.
#[track_caller]
pub fn check(name: &str, shapes: &[&[usize]], units: f64, f: impl Fn(&Recorder, &[Var]) -> Var) {
    let arguments: Vec<Array> = shapes.iter().enumerate().map(|(i, s)| normal(80 + i as u64, s)).collect();
    check_on(name, &arguments, units, f);
}

/// As [`check`], on given arguments.
#[track_caller]
pub fn check_on(name: &str, arguments: &[Array], units: f64, f: impl Fn(&Recorder, &[Var]) -> Var) {
    let tape = Tape::record(|r| {
        let each = arguments.iter().enumerate();
        let inputs: Vec<Var> = each.map(|(i, a)| r.input(&format!("x{i}"), a.shape().clone(), a.dtype())).collect();
        r.output("y", &f(r, &inputs));
        Ok(())
    })
    .unwrap_or_else(|e| panic!("{name}: {e}"));
    let (got, exact) = both(&tape, arguments).remove(0);
    let scale = exact.iter().fold(0.0, |m: f64, x| if x.is_finite() { m.max(x.abs()) } else { m });
    for (i, (g, e)) in got.iter().zip(&exact).enumerate() {
        let same = g == e || (g.is_nan() && e.is_nan());
        let near = (g - e).abs() <= units * f64::from(f32::EPSILON) / 2.0 * scale;
        assert!(same || near, "{name}, element {i}: {g} against {e} (scale {scale})\n{tape}");
    }
}

/// The dtype of most arguments.
pub const F32: DType = DType::F32;
