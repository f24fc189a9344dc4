// Reduction of rows, lane form:  out[row, part] = combine over p in part of in[row, p].
//
// Shapes: in [outer, axis] with strides outer_stride, 1 (inner == 1), out [outer, parts]; part s covers p in
// [s * chunk, min(axis, (s+1) * chunk)) and parts = ceil(axis / chunk). With parts == 1 the result is final; else this pass writes states (TO_STATE) and a second pass
// (FROM_STATE, axis = parts) joins them. A reduction to a scalar is outer == 1.
// One invocation: one part of one row. Lanes run along rows, or along the parts of a row (CHUNK_LANES: few long rows).
// Grid: x = rows / WG, y = parts; with CHUNK_LANES x = parts / WG, y = rows. More than 65535 rows a dimension: several dispatches
// with `row_base`.
// Loops: at most chunk / 8 + 8 iterations (VEC: chunk / 8 + 2), chunk <= 8192.
// Work: outer * axis combines, 4 bytes read an element, 4 (argmax: 8) written a part.
//
// Error of a float sum. Eight interleaved accumulators and a tree: an element of a part of C elements passes through at most
// d = ceil(C / 8) + 8 additions (C / 8 in its accumulator, up to 7 of the tail that join accumulator 0, 3 in the tree minus the
// first, exact addition to zero). Over passes the depths add up: D = sum d_i. Hence |computed - exact| <= gamma_D sum |x|,
// gamma_D = D u / (1 - D u), u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 4.2).
// chunk = 1024 gives D <= 136 for rows up to 1024 and D <= 272 up to 2^20. The order is fixed: same input, same bits.

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
#if CHUNK_LANES
    let row = params.row_base + group.y;
    let part = group.x * {{WG}}u + lane;
#else
    let row = params.row_base + group.x * {{WG}}u + lane;
    let part = group.y;
#endif
    if row < params.outer && part < params.parts {
        let base = row * params.outer_stride;
        let first = part * params.chunk;
        let last = min(params.axis, first + params.chunk);
        let whole = first + (last - first) / 8u * 8u;
#for q in 0..8
        var s{{q}} = identity();
#endfor
        var p = first;
        loop {
            if p >= whole {
                break;
            }
#if VEC
            let x = load4(base + p);
            let y = load4(base + p + 4u);
#for q in 0..4
            s{{q}} = combine(s{{q}}, lift(x[{{q}}], p + {{q}}u));
            s{{q+4}} = combine(s{{q+4}}, lift(y[{{q}}], p + {{q+4}}u));
#endfor
#else
#for q in 0..8
            s{{q}} = combine(s{{q}}, item(base + p + {{q}}u, p + {{q}}u));
#endfor
#endif
            p += 8u;
        }
        loop {
            if p >= last {
                break;
            }
#if VEC
            let x = load4(base + p);
#for q in 0..4
            s{{q}} = combine(s{{q}}, lift(x[{{q}}], p + {{q}}u));
#endfor
            p += 4u;
#else
            s0 = combine(s0, item(base + p, p));
            p += 1u;
#endif
        }
        let low = combine(combine(s0, s1), combine(s2, s3));
        let high = combine(combine(s4, s5), combine(s6, s7));
        put(row * params.parts + part, combine(low, high));
    }
}
