// Sums of rows by index: updates[batch, count, width], index[batch, count] -> out[batch, rows, width].
// out[b, j, r] = sum over i with index[b, i] = j of updates[b, i, r], added in the order of i, so that the same data give the
// same bits. One invocation owns one element of the result and reads every index of its batch: no float atomics.
// Error of a sum of c terms: (c - 1) u sum|x| to first order, u = 2^-24 (Higham 2002, 4.2).
// An index that is out of range adds nothing and sets bit 31 of the fault word.
// Bytes: 4 rows width count of indices (cached), 4 count width of updates; FLOPs: count width.
// Loops: at most 32768 iterations; longer lists come in several dispatches [first, last), the later ones adding to the result.
#import lib/index
#insert ELEMENT
struct Params {
    total: u32,
    rows: u32,
    count: u32,
    width: u32,
    first: u32,
    last: u32,
    updates_offset: u32,
    index_offset: u32,
    out_offset: u32,
}
#params Params
@group(0) @binding(0) var<storage, read> updates: array<T>;
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
    let column = at % params.width;
    let item = at / params.width;
    let row = item % params.rows;
    let batch = item / params.rows;
    var sum = T(0);
    if params.first > 0u {
        sum = out[params.out_offset + at];
    }
    for (var i = params.first; i < params.last; i++) {
        let source = batch * params.count + i;
        let target_row = index[params.index_offset + source];
        if target_row == row {
            sum += updates[params.updates_offset + source * params.width + column];
        }
        if target_row >= params.rows {
            atomicOr(&fault[0], 1u << 31u);
        }
    }
    out[params.out_offset + at] = sum;
}
