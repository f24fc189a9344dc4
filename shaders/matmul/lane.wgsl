// Batched matrix product, lane form:  C[b, i, j] = epilogue(sum_k A[b, i, k] B[b, k, j], b, i, j).
//
// Shapes: A [batch, m, k] and B [batch, k, n] by strides, C [batch, m, n]; see interface.wgsl for bindings and variants.
// One invocation: TM rows x VN vec4 of columns in named registers; no workgroup memory, no barrier. LX lanes lie along the columns
// (neighbours read neighbouring vec4 of B), WG / LX along the rows; with LX == WG the rows are the same for the whole workgroup.
// Grid: x = ceil(n / (4 VN LX)), y = ceil(m / (TM WG / LX)) (65535 at most, then `row_base`), z = batch (* splits).
// Loops: at most k_chunk / KU + 1 iterations, k_chunk <= 8192 with SPLIT, k <= 8192 without.
// Work: 2 m n k FLOPs a matrix; loads a step of 4 k: TM + 4 VN vec4 an invocation, for 16 TM VN multiply-adds.
//
// Error: one chain of k multiply-adds, fused or not, from an exact 0: |computed - exact| <= gamma_k sum |A| |B|,
// gamma_k = k u / (1 - k u), u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.5).

#import matmul/interface

@compute @workgroup_size({{WG}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let slab = slab_of(group.z);
#if LX == WG
    let row0 = params.row_base + group.y * {{TM}}u;
    let col0 = (group.x * {{VN * LX}}u + lane) * 4u;
#else
    let row0 = params.row_base + (group.y * {{WG / LX}}u + lane / {{LX}}u) * {{TM}}u;
    let col0 = (group.x * {{VN * LX}}u + lane % {{LX}}u) * 4u;
#endif
#if A_MODE == 2
#for g in 0..TM / 4
    let a_at{{g}} = slab.a + min(row0 + {{g * 4}}u, params.m - 4u);
#endfor
#else
#for r in 0..TM
    let a_at{{r}} = slab.a + min(row0 + {{r}}u, params.m - 1u) * params.a_row;
#endfor
#endif
#for v in 0..VN
    let columns{{v}} = inside(col0 + {{v * LX * 4}}u);
#endfor
#for r in 0..TM
#for v in 0..VN
    var s{{r}}_{{v}} = vec4<f32>();
#endfor
#endfor
    var p = slab.k0;
    loop {
        if p >= slab.k1 {
            break;
        }
#for v in 0..VN
#for q in 0..KU
        let b{{v}}_{{q}} = read_b(slab.b, p + {{q}}u, slab.k1, columns{{v}});
#endfor
#endfor
#if A_MODE == 2
#for g in 0..TM / 4
#for q in 0..KU
#if K_TAIL
        let a{{g}}_{{q}} = select(vec4<f32>(), read_a4(a_at{{g}} + min(p + {{q}}u, slab.k1 - 1u) * params.a_k), p + {{q}}u < slab.k1);
#else
        let a{{g}}_{{q}} = read_a4(a_at{{g}} + (p + {{q}}u) * params.a_k);
#endif
#endfor
#endfor
#endif
#for r in 0..TM
#if A_MODE == 2
        var x{{r}} = vec4<f32>();
#for q in 0..KU
        x{{r}}[{{q}}] = a{{r / 4}}_{{q}}[{{r % 4}}];
#endfor
#else
        let x{{r}} = read_a_k(a_at{{r}}, p, slab.k1);
#endif
#for v in 0..VN
#for q in 0..KU
        s{{r}}_{{v}} = fma(vec4<f32>(x{{r}}[{{q}}]), b{{v}}_{{q}}, s{{r}}_{{v}});
#endfor
#endfor
#endfor
        p += {{KU}}u;
    }
#for r in 0..TM
#for v in 0..VN
    store_c(slab, row0 + {{r}}u, col0 + {{v * LX * 4}}u, s{{r}}_{{v}});
#endfor
#endfor
}
