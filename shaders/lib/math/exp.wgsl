// fl_exp(x) = e^x in f32.
//
// Method: x = k ln 2 + r with k = nearest integer to x / ln 2, so |r| <= 0.347, and e^x = 2^k e^r.
//   k   by adding 1.5 * 2^23: the integer is then read from the bits (no float subtraction that could cancel).
//   r   by Cody and Waite's two constants: 355/512 has 9 significant bits, so k * 355/512 is exact for |k| < 2^15 and
//       x - k * 355/512 is exact too; ln 2 - 355/512 = -2.1219444e-4 carries the rest.
//   e^r = 1 + r + r^2 Q(r), Q of degree 4: minimax of the relative error by Remez exchange
//       (tests/math/minimax.py, case exp), error 4.4e-9 with coefficients rounded to f32.
// Source: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, chapter 6.
//
// Error (u = 2^-24; 1 ULP is u to 2u relative, results e^r in [0.707, 1.415]): r is off by u/8 absolute, polynomial
// 0.07 u, products in r + r^2 Q about 0.3 u, r + r^2 Q itself 0.25 u, the last addition 0.5 ULP. Below 1.5 ULP, with or
// without fma and for every order of the three-term sum. Subnormal results: rounded once more, or zero where the
// adapter flushes.
// Special values: NaN -> NaN, x >= 88.72284 -> +inf, x <= -104 -> 0.
// Cost: 17 FLOP, 18 integer operations; no branch, no division.
// Loops: none

#import lib/math/bits
#import lib/math/scale

fn fl_exp(x: f32) -> f32 {
    let bounded = clamp(x, -106.0, 90.0);
    let shifted = bounded * 1.44269504 + 12582912.0;
    let k = bitcast<i32>(shifted) - 0x4b400000;
    let n = f32(k);
    // The sign bit of `shifted` is 0: the zero that fl_opaque wants.
    let high = fl_opaque(bounded - n * 0.693359375, bitcast<u32>(shifted) >> 31u);
    let r = high + n * 2.12194440e-4;
    let q = 0.49999994 + r * (0.166665196 + r * (0.0416683964 + r * (0.00836879667 + r * 0.00138144335)));
    let value = fl_scale(1.0 + (r + (r * r) * q), k);
    return bitcast<f32>(select(value, bitcast<u32>(x), fl_is_nan(x)));
}
