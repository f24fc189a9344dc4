// philox4x32(counter, key): Philox 4x32-10, a counter-based generator: 128 random bits as a pure function of a 128-bit
// counter and a 64-bit key. No state, so every lane, step and replay names its own numbers.
//
// A round maps (c0, c1, c2, c3) to (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)); ten rounds, the key
// grows by the Weyl constants between them.
// Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011;
// constants and known answers from their library Random123.
//
// Error: none, exact integer arithmetic; equal bits on every adapter.
// Cost: 20 fl_mulhi, 20 multiplications, 60 other integer operations for four words.
// Loops: none

#import lib/math/mulhi

fn philox_round(c: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    let high0 = fl_mulhi(0xd2511f53u, c.x);
    let high1 = fl_mulhi(0xcd9e8d57u, c.z);
    return vec4<u32>(high1 ^ c.y ^ key.x, 0xcd9e8d57u * c.z, high0 ^ c.w ^ key.y, 0xd2511f53u * c.x);
}

fn philox4x32(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    let weyl = vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
    var c = philox_round(counter, key);
    c = philox_round(c, key + weyl);
    c = philox_round(c, key + weyl * 2u);
    c = philox_round(c, key + weyl * 3u);
    c = philox_round(c, key + weyl * 4u);
    c = philox_round(c, key + weyl * 5u);
    c = philox_round(c, key + weyl * 6u);
    c = philox_round(c, key + weyl * 7u);
    c = philox_round(c, key + weyl * 8u);
    return philox_round(c, key + weyl * 9u);
}
