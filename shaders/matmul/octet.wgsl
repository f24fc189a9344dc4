// Batched matrix product for software devices:  C[b, i, j] = epilogue(sum_k A[b, i, k] B[b, k, j], b, i, j).
//
// Shapes, strides, bindings, variants and the epilogue: see interface.wgsl and lane.wgsl.
// One workgroup is eight invocations, which share their loads by subgroup shuffles: a tile of R rows x 32 VN columns of C. Lane l
// owns the columns 4 l .. 4 l + 3 of each 32 and loads them from B; it loads every eighth row of A (A_MODE 2: every eighth vec4 of
// rows) for all eight. Nothing is loaded twice by a tile.
// Why: on Mesa's llvmpipe without AVX-512 each word that a lane loads from a storage buffer costs about 17 cycles, uniform or not,
// while a shuffle from a constant lane is a broadcast from the stack, and arithmetic is 16 FLOPs a cycle: the tile is made large.
// Needs: subgroup operations, the eight invocations as lanes 0 .. 7 of one subgroup (subgroup size >= 8). R is a multiple of 8
// (A_MODE 2: of 32).
// Grid: x = ceil(n / (32 VN)), y = ceil(m / R) (65535 at most, then `row_base`), z = batch (* splits).
// Loops: at most k_chunk / KU + 1 iterations, k_chunk <= 8192 with SPLIT, k <= 8192 without.
// Work: 2 m n k FLOPs a matrix; words loaded: m k n / (32 VN) of A, k n m / R of B.
// Error: as in lane.wgsl, |computed - exact| <= gamma_k sum |A| |B|; the order of summation is the same.

#require subgroups
#import matmul/interface

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let slab = slab_of(group.z);
    let row0 = params.row_base + group.y * {{R}}u;
    let col0 = group.x * {{VN * 32}}u + lane * 4u;
#if A_MODE == 2
#for g in 0..R / 32
    let a_at{{g}} = slab.a + min(row0 + {{g * 32}}u + lane * 4u, params.m - 4u);
#endfor
#else
#for g in 0..R / 8
    let a_at{{g}} = slab.a + min(row0 + {{g * 8}}u + lane, params.m - 1u) * params.a_row;
#endfor
#endif
#for v in 0..VN
    let columns{{v}} = inside(col0 + {{v * 32}}u);
#endfor
#for r in 0..R
#for v in 0..VN
    var s{{r}}_{{v}} = vec4<f32>();
#endfor
#endfor
    var p = slab.k0;
    loop {
        if p >= slab.k1 {
            break;
        }
#if A_MODE == 2
#for g in 0..R / 32
#for q in 0..KU
#if K_TAIL
        let a{{g}}_{{q}} = select(vec4<f32>(), read_a4(a_at{{g}} + min(p + {{q}}u, slab.k1 - 1u) * params.a_k), p + {{q}}u < slab.k1);
#else
        let a{{g}}_{{q}} = read_a4(a_at{{g}} + (p + {{q}}u) * params.a_k);
#endif
#endfor
#endfor
#else
#for g in 0..R / 8
        let a{{g}} = read_a_k(a_at{{g}}, p, slab.k1);
#endfor
#endif
#for v in 0..VN
#for q in 0..KU
        let b{{v}}_{{q}} = read_b(slab.b, p + {{q}}u, slab.k1, columns{{v}});
#endfor
#endfor
#for r in 0..R
#for q in 0..KU
#if A_MODE == 2
        let x{{r}}_{{q}} = subgroupShuffle(a{{r / 32}}_{{q}}[{{r % 4}}], {{r % 32 / 4}}u);
#else
        let x{{r}}_{{q}} = subgroupShuffle(a{{r / 8}}[{{q}}], {{r % 8}}u);
#endif
#endfor
#for v in 0..VN
#for q in 0..KU
        s{{r}}_{{v}} = fma(vec4<f32>(x{{r}}_{{q}}), b{{v}}_{{q}}, s{{r}}_{{v}});
#endfor
#endfor
#endfor
        p += {{KU}}u;
    }
#for r in 0..R
#for v in 0..VN
    store_c(slab, row0 + {{r}}u, col0 + {{v * 32}}u, s{{r}}_{{v}});
#endfor
#endfor
}
