//! Errors in units in the last place of f32, and the inputs that every function of one argument is tried on.

/// Distance between neighbouring f32 at `|v|`, for normal results; 2^-149 below them.
fn spacing(v: f64) -> f64 {
    let exponent = ((v.abs().to_bits() >> 52) as i64 - 1023).max(-126);
    2f64.powi(exponent as i32 - 23)
}

/// Error of `got` against the true value `want`, in ULP; infinite where the kinds (NaN, sign) differ.
///
/// Infinity counts as 2^128, so that next to the limit of overflow a finite value and infinity are as far apart as their
/// neighbours are. A zero instead of a subnormal result is no error (adapters may flush), nor is the smallest normal
/// number's neighbourhood treated otherwise than by the subnormal spacing.
pub fn error(got: f32, want: f64) -> f64 {
    if got.is_nan() || want.is_nan() {
        return if got.is_nan() && want.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if want == 0.0 || got == 0.0 {
        let flushed = want.abs() < f64::from(f32::MIN_POSITIVE);
        let same_sign = got.is_sign_negative() == want.is_sign_negative();
        return if got == 0.0 && flushed && same_sign {
            0.0
        } else {
            (f64::from(got) - want).abs() / spacing(want).max(1e-300)
        };
    }
    let limit = 2f64.powi(128);
    let clip = |v: f64| v.clamp(-limit, limit);
    (clip(f64::from(got)) - clip(want)).abs() / spacing(clip(want).clamp(-3.4e38, 3.4e38))
}

/// The same for a function of one argument; a subnormal argument may count as itself or as a zero of its sign.
pub fn error_at(got: f32, x: f32, reference: fn(f64) -> f64) -> f64 {
    let exact = error(got, reference(f64::from(x)));
    if x.is_subnormal() { exact.min(error(got, reference(f64::copysign(0.0, f64::from(x))))) } else { exact }
}

/// A fixed scramble of an index (Murmur3's finaliser), to place samples inside their strata.
pub fn scramble(index: u32) -> u32 {
    let mut h = index.wrapping_mul(0x9e37_79b9);
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

/// Every exponent of f32 (subnormals included) with 4096 stratified mantissas, 65,536 for exponents -7 to 7, both ends of
/// each binade, both signs, zeros, infinities and NaN.
pub fn sweep() -> Vec<f32> {
    let mut bits = vec![0, 0x7f80_0000, 0x7fc0_0000, 0x7f80_0001, 0x7fff_ffff];
    for exponent in 0u32..=254 {
        let strata_bits = if (120..=134).contains(&exponent) { 16 } else { 12 };
        let width = 23 - strata_bits;
        let base = exponent << 23;
        bits.extend([base, base + 1, base + 0x7f_fffe, base + 0x7f_ffff]);
        bits.extend((0..1u32 << strata_bits).map(|i| base + (i << width) + (scramble(base + i) >> (32 - width))));
    }
    bits.iter().flat_map(|&b| [f32::from_bits(b), f32::from_bits(b | 0x8000_0000)]).collect()
}

/// The f32 nearest to `v`, eight neighbours on each side, and their negatives.
pub fn around(v: f64) -> Vec<f32> {
    let centre = (v as f32).abs().to_bits();
    (centre.saturating_sub(8)..=centre + 8).flat_map(|b| [f32::from_bits(b), -f32::from_bits(b)]).collect()
}
