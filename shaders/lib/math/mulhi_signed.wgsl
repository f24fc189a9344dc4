// fl_mulhi_signed(a, b) = floor(a * b / 2^32) for signed a and b: a product of fixed-point numbers.
//
// A negative factor reads as a + 2^32 when taken as unsigned, so its partner is subtracted from the high word again.
// Source: H. S. Warren, Hacker's Delight, 2nd edition, section 8-3.
//
// Error: none, exact integer arithmetic.
// Cost: fl_mulhi and 6 integer operations.
// Loops: none

#import lib/math/mulhi

fn fl_mulhi_signed(a: i32, b: i32) -> i32 {
    let high = bitcast<i32>(fl_mulhi(bitcast<u32>(a), bitcast<u32>(b)));
    return high - ((a >> 31u) & b) - ((b >> 31u) & a);
}
