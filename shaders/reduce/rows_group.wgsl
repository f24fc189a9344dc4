// Reduction of rows, group form:  out[row, part] = combine over p in part of in[row, p].
//
// For devices with many cores and cheap barriers; same shapes, parts, states and bindings as rows.wgsl.
// One workgroup: one part of one row. Invocation t takes elements 4 t .. 4 t + 3 of each block of 4 WG (VEC: one vec4 load; else
// four loads of stride WG), so that neighbours read neighbours; then a tree in workgroup memory, WG a power of two.
// Grid: x = rows (65535 at most a dispatch, then `row_base`), y = parts.
// Loops: at most chunk / 4 + 1 + log2(WG) iterations, chunk <= 32768, WG <= 1024; barriers are in uniform control flow.
// Memory: WG states (f32: 1 KiB at WG = 256; argmax: 2 KiB). Work: outer * axis combines, 4 bytes read an element.
//
// Error of a float sum: four accumulators an invocation, depth d = ceil(C / (4 WG)) + 2 + log2(WG) for a part of C elements;
// D = sum of d over the passes; |computed - exact| <= gamma_D sum |x| as in rows.wgsl. WG = 256, chunk = 8192: d <= 18. Fixed order.

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

var<workgroup> tree: array<S, {{WG}}>;

@compute @workgroup_size({{WG}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = params.row_base + group.x;
    let part = group.y;
    let first = part * params.chunk;
    let last = min(params.axis, first + params.chunk);
    let base = row * params.outer_stride;
#for q in 0..4
    var s{{q}} = identity();
#endfor
#if VEC
    var p = first + 4u * lane;
    loop {
        if p >= last {
            break;
        }
        let x = load4(base + p);
#for q in 0..4
        s{{q}} = combine(s{{q}}, lift(x[{{q}}], p + {{q}}u));
#endfor
        p += {{4*WG}}u;
    }
#else
    var p = first + lane;
    loop {
        if p >= last {
            break;
        }
#for q in 0..4
        if p + {{q*WG}}u < last {
            s{{q}} = combine(s{{q}}, item(base + p + {{q*WG}}u, p + {{q*WG}}u));
        }
#endfor
        p += {{4*WG}}u;
    }
#endif
    tree[lane] = combine(combine(s0, s1), combine(s2, s3));
    var width = {{WG/2}}u;
    loop {
        workgroupBarrier();
        if lane < width {
            tree[lane] = combine(tree[lane], tree[lane + width]);
        }
        if width <= 1u {
            break;
        }
        width = width >> 1u;
    }
    if lane == 0u {
        put(row * params.parts + part, tree[0]);
    }
}
