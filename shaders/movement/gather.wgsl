// Rows by index: data[batch, rows, width], index[batch, count] -> out[batch, count, width].
// out[b, i, r] = data[b, index[b, i], r]; an index that is out of range gives zero and sets bit 30 of the fault word.
// One invocation moves one element: 8 bytes and the index.
// Loops: none
#import lib/index
#insert ELEMENT
struct Params {
    total: u32,
    rows: u32,
    count: u32,
    width: u32,
    data_offset: u32,
    index_offset: u32,
    out_offset: u32,
}
#params Params
@group(0) @binding(0) var<storage, read> data: array<T>;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<T>;
@group(0) @binding(3) var<storage, read_write> fault: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) wg: vec3<u32>,
    @builtin(num_workgroups) n: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = linear_group(wg, n) * 64u + lane;
    if at >= params.total {
        return;
    }
    let item = at / params.width;
    let column = at % params.width;
    let row = index[params.index_offset + item];
    if row >= params.rows {
        atomicOr(&fault[0], 1u << 30u);
        out[params.out_offset + at] = T(0);
        return;
    }
    let batch = item / params.count;
    out[params.out_offset + at] = data[params.data_offset + (batch * params.rows + row) * params.width + column];
}
