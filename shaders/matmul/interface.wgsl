// Bindings, parameters, addresses, loads and stores that the matmul kernels share; each kernel's header has the formula.
//
// Element [b, i, k] of A stands at a_off + b a_batch + i a_row + k a_k, [b, k, j] of B at b_off + b b_batch + k b_k + j, [b, i, j]
// of C at c_off + b c_batch + i c_row + j. Strides and offsets count elements; a batch stride of 0 broadcasts.
// A dispatch covers the rows from row_base and the matrices from batch_base on, as far as its grid reaches: a grid that would pass
// 65535 workgroups in a dimension is cut. With SPLIT, params.batch is the number of matrices in the dispatch.
//
// A_MODE 0: any strides; A is bound as array<f32>.
//        1: a_k == 1; a_off, a_batch, a_row, k and k_chunk are multiples of 4; A is bound as vec4 (four k of one row).
//        2: a_row == 1; a_off, a_batch, a_k and m are multiples of 4; A is bound as vec4 (four rows at one k).
// VEC_B:  n, b_off, b_batch, b_k are multiples of 4; B is bound as vec4 (four columns). Else B is array<f32>.
// VEC_C:  n, c_off, c_batch, c_row, c_split are multiples of 4; C is bound as vec4. Else C is array<f32>.
// KU:     k is walked in steps of KU (default 4; k itself where k < 4, with A_MODE 0 or 2).
// K_TAIL: some range of k is no multiple of KU: what lies behind it is taken as 0 (A and B both, so that no NaN arises).
// SPLIT:  grid z = batch * splits; split s sums k in [s k_chunk, min(k, (s+1) k_chunk)) and writes C + s c_split. A reduction over
//         the splits in fixed order (reduce/columns) follows, and the epilogue belongs there.
// WIDE:   vec4 operands are loaded as two 64-bit words (needs int64): half the cost where a load costs by the word.
// B_UNIFORM: B (VEC_B) is bound as a uniform buffer of B_LEN vec4 (B_LEN <= 4096): many times cheaper on software devices.
//
// EPILOGUE (inserted; it declares its operands at bindings 3 and up): fn epilogue(acc: f32, batch: u32, row: u32, col: u32) -> f32
// for row < m, col < n. It is pure: the kernels may call it more than once for an element.

#default KU 4
#if WIDE
#require int64
#endif

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
#if EPILOGUE_PARAMS
#insert EPILOGUE_PARAMS
#endif
}
#params Params

#if A_MODE == 0
@group(0) @binding(0) var<storage, read> a: array<f32>;
#elif WIDE
@group(0) @binding(0) var<storage, read> a: array<vec2<u64>>;
#else
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
#endif
#if B_UNIFORM
@group(0) @binding(1) var<uniform> b: array<vec4<f32>, {{B_LEN}}>;
#elif (VEC_B || B_LINE) && WIDE
@group(0) @binding(1) var<storage, read> b: array<vec2<u64>>;
#elif VEC_B || B_LINE
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
#else
@group(0) @binding(1) var<storage, read> b: array<f32>;
#endif
#if VEC_C
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;
#else
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
#endif

#if EPILOGUE
#insert EPILOGUE
#else
fn epilogue(acc: f32, batch: u32, row: u32, col: u32) -> f32 {
    return acc;
}
#endif

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

#if A_MODE != 0
// The vec4 of A at element `at` (a multiple of 4).
fn read_a4(at: u32) -> vec4<f32> {
#if WIDE
    return floats(a[at >> 2u]);
#else
    return a[at >> 2u];
#endif
}
#endif

#if A_MODE != 2
// A[row, p .. p+KU-1] of the row that begins at `at`, for p < k1.
fn read_a_k(at: u32, p: u32, k1: u32) -> vec4<f32> {
#if A_MODE == 1
    return read_a4(at + p);
#elif KU < 4
    var x = vec4<f32>();
#for q in 0..KU
    x[{{q}}] = a[at + (p + {{q}}u) * params.a_k];
#endfor
    return x;
#elif K_TAIL
    let q = min(vec4<u32>(p, p + 1u, p + 2u, p + 3u), vec4<u32>(k1 - 1u));
    let i = at + q * params.a_k;
    return select(vec4<f32>(a[i.x], a[i.y], a[i.z], a[i.w]), vec4<f32>(), q < vec4<u32>(p, p + 1u, p + 2u, p + 3u));
#else
    let i = at + p * params.a_k;
    return vec4<f32>(a[i], a[i + params.a_k], a[i + 2u * params.a_k], a[i + 3u * params.a_k]);
#endif
}
#endif

#if B_LINE
// B[p .. p+3] of a single contiguous column; `at` is a multiple of 4.
fn read_b_line(at: u32) -> vec4<f32> {
#if WIDE
    return floats(b[at >> 2u]);
#else
    return b[at >> 2u];
#endif
}
#else
// Columns col .. col+3, held inside the matrix: what lies behind its edge repeats the last column (or vec4) and is not stored.
fn inside(col: u32) -> vec4<u32> {
#if VEC_B
    return vec4<u32>(min(col, params.n - 4u));
#else
    return min(vec4<u32>(col, col + 1u, col + 2u, col + 3u), vec4<u32>(params.n - 1u));
#endif
}

// B[p, columns] of the matrix that begins at `at`; 0 for p >= k1.
fn read_b(at: u32, p: u32, k1: u32, columns: vec4<u32>) -> vec4<f32> {
#if K_TAIL
    let i = at + min(p, k1 - 1u) * params.b_k + columns;
#else
    let i = at + p * params.b_k + columns;
#endif
#if VEC_B && WIDE && !B_UNIFORM
    let x = floats(b[i.x >> 2u]);
#elif VEC_B
    let x = b[i.x >> 2u];
#else
    let x = vec4<f32>(b[i.x], b[i.y], b[i.z], b[i.w]);
#endif
#if K_TAIL
    return select(vec4<f32>(), x, p < k1);
#else
    return x;
#endif
}

#endif

// C[row, col .. col+3] = epilogue(acc), where inside. The epilogue is evaluated ahead of the guards, at indices held inside, so that
// its loads of one column are loaded once for all rows.
fn store_c(slab: Slab, row: u32, col: u32, acc: vec4<f32>) {
    let r = min(row, params.m - 1u);
    let at = slab.c + row * params.c_row + col;
#if VEC_C
    let q = min(col, params.n - 4u);
    let low = vec2<f32>(epilogue(acc.x, slab.batch, r, q), epilogue(acc.y, slab.batch, r, q + 1u));
    let high = vec2<f32>(epilogue(acc.z, slab.batch, r, q + 2u), epilogue(acc.w, slab.batch, r, q + 3u));
    if row < params.m && col < params.n {
        c[at >> 2u] = vec4<f32>(low, high);
    }
#else
#for q in 0..4
    let x{{q}} = epilogue(acc[{{q}}], slab.batch, r, min(col + {{q}}u, params.n - 1u));
    if row < params.m && col + {{q}}u < params.n {
        c[at + {{q}}u] = x{{q}};
    }
#endfor
#endif
}
