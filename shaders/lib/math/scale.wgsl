// fl_scale(p, k): the bits of p * 2^k for p in [0.5, 2) and any k, with the right limits at both ends.
//
// The exponent is added to the bits of p, which is exact and cannot be reassociated, in two steps: results below
// 2^-100 are first built 64 binades higher and then multiplied by 2^-64, so that a subnormal result is rounded once
// (or flushed to zero where the adapter flushes) and never comes from a wrapped exponent. Overflow gives +infinity by
// its bit pattern, which is why bits are returned (see bits.wgsl).
//
// Error: 0 for a normal result; at most half a unit of 2^-149 for a subnormal one, or the flush to zero.
// Cost: 1 FLOP, 9 integer operations.
// Loops: none

fn fl_scale(p: f32, k: i32) -> u32 {
    let bounded = clamp(k, -180, 140);
    let low = bounded < -100;
    let lifted = bitcast<u32>(p) + (bitcast<u32>(bounded + select(0, 64, low)) << 23u);
    let finite = bitcast<f32>(lifted) * select(1.0, 5.42101086e-20, low);
    return select(bitcast<u32>(finite), 0x7f800000u, lifted >= 0x7f800000u);
}
