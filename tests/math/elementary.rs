//! Functions of one argument: at most 4 ULP on every exponent, next to poles and at the seams of their pieces.

use std::f64::consts::{FRAC_PI_2, LN_2};

use crate::harness::Gpu;
use crate::ulp::{around, error_at, sweep};

/// The promise of `shaders/lib/math`, in ULP. Each file derives a bound of its own below it.
const BOUND: f64 = 4.0;

struct Case {
    name: &'static str,
    reference: fn(f64) -> f64,
    /// WGSL's own function, for comparison.
    builtin: Option<&'static str>,
    /// Arguments of special interest; each is tried with its neighbours.
    seams: fn() -> Vec<f64>,
}

/// Worst error and where.
struct Worst {
    ulp: f64,
    x: f32,
    got: f32,
}

fn measure(gpu: &Gpu, keys: &[&str], call: &str, inputs: &[f32], reference: fn(f64) -> f64) -> Worst {
    let body = format!("output[i] = bitcast<u32>({call}(bitcast<f32>(input[i])));");
    let outputs = gpu.both(keys, &body, bytemuck::cast_slice(inputs), 1, 1);
    let mut worst = Worst { ulp: 0.0, x: 0.0, got: 0.0 };
    for (&x, &bits) in inputs.iter().zip(&outputs) {
        let got = f32::from_bits(bits);
        let ulp = error_at(got, x, reference);
        if ulp > worst.ulp {
            worst = Worst { ulp, x, got };
        }
    }
    worst
}

fn check(case: &Case) {
    let gpu = Gpu::get();
    let mut inputs = sweep();
    inputs.extend((case.seams)().into_iter().flat_map(around));
    let ours =
        measure(gpu, &[&format!("lib/math/{}", case.name)], &format!("fl_{}", case.name), &inputs, case.reference);
    // Builtins promise nothing for special values: their figure is for finite arguments with a normal result.
    let plain: Vec<f32> = inputs
        .iter()
        .copied()
        .filter(|x| x.is_normal())
        .filter(|x| ((case.reference)(f64::from(*x)).abs() as f32).is_normal())
        .collect();
    let theirs = case.builtin.map(|call| measure(gpu, &[], call, &plain, case.reference));
    println!(
        "{:>5}: max {:.3} ULP at {:e} ({} inputs); builtin {} [{}]",
        case.name,
        ours.ulp,
        ours.x,
        inputs.len(),
        theirs.map_or("none".into(), |w| format!("{:.4e} ULP at {:e} (got {:e})", w.ulp, w.x, w.got)),
        gpu.name,
    );
    assert!(
        ours.ulp <= BOUND,
        "fl_{}({:e}) = {:e}, should be {:e}: {} ULP on {}",
        case.name,
        ours.x,
        ours.got,
        (case.reference)(f64::from(ours.x)),
        ours.ulp,
        gpu.name
    );
}

/// Multiples of pi/2 up to 2^20 quadrants, the seam to the integer reduction, and the f32 that leave the smallest rest of all.
fn quarter_turns() -> Vec<f64> {
    let mut v: Vec<f64> = (1..=4096).map(|k| f64::from(k) * FRAC_PI_2).collect();
    v.extend((1..=1024).map(|k| (f64::from(k) - 0.5) * FRAC_PI_2));
    v.extend((0..4096).map(|k| f64::from(4097 + 251 * k) * FRAC_PI_2));
    v.push(1600.0);
    // Found by a search through all f32 from 16 up: rests of 11, 5 and 4 times 2^-32 quadrants.
    v.extend([0x437c_e5f1u32, 0x50a3_e87f, 0x6f79_be45].map(|bits| f64::from(f32::from_bits(bits))));
    v
}

#[test]
fn exp_is_within_bound() {
    check(&Case {
        name: "exp",
        reference: libm::exp,
        builtin: Some("exp"),
        seams: || {
            let mut v: Vec<f64> = (0..=152).flat_map(|k| [f64::from(k) * LN_2, (f64::from(k) + 0.5) * LN_2]).collect();
            v.extend([88.722_839, 87.336_545, 103.972_08, 104.0, 106.0, 90.0]);
            v
        },
    });
}

#[test]
fn log_is_within_bound() {
    check(&Case {
        name: "log",
        reference: libm::log,
        builtin: Some("log"),
        seams: || {
            let mut v: Vec<f64> = (-149..=127).flat_map(|k| [2f64.powi(k), 2f64.powi(k) * 2f64.sqrt()]).collect();
            v.extend((1..=4000).flat_map(|k| [1.0 + f64::from(k) * 1.2e-6, 1.0 - f64::from(k) * 1.2e-6]));
            v
        },
    });
}

#[test]
fn sin_is_within_bound() {
    check(&Case { name: "sin", reference: libm::sin, builtin: Some("sin"), seams: quarter_turns });
}

#[test]
fn cos_is_within_bound() {
    check(&Case { name: "cos", reference: libm::cos, builtin: Some("cos"), seams: quarter_turns });
}

#[test]
fn tanh_is_within_bound() {
    check(&Case {
        name: "tanh",
        reference: libm::tanh,
        builtin: Some("tanh"),
        seams: || {
            let mut v: Vec<f64> = (1..=27).map(|k| (f64::from(k) + 0.5) * LN_2 / 2.0).collect();
            v.extend([0.5625, 9.0109, 9.25]);
            v
        },
    });
}

#[test]
fn erf_is_within_bound() {
    check(&Case {
        name: "erf",
        reference: libm::erf,
        builtin: None,
        seams: || vec![0.9375, 3.9192, 4.0, 2f64.powi(-100)],
    });
}
