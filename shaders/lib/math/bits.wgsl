// Special values of f32 and tests for them, by their bits.
//
// Why bits: WGSL lets a compiler assume that no NaN and no infinity exists, so that `x != x` may fold to false and a
// division by zero need not give infinity (Metal's default mode does so). Integers are exempt from that licence. For
// the same reason a function that can return a special value selects between u32 patterns and converts once, at the end.
// Where a compiler uses that licence on the final f32, as Metal may, infinities and NaN are its own affair; finite
// results stay right.
// The patterns pass through a `let`, because WGSL rejects a constant expression whose value is infinite or NaN.
//
// `fl_opaque(x, zero)` returns x. `zero` must be 0 at run time but unknown to the compiler; the exclusive-or then
// hides the sum behind x from reassociation, while a plain bitcast to u32 and back would be removed. It is what keeps
// `(x - k * HI) - k * LO` from becoming `x - k * (HI + LO)`, legal in WGSL and fatal to an argument reduction.
//
// Source: IEEE 754-2019, section 3.4 (binary32); WGSL, "Reassociation and Fusion".
// Cost: 1 to 2 integer operations each.
// Loops: none

fn fl_inf() -> f32 {
    let pattern = 0x7f800000u;
    return bitcast<f32>(pattern);
}

fn fl_nan() -> f32 {
    let pattern = 0x7fc00000u;
    return bitcast<f32>(pattern);
}

fn fl_is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn fl_is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) < 0x7f800000u;
}

fn fl_opaque(x: f32, zero: u32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) ^ zero);
}
