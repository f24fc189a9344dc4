// fl_exp2_kernel(f) = 2^f for f in [-0.501, 0.501]: a polynomial of degree 6 with value 1 at 0.
//
// Coefficients: minimax of the relative error, Remez exchange (tests/math/minimax.py, case exp2), rounded to f32.
// Error: 6.3e-9 (0.11 u, u = 2^-24) from the polynomial; the last addition rounds by at most u, the last product,
// below 0.42, by 0.25 u absolute: at most 1.6 u relative for results in [0.707, 1.415].
// Cost: 12 FLOP.
// Loops: none

fn fl_exp2_kernel(f: f32) -> f32 {
    let tail = 0.240226552 + f * (0.0555026196 + f * (0.00961745344 + f * (0.00134231593 + f * 0.000156574868)));
    return 1.0 + f * (0.693147242 + f * tail);
}
