#import matmul/interface

fn octet_a(at: u32, p: u32) -> vec4<f32> {
#if A_MODE == 1
    return read_a4(at + p);
#else
    return vec4<f32>(a[at + p * params.a_k], a[at + (p + 1u) * params.a_k], a[at + (p + 2u) * params.a_k], a[at + (p + 3u) * params.a_k]);
#endif
}

@compute @workgroup_size({{WG}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let lane = index % 8u;
    let slab = slab_of(group.z);
    let row0 = params.row_base + (group.y * {{WG/8}}u + index / 8u) * {{R}}u;
    let col0 = group.x * {{VN*32}}u + lane * 4u;
#for g in 0..R/8
    let a_at{{g}} = slab.a + min(row0 + {{g*8}}u + lane, params.m - 1u) * params.a_row;
#endfor
#for v in 0..VN
    let b_at{{v}} = slab.b + min(col0 + {{v*32}}u, params.n - 4u);
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
#for u in 0..KU/4
#for g in 0..R/8
        let a{{g}}_{{u}} = octet_a(a_at{{g}}, p + {{u*4}}u);
#endfor
#endfor
#for v in 0..VN
#for q in 0..KU
        let b{{v}}_{{q}} = read_b4(b_at{{v}} + (p + {{q}}u) * params.b_k);
#endfor
#endfor
#for r in 0..R
#for q in 0..KU
        let x{{r}}_{{q}} = subgroupShuffle(a{{r/8}}_{{q/4}}[{{q%4}}], {{r%8}}u);
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
    if row0 + {{r}}u < params.m && col0 + {{v*32}}u < params.n {
        c[(slab.c + (row0 + {{r}}u) * params.c_row + col0 + {{v*32}}u) >> 2u] = s{{r}}_{{v}};
    }
#endfor
#endfor
}
