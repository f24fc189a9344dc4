// Test of the parameter block: out[i] = scale * in[i] + offset for i < count; 64 invocations a workgroup, one element each.
// 8 bytes and 2 FLOPs an element.
// Loops: none
#import lib/index
#params Params

struct Params {
    count: u32,
    offset: i32,
    scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(group, groups, 64u, local);
    if i < params.count {
        y[i] = params.scale * x[i] + f32(params.offset);
    }
}
