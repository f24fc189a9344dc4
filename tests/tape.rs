//! Recording, differentiating and batching, on the host interpreter: derivatives against finite differences in f64 (not against
//! the rules that made them), jets against nested derivatives, batches against single lanes.

#[path = "tape/derivatives.rs"]
mod derivatives;
#[path = "tape/jets.rs"]
mod jets;
#[path = "tape/recording.rs"]
mod recording;
#[path = "tape/vmap.rs"]
mod vmap;

use fieldline::nn::HostRandom;
use fieldline::ops::HostArray;
use fieldline::tape::Tape;

/// Normal f64 elements.
pub fn normal(seed: u64, shape: &[usize]) -> HostArray {
    let mut random = HostRandom::new(seed, 7);
    let n = shape.iter().product();
    HostArray::f64(shape.to_vec(), (0..n).map(|_| random.normal()).collect()).expect("as many values as elements")
}

/// Runs a tape in f64 and gives all outputs' elements.
pub fn run(tape: &Tape, arguments: &[HostArray]) -> Vec<Vec<f64>> {
    let outputs = tape.interpret(arguments).unwrap_or_else(|e| panic!("{e}\n{tape}"));
    outputs.iter().map(HostArray::to_f64).collect()
}

/// `a` and `b` agree to `tolerance * (1 + |b|)`.
#[track_caller]
pub fn assert_near(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (i, (x, y)) in a.iter().zip(b).enumerate() {
        assert!((x - y).abs() <= tolerance * (1.0 + y.abs()), "element {i}: {x} against {y}");
    }
}
