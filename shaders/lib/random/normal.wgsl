// normal_pair(a, b): two independent standard normal f32 from two words of 32 random bits (Box and Muller).
//
//   R = sqrt(-2 log u),  u ~ (a + 1/2) 2^-32,   theta = 2 pi b 2^-32,   (R cos theta, R sin theta)
// u keeps as many bits as f32 holds, because its small values make the tails: the largest |normal| is sqrt(-2 log
// 2^-33) = 6.7637, beyond it lies a probability of 1.3e-11 that this generator never draws. Words from 2^23 on keep 23
// significant bits and are moved to the midpoint of their cell, so that the conversion is exact on adapters that do not
// round it to nearest too: u lies in [2^-33, 1 - 2^-24] everywhere, and R is never 0 or infinite. The angle is reduced
// in integers (the top two bits of b, rounded, are the quadrant), so that sine and cosine need no argument reduction in
// floats.
// Source: G. E. P. Box and M. E. Muller, A note on the generation of random normal deviates, Ann. Math. Stat. 29 (1958).
//
// Error: below 1e-6 relative to R, half of it from the builtin sqrt; statistics, not bits, are what counts here. Equal
// bits on every adapter are not promised (sqrt), unlike philox4x32 and uniform_open.
// Cost: fl_log, both trigonometric kernels, 1 square root, 6 FLOP, 18 integer operations.
// Loops: none

#import lib/math/log
#import lib/math/trig_kernel

fn normal_pair(a: u32, b: u32) -> vec2<f32> {
    let zeros = countLeadingZeros(a) & 31u;
    let wide = a >= 0x00800000u;
    let kept = select(a, (a & (0xfffffe00u >> zeros)) | (0x100u >> zeros), wide);
    let u = (f32(kept) + select(0.5, 0.0, wide)) * 2.3283064365386963e-10;
    let radius = sqrt(-2.0 * fl_log(u));
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
