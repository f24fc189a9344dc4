// fl_trig_reduce(x): |x| = quadrant * pi/2 + r, |r| <= pi/4 and a little, for every finite f32; quadrant modulo 4.
//
// |x| < 1600 (quadrant n < 1024 = 2^10): Cody and Waite with four constants, pi/2 = C1 + C2 + C3 + C4. C1 and C2 end at
// bits 2^-11 and 2^-24 and C3 at 2^-38, with at most 14 significant bits, so that n C1, n C2, n C3 are exact, and so
// are the first two differences, multiples of 2^-24 (or of x's last bit) below 1. The third is exact where |r| < 2^-14
// and rounds by half an ULP else. n C4 <= 2^-28 is off by at most 2^-53: against the smallest |r| that any f32 below
// 1600 leaves, 2^-27.8 (n = 161, by search), 2^-25 relative. fl_opaque keeps the four subtractions apart. |x| >= 1600:
// fl_trig_reduce_large, integer arithmetic, behind a branch that is uniform in practice.
//
// Error: r is within 1.1 ULP (the last two differences round by half an ULP each). |x| < pi/4 gives r = |x| exactly.
// Source: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, chapter 8.
// Cost: 9 FLOP, 8 integer operations below 1600.
// Loops: none

#import lib/math/bits
#import lib/math/trig_reduce_large

fn fl_trig_reduce(x: f32) -> FlTrigReduced {
    let size = bitcast<u32>(x) & 0x7fffffffu;
    if size >= 0x44c80000u {
        return fl_trig_reduce_large(size);
    }
    let a = bitcast<f32>(size);
    let shifted = a * 0.636619772 + 12582912.0;
    let quadrant = bitcast<u32>(shifted) - 0x4b400000u;
    let n = f32(quadrant);
    // quadrant < 2^20, which the compiler cannot know: the zero that fl_opaque wants.
    let zero = quadrant >> 20u;
    let r1 = fl_opaque(a - n * 1.5703125, zero);
    let r2 = fl_opaque(r1 - n * 0.0004838109016418457, zero);
    let r3 = fl_opaque(r2 - n * 1.5890691429376602e-8, zero);
    return FlTrigReduced(r3 - n * 2.56334415159e-12, quadrant);
}
