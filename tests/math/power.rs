//! `fl_pow`: at most 4 ULP over the whole range of results, and IEEE 754's special values.

use crate::harness::Gpu;
use crate::ulp::{error, scramble};

/// The promise of `shaders/lib/math`, in ULP; pow.wgsl derives 2.5.
const BOUND: f64 = 4.0;

const CALL: &str = "(bitcast<f32>(input[2u * i]), bitcast<f32>(input[2u * i + 1u])));";

/// Bases on every exponent and next to 1, each with exponents that spread the results from underflow to overflow.
fn pairs() -> Vec<[f32; 2]> {
    let mut bases: Vec<f32> = Vec::new();
    for exponent in 0u32..=254 {
        let base = exponent << 23;
        bases.extend([base + 1, base + 0x7f_ffff].map(f32::from_bits));
        bases.extend((0..64u32).map(|i| f32::from_bits(base + (i << 17) + (scramble(base + i) >> 15))));
    }
    // Next to 1, and on both sides of the square roots of 2 and 1/2, where the reduction changes binade.
    let one = 1f32.to_bits();
    bases.extend((1..=3000u32).flat_map(|k| [one + k, one - k, one + 37 * k, one - 37 * k].map(f32::from_bits)));
    for root in [std::f32::consts::SQRT_2, std::f32::consts::FRAC_1_SQRT_2] {
        bases.extend((0..32).map(|k| f32::from_bits(root.to_bits() - 16 + k)));
    }
    let mut out = Vec::new();
    for (i, &x) in bases.iter().enumerate() {
        let log = f64::from(x).log2();
        for j in 0..24u32 {
            let part = f64::from(scramble(i as u32 * 24 + j)) / 2f64.powi(32);
            let target = -151.0 + 281.0 * (f64::from(j) + part) / 24.0;
            out.push([x, (target / log) as f32]);
        }
        out.extend([0.5f32, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, 7.0, 1.0 / 3.0, 1e-30].map(|y| [x, y]));
        out.extend([1.0f32, -1.0, 2.0, 3.0, -3.0, 5.0].map(|y| [-x, y]));
    }
    out.retain(|[x, y]| x.is_finite() && y.is_finite());
    out
}

/// Error of one result; a subnormal base may count as itself or as zero.
fn judge(got: f32, x: f32, y: f32) -> f64 {
    let exact = error(got, f64::from(x).powf(f64::from(y)));
    if x.is_subnormal() { exact.min(error(got, f64::copysign(0.0, f64::from(x)).powf(f64::from(y)))) } else { exact }
}

#[test]
fn pow_is_within_bound() {
    let gpu = Gpu::get();
    let pairs = pairs();
    let ours = gpu.both(
        &["lib/math/pow"],
        &format!("output[i] = bitcast<u32>(fl_pow{CALL}"),
        bytemuck::cast_slice(&pairs),
        2,
        1,
    );
    let theirs = gpu.both(&[], &format!("output[i] = bitcast<u32>(pow{CALL}"), bytemuck::cast_slice(&pairs), 2, 1);
    let (mut worst, mut at, mut builtin) = (0.0, 0, 0.0f64);
    for (i, &[x, y]) in pairs.iter().enumerate() {
        let e = judge(f32::from_bits(ours[i]), x, y);
        if e > worst {
            (worst, at) = (e, i);
        }
        // The builtin promises something for positive bases with a normal result only.
        if x.is_normal() && x > 0.0 && (f64::from(x).powf(f64::from(y)) as f32).is_normal() {
            builtin = builtin.max(error(f32::from_bits(theirs[i]), f64::from(x).powf(f64::from(y))));
        }
    }
    let [x, y] = pairs[at];
    println!(
        "  pow: max {worst:.3} ULP at ({x:e}, {y:e}) ({} inputs); builtin {builtin:.4e} ULP [{}]",
        pairs.len(),
        gpu.name
    );
    let got = f32::from_bits(ours[at]);
    assert!(worst <= BOUND, "fl_pow({x:e}, {y:e}) = {got:e}: {worst} ULP on {}", gpu.name);
}

#[test]
fn pow_has_ieee_special_values() {
    let gpu = Gpu::get();
    let inf = f32::INFINITY;
    let mut values =
        vec![0.0f32, 0.5, 1.0, 2.0, 2.5, 3.0, 1e30, 1e-30, 0.999_999_94, 1.000_000_1, inf, f32::NAN, f32::MAX];
    // Largest odd, first even-only, half-integer and around: parity needs every bit of y.
    values.extend([16_777_215.0f32, 16_777_216.0, 8_388_607.5, 8_388_609.0, 4_194_303.5, f32::MIN_POSITIVE]);
    let values: Vec<f32> = values.iter().flat_map(|&v| [v, -v]).collect();
    let pairs: Vec<[f32; 2]> = values.iter().flat_map(|&x| values.iter().map(move |&y| [x, y])).collect();
    let outputs = gpu.both(
        &["lib/math/pow"],
        &format!("output[i] = bitcast<u32>(fl_pow{CALL}"),
        bytemuck::cast_slice(&pairs),
        2,
        1,
    );
    for (&[x, y], &bits) in pairs.iter().zip(&outputs) {
        let (got, want) = (f32::from_bits(bits), f64::from(x).powf(f64::from(y)));
        assert!(error(got, want) <= BOUND, "fl_pow({x:e}, {y:e}) = {got:e}, should be {want:e}, on {}", gpu.name);
        if want == 0.0 || want.is_infinite() {
            assert_eq!(got.is_sign_negative(), want.is_sign_negative(), "sign of fl_pow({x:e}, {y:e}) on {}", gpu.name);
        }
    }
}
