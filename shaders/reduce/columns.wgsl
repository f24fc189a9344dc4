// Reduction of a middle or leading axis:  out[o, part, i] = combine over p in part of in[o, p, i].
//
// Shapes: in [outer, axis, inner] with strides outer_stride, axis_stride, 1; out [outer, parts, inner]; part s covers p in
// [s * chunk, min(axis, (s+1) * chunk)), parts = ceil(axis / chunk). parts == 1: final; else states for a second pass (FROM_STATE, axis = parts).
// One invocation: one part of one column (VEC: of four neighbouring columns, inner % 4 == 0, one vec4 a row). Lanes run along the
// columns, so that a workgroup reads contiguous memory. FLAT: lanes run along (part, column) pairs, for inner smaller than a
// workgroup.
// Grid: x = columns / WG, y = outer, z = parts; FLAT: x = parts * columns / WG, y = outer. `row_base` shifts y.
// Loops: at most chunk / 4 + 3 iterations, chunk <= 8192.
// Work: outer * axis * inner combines, 4 bytes read an element, 4 (argmax: 8) written a part and column.
//
// Error of a float sum: four interleaved accumulators a column (rows p mod 4), the tail joins the first: depth
// d = ceil(C / 4) + 5 for a part of C rows; D = sum of d over the passes; |computed - exact| <= gamma_D sum |x| as in rows.wgsl.
// chunk = 512 gives d <= 133. The order is fixed.

struct Params {
    outer: u32,
    axis: u32,
    inner: u32,
    in_off: u32,
    out_off: u32,
    chunk: u32,
    parts: u32,
    row_base: u32,
    outer_stride: u32,
    axis_stride: u32,
}
#params Params

#import reduce/op
#import reduce/source

@compute @workgroup_size({{WG}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = group.x * {{WG}}u + lane;
    let columns = params.inner / {{COLS}}u;
#if FLAT
    let part = at / columns;
    let column = (at - part * columns) * {{COLS}}u;
#else
    let part = group.z;
    let column = at * {{COLS}}u;
#endif
    let row = params.row_base + group.y;
    if row < params.outer && part < params.parts && column < params.inner {
        let first = part * params.chunk;
        let last = min(params.axis, first + params.chunk);
        let whole = first + (last - first) / 4u * 4u;
        let base = row * params.outer_stride + column;
#for q in 0..4
#for c in 0..COLS
        var s{{q}}_{{c}} = identity();
#endfor
#endfor
        var p = first;
        loop {
            if p >= whole {
                break;
            }
#for q in 0..4
#if VEC
            let x{{q}} = load4(base + (p + {{q}}u) * params.axis_stride);
#for c in 0..4
            s{{q}}_{{c}} = combine(s{{q}}_{{c}}, lift(x{{q}}[{{c}}], p + {{q}}u));
#endfor
#else
            s{{q}}_0 = combine(s{{q}}_0, item(base + (p + {{q}}u) * params.axis_stride, p + {{q}}u));
#endif
#endfor
            p += 4u;
        }
        loop {
            if p >= last {
                break;
            }
#if VEC
            let x = load4(base + p * params.axis_stride);
#for c in 0..4
            s0_{{c}} = combine(s0_{{c}}, lift(x[{{c}}], p));
#endfor
#else
            s0_0 = combine(s0_0, item(base + p * params.axis_stride, p));
#endif
            p += 1u;
        }
        let at_out = (row * params.parts + part) * params.inner + column;
#for c in 0..COLS
        put(at_out + {{c}}u, combine(combine(s0_{{c}}, s1_{{c}}), combine(s2_{{c}}, s3_{{c}})));
#endfor
    }
}
