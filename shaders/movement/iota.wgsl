// Indices along one axis: out[i] = (i / inner) mod size, for i over all elements.
// One invocation writes one element: 4 bytes, 2 integer operations.
// Loops: none
#import lib/index
struct Params {
    total: u32,
    inner: u32,
    size: u32,
}
#params Params
@group(0) @binding(0) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) wg: vec3<u32>,
    @builtin(num_workgroups) n: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear_group(wg, n) * 64u + lane;
    if i < params.total {
        out[i] = (i / params.inner) % params.size;
    }
}
