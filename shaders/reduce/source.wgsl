// Where a reduction reads: states of an earlier pass, a fused map of the caller's, or an array at binding 0.
//
// FROM_STATE: binding 0 holds states S (second and later passes); the position of an argmax travels in the state.
// FUSED:      the caller inserts LOAD, which declares its inputs at bindings 0 .. OUT-1 and defines
//                 fn load(index: u32) -> T            element `index` of the row-major array [outer, axis, inner]
//                 fn load4(index: u32) -> vec4<T>     elements index .. index+3, index % 4 == 0 (where VEC holds)
// otherwise:  binding 0 is the array itself, from element params.in_off on; with VEC it is bound as vec4 (in_off % 4 == 0).

#if FROM_STATE
@group(0) @binding(0) var<storage, read> input: array<S>;

fn item(index: u32, along: u32) -> S {
    return input[params.in_off + index];
}
#else
#if FUSED
#insert LOAD
#else
#if VEC
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
#endif
#if VEC
#else
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
