// fl_trig_reduce_large(size): the same as fl_trig_reduce for |x| >= 16, given the bits of |x|, in integer arithmetic.
//
// Method (Payne and Hanek): |x| = M 2^s with M of 32 bits (the mantissa at the top). Bits of 2/pi whose product with
// M 2^s is a multiple of 4 quadrants are left out, the next 96 are kept as W: |x| 2/pi = M W 2^-94 modulo 4. Of the
// 96-bit product modulo 2^96 the upper 64 bits are formed: 2 bits of quadrant, 62 of fraction. The fraction is rounded
// to the nearest quadrant, made positive, shifted to 31 bits v, and v * pi/4 is taken as the high word of a product.
//
// Error: left-out low bits change the fraction by less than 2^-60 quadrants; the smallest fraction of any f32 is
// 4 * 2^-32 (by a search through all of them), so 2^-30 relative; v and the product truncate by
// 2^-29 each; the conversion to f32 rounds once: r is within 0.55 ULP, or 1.05 where the adapter truncates.
// Infinity and NaN give a meaningless r; the caller replaces it.
// Source: M. H. Payne and R. N. Hanek, Radian reduction for trigonometric functions, ACM SIGNUM Newsletter 18 (1983).
// Cost: 3 fl_mulhi, 3 multiplications, about 45 other integer operations, 1 FLOP.
// Loops: none

#import lib/math/mulhi

// |x| = quadrant pi/2 + r.
struct FlTrigReduced {
    r: f32,
    quadrant: u32,
}

fn fl_trig_reduce_large(size: u32) -> FlTrigReduced {
    let m = ((size & 0x007fffffu) | 0x00800000u) << 8u;
    // |x| = m 2^s, s = (size >> 23) - 158; window starts s + 30 bits into the table, 2 bits above the quadrant's unit.
    let skip = (size >> 23u) - 128u;
    // A word of zeros and six of 2/pi; four consecutive ones from word skip / 32 in 0..=3, by two steps of selection.
    let two = (skip & 64u) != 0u;
    let one = (skip & 32u) != 0u;
    let a0 = select(0x00000000u, 0x4e441529u, two);
    let a1 = select(0xa2f9836eu, 0xfc2757d1u, two);
    let a2 = select(0x4e441529u, 0xf534ddc0u, two);
    let a3 = select(0xfc2757d1u, 0xdb629599u, two);
    let a4 = select(0xf534ddc0u, 0x3c439041u, two);
    let b0 = select(a0, a1, one);
    let b1 = select(a1, a2, one);
    let b2 = select(a2, a3, one);
    let b3 = select(a3, a4, one);
    let left = skip & 31u;
    let right = 31u - left;
    let w0 = (b0 << left) | ((b1 >> 1u) >> right);
    let w1 = (b1 << left) | ((b2 >> 1u) >> right);
    let w2 = (b2 << left) | ((b3 >> 1u) >> right);
    let low = m * w1;
    let middle = low + fl_mulhi(m, w2);
    let high = m * w0 + fl_mulhi(m, w1) + select(0u, 1u, middle < low);
    let quadrant = (high + 0x20000000u) >> 30u;
    let fraction = (high << 2u) | (middle >> 30u);
    let rest = middle << 2u;
    // Two's complement of the pair where the fraction lies above one half.
    let negative = fraction >= 0x80000000u;
    let mask = select(0u, 0xffffffffu, negative);
    let positive = (fraction ^ mask) + select(0u, 1u, negative && rest == 0u);
    let positive_rest = (rest ^ mask) + select(0u, 1u, negative);
    // The exponent of the conversion to f32 gives the leading bit, or the next if it rounds up: v keeps 30 or 31 bits.
    let lead = (bitcast<u32>(f32(bitcast<i32>(positive))) >> 23u) - 127u;
    let up = 30u - min(lead, 30u);
    let v = (positive << up) | ((positive_rest >> 1u) >> (31u - up));
    // v 2^-(32 + up) quadrants; 0xc90fdaa2 = pi/4 * 2^32.
    let r = f32(bitcast<i32>(fl_mulhi(v, 0xc90fdaa2u))) * bitcast<f32>((96u - up) << 23u);
    return FlTrigReduced(select(r, -r, negative), quadrant);
}
