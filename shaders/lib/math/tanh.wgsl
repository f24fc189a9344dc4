// fl_tanh(x) in f32: accurate and cheap, since it is the activation of most networks here. One division, no branch.
//
// Method, on a = |x| (tanh is odd; the sign is copied back as a bit):
//   a <  0.5625:  a + a^3 P(a^2), P of degree 4: minimax of the relative error by Remez exchange
//                 (tests/math/minimax.py, case tanh), error 3.4e-9 with coefficients rounded to f32.
//   a >= 0.5625:  1 - t, t = 2 / (e + 1), e = e^(2a) = 2^z, z = 2a / ln 2 = k + f, 2^f by fl_exp2_kernel.
//                 z needs no extra precision: the shorter t gets, the less its relative error matters.
//   a is cut at 9.25; from 9.011 on 1 - t rounds to 1.
// The second form is preferred to a rational a P(a^2) / Q(a^2), because WGSL's division may be off by 2.5 ULP and a
// rational passes that on in full, besides the roundings of two Horner sums; here it is multiplied by t <= 0.49.
//
// Error (u = 2^-24). First form: 0.5 ULP from the last addition and at most 0.1 * 3 u relative from the correction:
// below 1.1 ULP. Second form, result in [0.509, 1), 1 ULP = u absolute; an error of e or z acts through t (1 - t/2) <=
// 0.37, and t <= 0.49 has an ULP of u/2: z's rounding <= 0.45 u, 2^f 1.6 u * 0.37, e + 1 u t <= 0.5 u, division 0.25 u
// (correctly rounded) or 1.25 u (WGSL's 2.5 ULP), last subtraction 0.5 u: at most 2.3 ULP, or 3.3 ULP with the worst
// division; observed 1.8, or 2.6 with every quotient shifted by 2 ULP.
// Special values: +-inf -> +-1, NaN -> NaN, +-0 -> +-0; a subnormal x gives x, or zero where the adapter flushes.
// Cost: 30 FLOP (1 division), 12 integer operations.
// Loops: none

#import lib/math/exp2_kernel

fn fl_tanh(x: f32) -> f32 {
    let pattern = bitcast<u32>(x);
    let size = pattern & 0x7fffffffu;
    let a = min(bitcast<f32>(size), 9.25);
    let s = a * a;
    let p = -0.333333135 + s * (0.133324519 + s * (-0.0538373068 + s * (0.0210069399 + s * -0.00617906312)));
    let near = a + (a * s) * p;
    let z = a * 2.88539008;
    let shifted = z + 12582912.0;
    let k = bitcast<i32>(shifted) - 0x4b400000;
    let power = fl_exp2_kernel(z - f32(k));
    let e = bitcast<f32>(bitcast<u32>(power) + (bitcast<u32>(k) << 23u));
    let far = 1.0 - 2.0 / (e + 1.0);
    let value = select(far, near, a < 0.5625);
    let with_sign = bitcast<u32>(value) | (pattern & 0x80000000u);
    return bitcast<f32>(select(with_sign, pattern, size > 0x7f800000u));
}
