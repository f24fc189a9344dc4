// fl_sin(x) in f32 for every finite x: |x| = q pi/2 + r, then sine or cosine of r by the quadrant q.
//
// Method: fl_trig_reduce (Cody and Waite; Payne and Hanek from 1600 on), both kernels, a selection by q mod 2, the sign
// from q and x as a bit. Both kernels are evaluated: neighbours in a group fall into different quadrants anyway.
//
// Error: kernel 1.4 ULP at most, r off by 1.1 ULP (acting through r cot r <= 1 and r tan r <= 0.79): below 2.5 ULP for
// every finite x; observed 2.0.
// Special values: +-inf, NaN -> NaN; +-0 -> +-0; a subnormal x gives x, or zero where the adapter flushes.
// Cost: 28 FLOP, 20 integer operations below 1600.
// Loops: none

#import lib/math/trig_kernel
#import lib/math/trig_reduce

fn fl_sin(x: f32) -> f32 {
    let pattern = bitcast<u32>(x);
    let reduced = fl_trig_reduce(x);
    let odd = (reduced.quadrant & 1u) == 1u;
    let value = select(fl_sin_kernel(reduced.r), fl_cos_kernel(reduced.r), odd);
    let sign = (pattern & 0x80000000u) ^ ((reduced.quadrant & 2u) << 30u);
    let with_sign = bitcast<u32>(value) ^ sign;
    return bitcast<f32>(select(with_sign, 0x7fc00000u, (pattern & 0x7fffffffu) >= 0x7f800000u));
}
