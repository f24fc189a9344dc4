// Batched matrix product, group form:  C[b, i, j] = epilogue(sum_k A[b, i, k] B[b, k, j], b, i, j).
//
// For devices with many cores and cheap barriers. Shapes, strides, bindings, variants and the epilogue: see interface.wgsl; here
// A_MODE is 0 or 2 and K_TAIL is set.
// One workgroup (16 x TM / 4 invocations): a TM x 64 tile of C, TM = 64, 32 or 16 (small m); one invocation: 4 rows x 4 columns in
// four vec4 registers. K is walked in tiles of 16: A is staged transposed (a vec4 = four rows at one k; the row of TM / 4 + 1 vec4
// keeps memory banks apart), B as vec4 along columns. Behind k1 both tiles hold 0; rows and columns behind m and n repeat the last
// ones and are not stored.
// Grid: x = ceil(n / 64), y = ceil(m / TM) (65535 at most, then `row_base`), z = batch (* splits).
// Loops: at most k_chunk / 16 + 1 iterations, k_chunk <= 65536; barriers are in uniform control flow.
// Memory: 8.25 KiB a workgroup (TM = 64). Work: 2 m n k FLOPs a matrix; m n k (1 / 64 + 1 / TM) words loaded, m n stored.
// Tile and register shape: V. Volkov, J. Demmel, "Benchmarking GPUs to tune dense linear algebra", SC 2008.
// Error: as in lane.wgsl, |computed - exact| <= gamma_k sum |A| |B|; the order of summation is the same.

#import matmul/interface

var<workgroup> tile_a: array<vec4<f32>, {{16 * (TM / 4 + 1)}}>;
var<workgroup> tile_b: array<vec4<f32>, 256>;

@compute @workgroup_size({{4 * TM}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let lane_x = lane % 16u;
    let lane_y = lane / 16u;
    let slab = slab_of(group.z);
    let row0 = params.row_base + group.y * {{TM}}u;
    let col = group.x * 64u + lane_x * 4u;
    let columns = inside(col);
    // The four rows at one k that this invocation stages: neighbours take neighbouring rows where those lie side by side (A_MODE 2),
    // else neighbouring k.
#if A_MODE == 2
    let load_k = lane / {{TM / 4}}u;
    let load_row = lane % {{TM / 4}}u;
    let a_at = slab.a + min(row0 + load_row * 4u, params.m - 4u);
#else
    let load_k = lane_x;
    let load_row = lane_y;
#for r in 0..4
    let a_at{{r}} = slab.a + min(row0 + load_row * 4u + {{r}}u, params.m - 1u) * params.a_row;
#endfor
#endif
#for r in 0..4
    var s{{r}} = vec4<f32>();
#endfor
    var p = slab.k0;
    loop {
        if p >= slab.k1 {
            break;
        }
        let k = min(p + load_k, slab.k1 - 1u) * params.a_k;
#if A_MODE == 2
        let a4 = read_a4(a_at + k);
#else
        let a4 = vec4<f32>(a[a_at0 + k], a[a_at1 + k], a[a_at2 + k], a[a_at3 + k]);
#endif
#for j in 0..64 / TM
        let b{{j}} = read_b(slab.b, p + lane_y + {{j * (TM / 4)}}u, slab.k1, columns);
#endfor
        workgroupBarrier();
        tile_a[load_k * {{TM / 4 + 1}}u + load_row] = select(vec4<f32>(), a4, p + load_k < slab.k1);
#for j in 0..64 / TM
        tile_b[(lane_y + {{j * (TM / 4)}}u) * 16u + lane_x] = b{{j}};
#endfor
        workgroupBarrier();
#for q in 0..16
        let x{{q}} = tile_a[{{q * (TM / 4 + 1)}}u + lane_y];
        let y{{q}} = tile_b[{{q * 16}}u + lane_x];
#for r in 0..4
        s{{r}} = fma(vec4<f32>(x{{q}}[{{r}}]), y{{q}}, s{{r}});
#endfor
#endfor
        p += 16u;
    }
#for r in 0..4
    store_c(slab, row0 + lane_y * 4u + {{r}}u, col, s{{r}});
#endfor
}
