// fl_log(x) = natural logarithm in f32, accurate next to x = 1 as well.
//
// Method: x = 2^k m with m in [sqrt(1/2), sqrt 2), from the bits, and f = m - 1 (exact). Then
//   log x = k * 355/512 + ( f - f^2/2 + f^3 P(f) - k * 2.1219444e-4 ),   ln 2 = 355/512 - 2.1219444e-4,
// where P has degree 8: minimax of the relative error of log(1 + f) by Remez exchange (tests/math/minimax.py,
// case log), error 3.1e-9 with coefficients rounded to f32. k * 355/512 is exact (9 bits times 8 bits). No division.
// Subnormal x: its integer mantissa is converted to f32, which is exact and involves no subnormal arithmetic; where the
// adapter flushes them while loading, they count as zero.
// Source: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, chapter 5, with the reduced
// argument of FreeBSD's e_logf.c.
//
// Error (u = 2^-24). k = 0: f is exact, |f^2/2| <= 0.21 |f|; the roundings of f^2/2 and f^3 P add up to 0.35 u |f|, the
// sum in the bracket 0.5 ULP: below 1.5 ULP. k != 0: |log x| >= 0.3466, the bracket is below 0.35 in size and off by at
// most 1.1 u * 0.35, the last addition by 0.5 ULP: below 1.3 ULP. fl_opaque keeps the two sums apart.
// Special values: +-0 -> -inf, x < 0 -> NaN, +inf -> +inf, NaN -> NaN.
// Cost: 25 FLOP, 20 integer operations; no branch.
// Loops: none

#import lib/math/bits

fn fl_log(x: f32) -> f32 {
    let pattern = bitcast<u32>(x);
    let subnormal = pattern < 0x00800000u;
    let normal = select(pattern, bitcast<u32>(f32(pattern)), subnormal);
    // Adding 1 - sqrt(1/2) in bits moves the binade's start to sqrt(1/2).
    let moved = normal + 0x004afb0du;
    let k = i32(moved >> 23u) - select(127, 276, subnormal);
    let f = bitcast<f32>((moved & 0x007fffffu) + 0x3f3504f3u) - 1.0;
    let n = f32(k);
    let p_high = 0.142134458 + f * (-0.123589814 + f * (0.118863948 + f * (-0.119620547 + f * 0.0710511804)));
    let p = 0.333333075 + f * (-0.249999732 + f * (0.200025111 + f * (-0.166703492 + f * p_high)));
    let square = f * f;
    let small = (square * f) * p - n * 2.12194440e-4;
    // The sign bit is 0 for every x whose result is kept: the zero that fl_opaque wants.
    let bracket = fl_opaque(f - (0.5 * square - small), pattern >> 31u);
    let value = bitcast<u32>(n * 0.693359375 + bracket);
    let above = select(value, pattern, pattern >= 0x7f800000u);
    let with_sign = select(above, 0x7fc00000u, pattern > 0x7f800000u);
    return bitcast<f32>(select(with_sign, 0xff800000u, (pattern & 0x7fffffffu) == 0u));
}
