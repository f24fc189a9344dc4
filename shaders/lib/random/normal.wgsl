// normal_pair(a, b): two independent standard normal f32 from two words of 32 random bits (Box and Muller).
//
//   R = sqrt(-2 log u),  u = (a + 1/2) 2^-32,   theta = 2 pi b 2^-32,   (R cos theta, R sin theta)
// u keeps all 32 bits, because its small values make the tails: the largest |normal| is sqrt(-2 log 2^-33) = 6.7637, and
// beyond it lies a probability of 1.3e-11 that this generator never draws; up to there the lattice of u is at least 2^-33 fine.
// u may round to 1: R is then 0, a good value, not a fault. The angle is reduced in integers (the top two bits of b,
// rounded, are the quadrant), so that sine and cosine need no argument reduction in floats.
// Source: G. E. P. Box and M. E. Muller, A note on the generation of random normal deviates, Ann. Math. Stat. 29 (1958).
//
// Error: below 1e-6 relative to R, half of it from the builtin sqrt; statistics, not bits, are what counts here. Equal
// bits on every adapter are not promised (sqrt), unlike philox4x32 and uniform_open.
// Cost: fl_log, both trigonometric kernels, 1 square root, 6 FLOP, 12 integer operations.
// Loops: none

#import lib/math/log
#import lib/math/trig_kernel

fn normal_pair(a: u32, b: u32) -> vec2<f32> {
    let u = (f32(a) + 0.5) * 2.3283064365386963e-10;
    let radius = sqrt(max(-2.0 * fl_log(u), 0.0));
    let quadrant = (b + 0x20000000u) >> 30u;
    // 2 pi 2^-32 times the signed rest of b.
    let r = f32(bitcast<i32>(b - (quadrant << 30u))) * 1.4629180792671596e-9;
    let s = fl_sin_kernel(r);
    let c = fl_cos_kernel(r);
    let odd = (quadrant & 1u) == 1u;
    let sine = bitcast<u32>(select(s, c, odd)) ^ ((quadrant & 2u) << 30u);
    let cosine = bitcast<u32>(select(c, s, odd)) ^ (((quadrant + 1u) & 2u) << 30u);
    return radius * vec2<f32>(bitcast<f32>(cosine), bitcast<f32>(sine));
}
