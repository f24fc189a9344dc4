// uniform_open(bits): a uniform f32 in the open interval (0, 1) from 32 random bits: ((bits >> 9) + 1/2) 2^-23.
//
// Why 23 bits and not 24: k + 1/2 needs one more bit than k. With k < 2^23 it is an exact f32, so the values are the 2^23
// midpoints from 2^-24 to 1 - 2^-24, symmetric about 1/2; with k < 2^24 the largest, 2^24 - 1/2, would round to 2^24 and
// give exactly 1, and every k from 2^23 on would be rounded to even.
//
// `Var::uniform_from_bits` generates the same formula: equal words give equal bits.
//
// Error: none, every step is exact. Mean 1/2, variance (1 - 2^-46) / 12.
// Cost: 2 FLOP, 2 integer operations.
// Loops: none

fn uniform_open(bits: u32) -> f32 {
    return (f32(bits >> 9u) + 0.5) * 1.1920928955078125e-7;
}
