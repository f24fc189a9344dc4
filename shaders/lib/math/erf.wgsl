// fl_erf(x) = 2/sqrt(pi) * integral of e^(-t^2) from 0 to x, in f32.
//
// Method, on a = |x| (erf is odd; the sign is copied back as a bit):
//   a <  0.9375:  a + a P(a^2), P of degree 6: minimax of the relative error by Remez exchange
//                 (tests/math/minimax.py, case erf), error 4.2e-9 with coefficients rounded to f32.
//   a >= 0.9375:  1 - 2^q(a), q(a) ~ log2 erfc(a) of degree 7, weighted by the effect on erf: error 1.3e-9 (case erfc).
//   a is cut at 4; from 3.92 on the result rounds to 1.
// No division and no e^(-a^2): the exponential takes the polynomial itself, as in N. Juffa's erff (2016, public
// domain), whose split into these two forms this follows; the coefficients are our own.
//
// Error (u = 2^-24). First form: 0.5 ULP from the last addition, a P(a^2) <= 0.128 a is off by about 3 u relative:
// below 1.4 ULP, or 2.4 where a compiler factors it into a (1 + P). Second form, result in [0.815, 1), 1 ULP = u
// absolute: q is off by about 2 u |q|, which acts through erfc ln 2 |q| <= 0.32, 0.65 u; 2^f 1.6 u * 0.185; last
// subtraction 0.5 u: below 1.5 ULP.
// Special values: +-inf -> +-1, NaN -> NaN, +-0 -> +-0; a subnormal x may count as zero.
// Cost: 48 FLOP, 14 integer operations; no branch.
// Loops: none

#import lib/math/exp2_kernel

fn fl_erf(x: f32) -> f32 {
    let pattern = bitcast<u32>(x);
    let size = pattern & 0x7fffffffu;
    let a = min(bitcast<f32>(size), 4.0);
    let s = a * a;
    let p_high = -0.0268584918 + s * (0.00519881537 + s * (-0.000811791338 + s * 8.26679825e-05));
    let p = 0.128379166 + s * (-0.376126319 + s * (0.112836786 + s * p_high));
    // Below 2^-100 the product a * p could be flushed to zero although the result is normal.
    let near = select(a + a * p, a * 1.12837917, size < 0x0d800000u);
    let q_high = 0.0362846404 + a * (-0.00603460008 + a * (0.000630302879 + a * -3.07363262e-05));
    let q = 0.000258613523 + a * (-1.62957716 + a * (-0.913662851 + a * (-0.156284899 + a * q_high)));
    let shifted = q + 12582912.0;
    let k = bitcast<i32>(shifted) - 0x4b400000;
    let power = fl_exp2_kernel(q - f32(k));
    let far = 1.0 - bitcast<f32>(bitcast<u32>(power) + (bitcast<u32>(k) << 23u));
    let value = select(far, near, a < 0.9375);
    let with_sign = bitcast<u32>(value) | (pattern & 0x80000000u);
    return bitcast<f32>(select(with_sign, pattern, size > 0x7f800000u));
}
