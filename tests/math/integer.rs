//! Exact integer pieces: high words of products, and the special values made and recognised by their bits.

use crate::harness::Gpu;
use crate::ulp::scramble;

/// Pairs with every combination of interesting words, and scrambled ones.
fn pairs() -> Vec<[u32; 2]> {
    let edge = [
        0u32,
        1,
        2,
        0xffff,
        0x1_0000,
        0x1_0001,
        0x7fff_ffff,
        0x8000_0000,
        0x8000_0001,
        0xffff_0000,
        0xffff_fffe,
        0xffff_ffff,
    ];
    let mut out: Vec<[u32; 2]> = edge.iter().flat_map(|&a| edge.iter().map(move |&b| [a, b])).collect();
    out.extend((0..200_000).map(|i| [scramble(2 * i), scramble(2 * i + 1)]));
    out
}

#[test]
fn mulhi_is_exact() {
    let pairs = pairs();
    let body = "output[i] = fl_mulhi(input[2u * i], input[2u * i + 1u]);";
    let got = Gpu::get().both(&["lib/math/mulhi"], body, bytemuck::cast_slice(&pairs), 2, 1);
    for (&[a, b], &high) in pairs.iter().zip(&got) {
        assert_eq!(high, ((u64::from(a) * u64::from(b)) >> 32) as u32, "{a:#x} * {b:#x}");
    }
}

#[test]
fn mulhi_signed_is_exact() {
    let pairs = pairs();
    let body =
        "output[i] = bitcast<u32>(fl_mulhi_signed(bitcast<i32>(input[2u * i]), bitcast<i32>(input[2u * i + 1u])));";
    let got = Gpu::get().both(&["lib/math/mulhi_signed"], body, bytemuck::cast_slice(&pairs), 2, 1);
    for (&[a, b], &high) in pairs.iter().zip(&got) {
        let want = ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as i32;
        assert_eq!(high as i32, want, "{} * {}", a as i32, b as i32);
    }
}

#[test]
fn special_values_are_made_and_recognised() {
    let body = "let x = bitcast<f32>(input[i]);
        output[4u * i] = bitcast<u32>(fl_inf());
        output[4u * i + 1u] = bitcast<u32>(fl_nan());
        output[4u * i + 2u] = select(0u, 1u, fl_is_nan(x)) + select(0u, 2u, fl_is_finite(x));
        output[4u * i + 3u] = bitcast<u32>(fl_opaque(x, 0u));";
    let inputs = [0.0f32, -0.0, 1.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN];
    let mut bits = inputs.map(f32::to_bits).to_vec();
    bits.extend([0x7f80_0001, 0xffff_ffff]);
    let got = Gpu::get().both(&["lib/math/bits"], body, &bits, 1, 4);
    for (&b, row) in bits.iter().zip(got.chunks_exact(4)) {
        let x = f32::from_bits(b);
        assert_eq!(f32::from_bits(row[0]), f32::INFINITY);
        assert!(f32::from_bits(row[1]).is_nan());
        assert_eq!(row[2], u32::from(x.is_nan()) + 2 * u32::from(x.is_finite()), "{b:#x}");
        assert!(row[3] == b || x.is_nan(), "{b:#x}");
    }
}
