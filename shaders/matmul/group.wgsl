// Batched matrix product, group form:  C[b, i, j] = epilogue(sum_k A[b, i, k] B[b, k, j], b, i, j).
//
// For devices with many cores and cheap barriers. Shapes, strides, bindings, parameters, SPLIT and the epilogue: see lane.wgsl.
// One workgroup (16 x 16 invocations): a 64 x 64 tile of C; one invocation: 4 rows x 4 columns in four vec4 registers.
// K is walked in tiles of 16: A is staged transposed (a vec4 = four rows at one k; a row of 17 vec4 keeps the banks apart), B as
// vec4 along columns. Beyond k both tiles hold zeros; beyond m and n rows and columns repeat the last one and are not stored.
// Grid: x = ceil(n / 64), y = ceil(m / 64), z = batch (* splits).
// Loops: at most k_chunk / 16 + 1 iterations, k_chunk <= 65536; barriers are in uniform control flow.
// Memory: 8.25 KiB a workgroup. Work: 2 m n k FLOPs a matrix; (m k n / 64 + k n m / 64 + m n) * 4 bytes.
// Tile and register shape: V. Volkov, J. Demmel, "Benchmarking GPUs to tune dense linear algebra", SC 2008.
//
// Error: one chain of k fused or separate multiply-adds: |computed - exact| <= gamma_k sum |A| |B|, gamma_k = k u / (1 - k u).

#import matmul/interface

var<workgroup> tile_a: array<vec4<f32>, 272>;
var<workgroup> tile_b: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let lane_x = lane % 16u;
    let lane_y = lane / 16u;
    let slab = slab_of(group.z);
    let row0 = params.row_base + group.y * 64u + lane_y * 4u;
    let col = group.x * 64u + lane_x * 4u;
#if A_MODE == 2
    // Neighbouring lanes take neighbouring rows, which lie side by side.
    let load_k = lane_y;
    let load_row = lane_x;
#else
    // Neighbouring lanes take neighbouring k.
    let load_k = lane_x;
    let load_row = lane_y;
#endif
    let first_row = params.row_base + group.y * 64u + load_row * 4u;
#if A_MODE == 2
    let a_at = slab.a + min(first_row, params.m - 4u);
#else
#for r in 0..4
    let a_at{{r}} = slab.a + min(first_row + {{r}}u, params.m - 1u) * params.a_row;
#endfor
#endif
    let b_at = column_of(slab.b, col);
#for r in 0..4
    var s{{r}} = vec4<f32>();
#endfor
    var p = slab.k0;
    loop {
        if p >= slab.k1 {
            break;
        }
        let k_a = min(p + load_k, slab.k1 - 1u);
#if A_MODE == 2
        let a4 = a[(a_at + k_a * params.a_k) >> 2u];
#else
        let a4 = vec4<f32>(load_a(a_at0, k_a), load_a(a_at1, k_a), load_a(a_at2, k_a), load_a(a_at3, k_a));
#endif
        let b4 = load_b(b_at, min(p + lane_y, slab.k1 - 1u));
        workgroupBarrier();
        tile_a[load_k * 17u + load_row] = select(vec4<f32>(), a4, p + load_k < slab.k1);
        tile_b[lane_y * 16u + lane_x] = select(vec4<f32>(), b4, p + lane_y < slab.k1);
        workgroupBarrier();
#for q in 0..16
        let x{{q}} = tile_a[{{q*17}}u + lane_y];
        let y{{q}} = tile_b[{{q*16}}u + lane_x];
#for r in 0..4
        s{{r}} = fma(vec4<f32>(x{{q}}[{{r}}]), y{{q}}, s{{r}});
#endfor
#endfor
        p += 16u;
    }
#for r in 0..4
    store_c(slab, row0 + {{r}}u, col, s{{r}});
#endfor
}
