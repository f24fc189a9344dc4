// What a reduction keeps and how two of them join: the operation of shaders/reduce/rows.wgsl, rows_group.wgsl, columns.wgsl.
//
// A reduction lifts every element x (at position `along` of the reduced axis) to a state S, joins states, and lowers the last
// one to the result O. `combine` is associative and commutative up to rounding of the float sum; the kernels fix the order.
//
// DTYPE: 0 = f32, 1 = u32, 2 = i32 (the element type T).
// SUM: the sum. Otherwise an extremum: SMALLEST = min (else max), ARG = its position (else its value).
//
// Sum: S = T. Integers wrap modulo 2^32. An empty sum is +0, and a sum of -0 alone is +0.
//
// Max and min work on integer keys, never on float comparisons: a driver that assumes that NaN does not occur, or that flushes
// subnormals, changes nothing here. For f32, key(x) is the monotone map of IEEE 754 onto u32 (flip all bits of negatives, the sign
// bit of the others), so -inf < ... < -0 < +0 < ... < +inf; min and argmin take the complement. NaN, of either sign, has the
// largest key of all: it wins (max and min give the quiet NaN 0x7fc00000, argmax and argmin give the first NaN). The state 0 is below
// every key, so it is the identity; a reduction of no element has no maximum, and the host refuses it.
//
// Argmax and argmin keep (key, position) and prefer the smaller position at equal keys: the first extremum, in any order of
// joining. -0 and +0 count as equal there, as in IEEE comparison.

#if DTYPE == 0
alias T = f32;
#elif DTYPE == 1
alias T = u32;
#else
alias T = i32;
#endif

#if SUM
alias S = T;
alias O = T;

fn identity() -> S {
    return T();
}

fn lift(x: T, along: u32) -> S {
    return x;
}

fn combine(a: S, b: S) -> S {
    return a + b;
}

fn lower(s: S) -> O {
    return s;
}
#else

// Monotone map of the element onto u32 (see above).
fn key(x: T) -> u32 {
#if DTYPE == 0
    var bits = bitcast<u32>(x);
    let nan = (bits & 0x7fffffffu) > 0x7f800000u;
#if ARG
    bits = select(bits, 0u, bits == 0x80000000u);
#endif
    var ordered = bits ^ select(0x80000000u, 0xffffffffu, bits >= 0x80000000u);
#if SMALLEST
    ordered = ~ordered;
#endif
    return select(ordered, 0xffffffffu, nan);
#else
#if DTYPE == 1
    var ordered = x;
#else
    var ordered = bitcast<u32>(x) ^ 0x80000000u;
#endif
#if SMALLEST
    ordered = ~ordered;
#endif
    return ordered;
#endif
}

#if ARG
alias S = vec2<u32>;
alias O = u32;

fn identity() -> S {
    return vec2<u32>(0u, 0xffffffffu);
}

fn lift(x: T, along: u32) -> S {
    return vec2<u32>(key(x), along);
}

fn combine(a: S, b: S) -> S {
    return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));
}

fn lower(s: S) -> O {
    return s.y;
}
#else
alias S = u32;
alias O = T;

fn identity() -> S {
    return 0u;
}

fn lift(x: T, along: u32) -> S {
    return key(x);
}

fn combine(a: S, b: S) -> S {
    return max(a, b);
}

// Inverse of `key`.
fn lower(s: S) -> O {
#if SMALLEST
    let ordered = ~s;
#else
    let ordered = s;
#endif
#if DTYPE == 0
    let bits = ordered ^ select(0xffffffffu, 0x80000000u, ordered >= 0x80000000u);
    return bitcast<f32>(select(bits, 0x7fc00000u, s == 0xffffffffu));
#elif DTYPE == 1
    return ordered;
#else
    return bitcast<i32>(ordered ^ 0x80000000u);
#endif
}
#endif
#endif
