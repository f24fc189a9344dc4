// Random words: key[lanes, 2], counter[lanes, 2] -> out[lanes, words]. Word i of a lane is word i mod 4 of the Philox 4x32-10
// block with counter (i / 4, counter[0], counter[1], 0) and the lane's key (Salmon et al. 2011).
// One invocation makes one block: 16 bytes written, about 100 integer operations.
// Loops: none
#import lib/index
#import lib/random/philox
struct Params {
    lanes: u32,
    words: u32,
    blocks: u32,
    key_offset: u32,
    counter_offset: u32,
    out_offset: u32,
}
#params Params
@group(0) @binding(0) var<storage, read> key: array<u32>;
@group(0) @binding(1) var<storage, read> counter: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) wg: vec3<u32>,
    @builtin(num_workgroups) n: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let at = linear_group(wg, n) * 64u + index;
    if at >= params.lanes * params.blocks {
        return;
    }
    let lane = at / params.blocks;
    let block = at % params.blocks;
    let k = vec2<u32>(key[params.key_offset + 2u * lane], key[params.key_offset + 2u * lane + 1u]);
    let c = params.counter_offset + 2u * lane;
    let words = philox4x32(vec4<u32>(block, counter[c], counter[c + 1u], 0u), k);
    let first = 4u * block;
    let base = params.out_offset + lane * params.words + first;
    if first < params.words {
        out[base] = words.x;
    }
    if first + 1u < params.words {
        out[base + 1u] = words.y;
    }
    if first + 2u < params.words {
        out[base + 2u] = words.z;
    }
    if first + 3u < params.words {
        out[base + 3u] = words.w;
    }
}
