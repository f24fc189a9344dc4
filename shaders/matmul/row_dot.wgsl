// Batched matrix product with few columns:  C[b, i, j] = epilogue(sum_k A[b, i, k] B[b, k, j], b, i, j), n = N <= 4.
//
// Shapes, strides, bindings, variants and the epilogue: see interface.wgsl; B and C are bound as array<f32> (neither VEC_B nor
// VEC_C), A_MODE is 0 or 1. B_LINE: N == 1, b_k == 1, b_off and b_batch multiples of 4, no K_TAIL: B is bound as vec4.
// One invocation: R rows, WG apart, by N columns; lanes run along the rows, so that the few columns of B serve R rows each.
// Grid: x = ceil(m / (R WG)) (65535 at most, then `row_base`), y = 1, z = batch (* splits).
// Loops: at most k_chunk / KU + 1 iterations, k_chunk <= 8192 with SPLIT, k <= 8192 without.
// Work: 2 m n k FLOPs a matrix; m k words of A, N k / R words of B an invocation.
// Error: as in lane.wgsl, |computed - exact| <= gamma_k sum |A| |B|; the order of summation is the same.

#import matmul/interface

@compute @workgroup_size({{WG}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let slab = slab_of(group.z);
    let row0 = params.row_base + group.x * {{R * WG}}u + lane;
#for r in 0..R
    let a_at{{r}} = slab.a + min(row0 + {{r * WG}}u, params.m - 1u) * params.a_row;
#for j in 0..N
    var s{{r}}_{{j}} = 0.0;
#endfor
#endfor
    var p = slab.k0;
    loop {
        if p >= slab.k1 {
            break;
        }
#if B_LINE
        let b0 = read_b_line(slab.b + p);
#elif K_TAIL
        let at = slab.b + min(vec4<u32>(p, p + 1u, p + 2u, p + 3u), vec4<u32>(slab.k1 - 1u)) * params.b_k;
        let known = vec4<u32>(p, p + 1u, p + 2u, p + 3u) < vec4<u32>(slab.k1);
#for j in 0..N
        let b{{j}} = select(vec4<f32>(), vec4<f32>(b[at.x + {{j}}u], b[at.y + {{j}}u], b[at.z + {{j}}u], b[at.w + {{j}}u]), known);
#endfor
#else
#for j in 0..N
        var b{{j}} = vec4<f32>();
#for q in 0..KU
        b{{j}}[{{q}}] = b[slab.b + (p + {{q}}u) * params.b_k + {{j}}u];
#endfor
#endfor
#endif
#for r in 0..R
        let x{{r}} = read_a_k(a_at{{r}}, p, slab.k1);
#for j in 0..N
#for q in 0..KU
        s{{r}}_{{j}} = fma(x{{r}}[{{q}}], b{{j}}[{{q}}], s{{r}}_{{j}});
#endfor
#endfor
#endfor
        p += {{KU}}u;
    }
#for r in 0..R
#for j in 0..N
    let c{{r}}_{{j}} = epilogue(s{{r}}_{{j}}, slab.batch, min(row0 + {{r * WG}}u, params.m - 1u), {{j}}u);
    if row0 + {{r * WG}}u < params.m {
        c[slab.c + (row0 + {{r * WG}}u) * params.c_row + {{j}}u] = c{{r}}_{{j}};
    }
#endfor
#endfor
}
