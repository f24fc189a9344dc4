// fl_mulhi(a, b) = high 32 bits of the 64-bit product a * b, through 16-bit halves; a * b itself gives the low 32.
//
// With a = a1 2^16 + a0 and b = b1 2^16 + b0:
//   t = a1 b0 + (a0 b0 >> 16)      <= (2^16 - 1)^2 + 2^16 - 1 < 2^32
//   w = a0 b1 + (t mod 2^16)       <  2^32 likewise
//   high = a1 b1 + (t >> 16) + (w >> 16)
// Source: H. S. Warren, Hacker's Delight, 2nd edition, section 8-2.
//
// Error: none, exact integer arithmetic.
// Cost: 4 multiplications, 12 other integer operations.
// Loops: none

fn fl_mulhi(a: u32, b: u32) -> u32 {
    let a0 = a & 0xffffu;
    let a1 = a >> 16u;
    let b0 = b & 0xffffu;
    let b1 = b >> 16u;
    let t = a1 * b0 + ((a0 * b0) >> 16u);
    let w = a0 * b1 + (t & 0xffffu);
    return a1 * b1 + (t >> 16u) + (w >> 16u);
}
