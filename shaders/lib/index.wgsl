// Linear indices of grids that were folded over x, y and z because no dimension may pass 65,535 workgroups.
// The host folds with `gpu::fold_groups`; the folded grid may be larger than the work, so every kernel guards
// `if group >= total`. No memory.
// Loops: none

// Linear number of the workgroup, x fastest. Exact as long as the grid has fewer than 2^32 workgroups.
fn linear_group(workgroup_id: vec3<u32>, num_workgroups: vec3<u32>) -> u32 {
    return workgroup_id.x + num_workgroups.x * (workgroup_id.y + num_workgroups.y * workgroup_id.z);
}

// Linear number of the invocation: `size` invocations a workgroup, `local` is `local_invocation_index`.
fn linear_index(workgroup_id: vec3<u32>, num_workgroups: vec3<u32>, size: u32, local: u32) -> u32 {
    return linear_group(workgroup_id, num_workgroups) * size + local;
}
