// Where a reduction reads: states of an earlier pass, a fused map of the caller's, or an array at binding 0.
//
// FROM_STATE: binding 0 holds states S (second and later passes); the position of an argmax travels in the state.
// LOAD:       inserted by the caller; it declares its inputs at bindings 0 .. OUT-1 and defines
//                 fn load(index: u32) -> T            element `index` of the row-major array [outer, axis, inner]
//                 fn load4(index: u32) -> vec4<T>     elements index .. index+3, index % 4 == 0 (where VEC holds)
// otherwise:  binding 0 is the array itself, from element params.in_off on; with VEC it is bound as vec4 (in_off % 4 == 0), with VEC
//             and WIDE as pairs of 64-bit words (int64; half the cost where a load costs by the word).

#if WIDE
#require int64
#endif

#if FROM_STATE
@group(0) @binding(0) var<storage, read> input: array<S>;

fn item(index: u32, along: u32) -> S {
    return input[params.in_off + index];
}
#else
#if LOAD
#insert LOAD
#elif VEC && WIDE
@group(0) @binding(0) var<storage, read> input: array<vec2<u64>>;

fn load4(index: u32) -> vec4<T> {
    let v = input[(params.in_off + index) >> 2u];
    return bitcast<vec4<T>>(vec4<u32>(u32(v.x), u32(v.x >> 32u), u32(v.y), u32(v.y >> 32u)));
}
#elif VEC
@group(0) @binding(0) var<storage, read> input: array<vec4<T>>;

fn load4(index: u32) -> vec4<T> {
    return input[(params.in_off + index) >> 2u];
}
#else
@group(0) @binding(0) var<storage, read> input: array<T>;

fn load(index: u32) -> T {
    return input[params.in_off + index];
}
#endif
#if !VEC
fn item(index: u32, along: u32) -> S {
    return lift(load(index), along);
}
#endif
#endif

// Where it writes: states for the next pass (TO_STATE), or results.
#if TO_STATE
@group(0) @binding({{OUT}}) var<storage, read_write> output: array<S>;

fn put(index: u32, s: S) {
    output[params.out_off + index] = s;
}
#else
@group(0) @binding({{OUT}}) var<storage, read_write> output: array<O>;

fn put(index: u32, s: S) {
    output[params.out_off + index] = lower(s);
}
#endif
