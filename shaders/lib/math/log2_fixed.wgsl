// fl_log2_fixed(size): log2 of a positive finite f32, given its bits, as a signed 64-bit number in units of 2^-55.
//
// x = 2^e m with m in [sqrt(1/2), sqrt 2), m = N 2^-24 an exact integer N. Then log2 x = e + (m - 1) G(m) with
// G(m) = log2(m) / (m - 1), which is smooth and lies in [1.207, 1.708], so the relative precision next to x = 1 is that
// of G. G is a polynomial of degree 12 in d = m - 1.0625, |d| <= 0.3555: minimax of the absolute error by Remez exchange
// (tests/math/minimax.py, case pow). Terms from d^5 on, below 2^-9, are summed in f32 (error 2^-33), the others in
// fixed point in units of 2^-31 (products truncate; the sum of truncations is at most 1.6 units, its mean, rounded to 1
// unit, is added to the constant term). The product (m - 1) G is exact in 64 bits, and so is the addition of e. Integer
// arithmetic throughout: no licence of the compiler touches it.
//
// Result: x = high word (as i32), y = low word; value = (x 2^32 + y) 2^-55.
// Error: G within 2^-31.5 relative: so is the part (m - 1) G, and |log2 x| is at least that part's size.
// Cost: 16 FLOP, 6 fl_mulhi, about 60 other integer operations.
// Loops: none

#import lib/math/mulhi
#import lib/math/mulhi_signed

fn fl_log2_fixed(size: u32) -> vec2<u32> {
    // Converting a subnormal's integer mantissa to f32 is exact and gives its bits and, 149 higher, its exponent.
    let subnormal = size < 0x00800000u;
    let normal = select(size, bitcast<u32>(f32(bitcast<i32>(size))), subnormal);
    let mantissa = (normal & 0x007fffffu) | 0x00800000u;
    let binade = i32(normal >> 23u) - select(127, 276, subnormal);
    // 0xb504f4 = sqrt(2) 2^23 rounded up.
    let upper = mantissa >= 0x00b504f4u;
    let exponent = binade + select(0, 1, upper);
    let m = select(mantissa << 1u, mantissa, upper);
    let d = (bitcast<i32>(m) - 0x01100000) << 8u;

    let t = f32(d) * 2.32830644e-10;
    let tail_high = 0.0986333508 + t * (-0.0792364227 + t * (0.0656779306 + t * (-0.0847628401 + t * 0.0795463198)));
    let tail = -0.176001244 + t * (0.14212119 + t * (-0.117465498 + t * tail_high));
    let g4 = 481229304 + fl_mulhi_signed(d, i32(tail * 2147483648.0));
    let g3 = -637832289 + fl_mulhi_signed(d, g4);
    let g2 = 900850965 + fl_mulhi_signed(d, g3);
    let g1 = -1428500393 + fl_mulhi_signed(d, g2);
    let g = 3005200343u + bitcast<u32>(fl_mulhi_signed(d, g1));

    let offset = bitcast<i32>(m) - 0x01000000;
    let distance = bitcast<u32>(abs(offset));
    let mask = bitcast<u32>(offset >> 31u);
    let low = (distance * g) ^ mask;
    let high = (fl_mulhi(distance, g) ^ mask) + select(0u, 1u, mask != 0u && low == 0xffffffffu);
    return vec2<u32>(high + (bitcast<u32>(exponent) << 23u), low - mask);
}
