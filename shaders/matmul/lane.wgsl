struct Params {
    m: u32, n: u32, k: u32, batch: u32,
    a_batch: u32, a_row: u32, a_k: u32,
    b_batch: u32, b_k: u32,
    c_batch: u32, c_row: u32,
    a_off: u32, b_off: u32, c_off: u32,
    row_base: u32, batch_base: u32,
    k_chunk: u32, c_split: u32,
}
#params Params

#if A_MODE == 0
@group(0) @binding(0) var<storage, read> a: array<f32>;
#else
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
#endif
#if VEC_B
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
#else
@group(0) @binding(1) var<storage, read> b: array<f32>;
#endif
#if VEC_C
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;
#else
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
#endif

#insert EPILOGUE

@compute @workgroup_size({{WG}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let lane_col = lane % {{LX}}u;
    let row0 = params.row_base + (group.y * {{WG/LX}}u + lane / {{LX}}u) * {{TM}}u;
    let col0 = (group.x * {{LX*VN}}u + lane_col) * 4u;
#if SPLIT
    let batch = params.batch_base + group.z % params.batch;
    let split = group.z / params.batch;
    let k0 = split * params.k_chunk;
    let k1 = min(params.k, k0 + params.k_chunk);
    let c_base = params.c_off + batch * params.c_batch + split * params.c_split;
#else
    let batch = params.batch_base + group.z;
    let k0 = group.z * 0u;
    let k1 = params.k;
    let c_base = params.c_off + batch * params.c_batch;
#endif
    let a_base = params.a_off + batch * params.a_batch;
    let b_base = params.b_off + batch * params.b_batch;
#for r in 0..TM
    let a_row{{r}} = a_base + min(row0 + {{r}}u, params.m - 1u) * params.a_row;
#endfor
#for v in 0..VN
    let col_{{v}} = col0 + {{v*LX*4}}u;
    let b_col{{v}} = b_base + min(col_{{v}}, params.n - 4u);
#endfor
#for r in 0..TM
#for v in 0..VN
    var s{{r}}_{{v}} = vec4<f32>();
#endfor
#endfor
    var p = k0;
    let whole = k0 + (max(k0, k1) - k0) / 4u * 4u;
    loop {
        if p >= whole { break; }
#if A_MODE == 1
#for r in 0..TM
        let a{{r}} = a[(a_row{{r}} + p) >> 2u];
#endfor
#endif
#if A_MODE == 0
#for r in 0..TM
        let a{{r}} = vec4<f32>(a[a_row{{r}} + p * params.a_k], a[a_row{{r}} + (p + 1u) * params.a_k], a[a_row{{r}} + (p + 2u) * params.a_k], a[a_row{{r}} + (p + 3u) * params.a_k]);
#endfor
#endif
#for v in 0..VN
#for q in 0..4
        let b{{v}}_{{q}} = b[(b_col{{v}} + (p + {{q}}u) * params.b_k) >> 2u];
#endfor
#endfor
#for r in 0..TM
#for v in 0..VN
#for q in 0..4
        s{{r}}_{{v}} = fma(vec4<f32>(a{{r}}[{{q}}]), b{{v}}_{{q}}, s{{r}}_{{v}});
#endfor
#endfor
#endfor
        p += 4u;
    }
#for r in 0..TM
    if row0 + {{r}}u < params.m {
        let c_row = c_base + (row0 + {{r}}u) * params.c_row;
#for v in 0..VN
        if col_{{v}} < params.n {
            c[(c_row + col_{{v}}) >> 2u] = s{{r}}_{{v}};
        }
#endfor
    }
#endfor
}
