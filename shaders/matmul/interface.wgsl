// Bindings, parameters, addressing and stores that the matmul kernels share. Each kernel's header has the formula.
//
// Element [b, i, k] of A is at a_off + b a_batch + i a_row + k a_k; [b, k, j] of B at b_off + b b_batch + k b_k + j; [b, i, j] of C
// at c_off + b c_batch + i c_row + j. Strides and offsets count elements; a batch stride of 0 broadcasts.
//
// A_MODE 0: any strides, A bound as array<f32>.
//        1: a_k == 1 and a_off, a_batch, a_row, k (SPLIT: k_chunk as well) multiples of 4: A bound as array<vec4<f32>>.
//        2: a_row == 1 and a_off, a_batch, a_k, m multiples of 4: A bound as array<vec4<f32>>, a vec4 = four rows.
// VEC_B: n, b_off, b_batch, b_k multiples of 4: B bound as array<vec4<f32>>; else array<f32>.
// VEC_C: n, c_off, c_batch, c_row, c_split multiples of 4: C bound as array<vec4<f32>>; else array<f32>.
// SPLIT: grid z = batch * splits, split s sums k in [s k_chunk, min(k, (s+1) k_chunk)) and writes C + s c_split; a reduction over
//        splits (reduce/columns, fixed order) follows. The epilogue belongs to that pass: insert the identity here.
//
// EPILOGUE (inserted; bindings 3 and up are its own): fn epilogue(acc: f32, batch: u32, row: u32, col: u32) -> f32, called with
// row < m and col < n for every stored element, and maybe again with the same arguments.

struct Params {
    m: u32,
    n: u32,
    k: u32,
    batch: u32,
    a_batch: u32,
    a_row: u32,
    a_k: u32,
    b_batch: u32,
    b_k: u32,
    c_batch: u32,
    c_row: u32,
    a_off: u32,
    b_off: u32,
    c_off: u32,
    row_base: u32,
    batch_base: u32,
    k_chunk: u32,
    c_split: u32,
}
#params Params

#if A_MODE == 0
@group(0) @binding(0) var<storage, read> a: array<f32>;
#else
#if WIDE
@group(0) @binding(0) var<storage, read> a: array<vec2<u64>>;
#else
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
#endif
#endif
#if VEC_B
#if B_UNIFORM
@group(0) @binding(1) var<uniform> b: array<vec4<f32>, {{B_LEN}}>;
#else
#if WIDE
@group(0) @binding(1) var<storage, read> b: array<vec2<u64>>;
#else
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
#endif
#endif
#else
@group(0) @binding(1) var<storage, read> b: array<f32>;
#endif
#if VEC_C
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;
#else
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
#endif

#insert EPILOGUE

// One matrix of the batch and one range [k0, k1) of its k: where A, B and C begin.
struct Slab {
    batch: u32,
    a: u32,
    b: u32,
    c: u32,
    k0: u32,
    k1: u32,
}

fn slab_of(z: u32) -> Slab {
    var slab: Slab;
#if SPLIT
    let split = z / params.batch;
    slab.batch = params.batch_base + z - split * params.batch;
    slab.k0 = min(params.k, split * params.k_chunk);
    slab.k1 = min(params.k, slab.k0 + params.k_chunk);
    slab.c = params.c_off + slab.batch * params.c_batch + split * params.c_split;
#else
    slab.batch = params.batch_base + z;
    slab.k0 = 0u;
    slab.k1 = params.k;
    slab.c = params.c_off + slab.batch * params.c_batch;
#endif
    slab.a = params.a_off + slab.batch * params.a_batch;
    slab.b = params.b_off + slab.batch * params.b_batch;
    return slab;
}

#if WIDE
// Four floats from two 64-bit words.
fn floats(v: vec2<u64>) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4<u32>(u32(v.x), u32(v.x >> 32u), u32(v.y), u32(v.y >> 32u)));
}
#endif

#if A_MODE == 0
#else
fn read_a4(at: u32) -> vec4<f32> {
#if WIDE
    return floats(a[at >> 2u]);
#else
    return a[at >> 2u];
#endif
}
#endif

fn read_b4(at: u32) -> vec4<f32> {
#if VEC_B
#if WIDE
#if B_UNIFORM
    return b[at >> 2u];
#else
    return floats(b[at >> 2u]);
#endif
#else
    return b[at >> 2u];
#endif
#else
    return vec4<f32>(b[at], b[at + 1u], b[at + 2u], b[at + 3u]);
#endif
}
