// fl_sin_kernel(r) and fl_cos_kernel(r): sine and cosine for |r| <= 0.786 (pi/4 and a margin).
//
//   sin r = r + r^3 S(r^2),   cos r = 1 - r^2/2 + r^4 C(r^2),   S and C of degree 2.
// Coefficients: minimax of the relative error by Remez exchange (tests/math/minimax.py, cases sin and cos), errors 8.4e-9
// and 1.4e-10 with coefficients rounded to f32.
// Source of the forms: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, chapter 8.
//
// Error (u = 2^-24): sine 0.5 ULP from the last addition and |r^3 S| <= 0.1 |r| off by 2.5 u relative: below 1.1 ULP.
// Cosine in [0.707, 1]: r^2/2 <= 0.31 off by u relative, 1 - r^2/2 by u/2, the last addition 0.5 ULP: below 1.4 ULP.
// Cost: 9 FLOP each.
// Loops: none

fn fl_sin_kernel(r: f32) -> f32 {
    let s = r * r;
    return r + (r * s) * (-0.166666552 + s * (0.00833215751 + s * -0.000195147833));
}

fn fl_cos_kernel(r: f32) -> f32 {
    let s = r * r;
    return (1.0 - 0.5 * s) + (s * s) * (0.0416666456 + s * (-0.00138873118 + s * 2.44325875e-05));
}
