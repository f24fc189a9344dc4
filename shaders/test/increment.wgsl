// Test of replay and of folded grids: adds 1 to counts[group] for group < count; one invocation and one element a workgroup.
// 8 bytes an element.
// Loops: none
#import lib/index
#params Params

struct Params {
    count: u32,
}

@group(0) @binding(0) var<storage, read_write> counts: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let group = linear_group(id, groups);
    if group >= params.count {
        return;
    }
    counts[group] += 1u;
}
