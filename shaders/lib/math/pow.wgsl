// fl_pow(x, y) = x^y in f32 with the special values of IEEE 754 pow.
//
// Method: |x|^y = 2^z, z = y log2 |x|. z needs 32 significant bits, since |z| reaches 150 and its absolute error
// becomes a relative one of the result. log2 |x| comes in fixed point (fl_log2_fixed), is shifted to a full 32.32
// mantissa, multiplied by y's 24-bit mantissa in integers, and shifted into n + f with integer n and |f| <= 1/2; 2^f by
// fl_exp2_kernel, 2^n by fl_scale. Nothing between the bits of x, y and f depends on float rounding.
//
// Error (u = 2^-24): log2 |x| within 2^-31.5 relative and the product's truncation 2^-32 give |z| ln 2 (2^-31.5) <= 0.7
// u for |z| <= 150; f: 2^-32 and one conversion, 0.2 u; fl_exp2_kernel 1.6 u at most (0.8 observed). Below 2.5 ULP
// wherever the result is normal; a subnormal result is rounded once more, or zero where the adapter flushes. Subnormal
// x counts as it is, or as zero where loads flush.
// Special values, first match: y = 0 or x = 1 -> 1; x or y NaN -> NaN; x < 0, finite, y finite and not an integer ->
// NaN; x = -1, y = +-inf -> 1; x = 0, inf or y = +-inf -> 0 or inf by the signs of y and log |x|, negative for x
// negative (also -0) and y an odd integer.
// Source: the split of W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, chapter 7, carried
// out in integers; special values IEEE 754-2019, section 9.2.1.
// Cost: 30 FLOP, 8 fl_mulhi, about 130 other integer operations; no branch.
// Loops: none

#import lib/math/exp2_kernel
#import lib/math/log2_fixed
#import lib/math/mulhi
#import lib/math/scale

// 0: y is no integer; 1: odd; 2: even. `size` = bits of |y|, y finite.
fn fl_parity(size: u32) -> u32 {
    let shift = clamp(150 - i32(size >> 23u), 0, 31);
    let mantissa = (size & 0x007fffffu) | 0x00800000u;
    let whole = (mantissa & ((1u << u32(shift)) - 1u)) == 0u;
    let odd = ((mantissa >> u32(shift)) & 1u) == 1u;
    let parity = select(0u, select(2u, 1u, odd), whole);
    // From 2^24 on every f32 is even; below 1 only 0 is an integer (24 bits of shift or more leave a remainder).
    return select(parity, 2u, size >= 0x4b800000u || size == 0u);
}

// Bits of |x|^y for positive finite |x| and finite y, given their bits; `below`: y's sign bit.
fn fl_pow_positive(xsize: u32, ysize: u32, below: u32) -> u32 {
    let fixed = fl_log2_fixed(xsize);
    let negative = (fixed.x >> 31u) != below;
    let mask = select(0u, 0xffffffffu, (fixed.x >> 31u) == 1u);
    let low = (fixed.y ^ mask) - mask;
    let high = (fixed.x ^ mask) + select(0u, 1u, mask != 0u && low == 0u);
    // Mantissa h 2^32 + l with a leading bit in the first two places of h. |log2 x| is 0 or at least 2^31 units, so that
    // an empty high word means a full low one. The exponent of the conversion gives the leading bit, or the next if it
    // rounds up.
    let empty = high == 0u;
    let top = select(high, low, empty);
    let next = select(low, 0u, empty);
    let lead = (bitcast<u32>(f32(bitcast<i32>(high))) >> 23u) - 127u;
    let zeros = select((31u - lead) & 31u, 0u, empty);
    let h = (top << zeros) | ((next >> 1u) >> (31u - zeros));
    let l = next << zeros;
    let m = ((ysize & 0x007fffffu) | 0x00800000u) << 8u;
    let product = m * h;
    let product_low = product + fl_mulhi(m, l);
    let product_high = fl_mulhi(m, h) + select(0u, 1u, product_low < product);
    // |z| = product 2^(ey - 54 - zeros); shift right to units of 2^-32.
    let shift = 149 + i32(zeros) + select(0, 32, empty) - i32(ysize >> 23u);
    let over = shift < 20 && top != 0u;
    let s = u32(clamp(shift, 20, 63));
    let by = s & 31u;
    let wide = s >= 32u;
    let whole = select(product_high >> by, 0u, wide);
    let joined = ((product_high << 1u) << (31u - by)) | (product_low >> by);
    let fraction = select(joined, product_high >> by, wide);
    let nearest = bitcast<i32>(whole + (fraction >> 31u));
    let n = select(nearest, 1000, over);
    let f = f32(bitcast<i32>(fraction)) * 2.32830644e-10;
    return fl_scale(fl_exp2_kernel(select(f, -f, negative)), select(n, -n, negative));
}

fn fl_pow(x: f32, y: f32) -> f32 {
    let xbits = bitcast<u32>(x);
    let ybits = bitcast<u32>(y);
    let xsize = xbits & 0x7fffffffu;
    let ysize = ybits & 0x7fffffffu;
    let parity = fl_parity(ysize);
    let general = fl_pow_positive(xsize, ysize, ybits >> 31u);
    // Limits: the result is infinite where y > 0 and |x| > 1, or y < 0 and |x| < 1.
    let limit = select(0u, 0x7f800000u, (xsize > 0x3f800000u) == (ybits >> 31u == 0u));
    let extreme = xsize == 0u || xsize == 0x7f800000u || ysize == 0x7f800000u;
    let size = select(general, limit, extreme);
    let flip = xbits >> 31u == 1u && parity == 1u;
    let with_sign = select(size, size | 0x80000000u, flip);
    let fractional = xbits > 0x80000000u && xsize < 0x7f800000u && ysize < 0x7f800000u && parity == 0u;
    let undefined = xsize > 0x7f800000u || ysize > 0x7f800000u || fractional;
    let one = ysize == 0u || xbits == 0x3f800000u || (xbits == 0xbf800000u && ysize == 0x7f800000u);
    return bitcast<f32>(select(select(with_sign, 0x7fc00000u, undefined), 0x3f800000u, one));
}
