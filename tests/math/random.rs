//! Counter-based random words, uniform and normal numbers.

use std::f64::consts::PI;

use fieldline::ops::philox4x32 as philox;

use crate::harness::Gpu;
use crate::ulp::scramble;

const PHILOX: &str = "let at = 6u * i;
    let counter = vec4<u32>(input[at], input[at + 1u], input[at + 2u], input[at + 3u]);
    let words = philox4x32(counter, vec2<u32>(input[at + 4u], input[at + 5u]));
    output[4u * i] = words.x;
    output[4u * i + 1u] = words.y;
    output[4u * i + 2u] = words.z;
    output[4u * i + 3u] = words.w;";

/// Known answers of Random123 (kat_vectors, philox4x32 with 10 rounds): counter and key, then the words.
const KNOWN: [([u32; 6], [u32; 4]); 3] = [
    ([0; 6], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    ([0xffff_ffff; 6], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344, 0xa409_3822, 0x299f_31d0],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
    ),
];

#[test]
fn philox_gives_the_published_words() {
    let inputs: Vec<u32> = KNOWN.iter().flat_map(|(input, _)| *input).collect();
    let got = Gpu::get().both(&["lib/random/philox"], PHILOX, &inputs, 6, 4);
    for ((input, want), words) in KNOWN.iter().zip(got.chunks_exact(4)) {
        assert_eq!(words, want, "device, {input:x?}");
        let [a, b, c, d, k0, k1] = *input;
        assert_eq!(philox([a, b, c, d], [k0, k1]), *want, "host, {input:x?}");
    }
}

#[test]
fn philox_equals_its_host_twin() {
    let inputs: Vec<u32> = (0..6 * 20_000).map(scramble).collect();
    let got = Gpu::get().both(&["lib/random/philox"], PHILOX, &inputs, 6, 4);
    for (input, words) in inputs.chunks_exact(6).zip(got.chunks_exact(4)) {
        assert_eq!(words, philox([input[0], input[1], input[2], input[3]], [input[4], input[5]]));
    }
}

#[test]
fn uniform_never_reaches_its_ends() {
    // All 2^23 values, by the same arithmetic on the host: inside (0, 1), exact, hence distinct and symmetric about 1/2.
    for k in 0..1u32 << 23 {
        let u = (k as f32 + 0.5) * 2f32.powi(-23);
        assert!(0.0 < u && u < 1.0, "{k}");
        assert_eq!(f64::from(u), (2.0 * f64::from(k) + 1.0) * 2f64.powi(-24), "{k}");
    }
    // On the device: both ends, the middle, and a sample; equal to the host in every bit.
    let mut words = vec![0, 0x1ff, 0x200, 0x7fff_ffff, 0x8000_0000, 0xffff_fdff, 0xffff_fe00, 0xffff_ffff];
    words.extend((0..100_000).map(scramble));
    let got =
        Gpu::get().both(&["lib/random/uniform"], "output[i] = bitcast<u32>(uniform_open(input[i]));", &words, 1, 1);
    for (&word, &bits) in words.iter().zip(&got) {
        assert_eq!(f32::from_bits(bits), ((word >> 9) as f32 + 0.5) * 2f32.powi(-23), "{word:#x}");
    }
}

const NORMAL: &str = "let pair = normal_pair(input[2u * i], input[2u * i + 1u]);
    output[2u * i] = bitcast<u32>(pair.x);
    output[2u * i + 1u] = bitcast<u32>(pair.y);";

fn normals(words: &[u32]) -> Vec<f64> {
    let got = Gpu::get().both(&["lib/random/normal"], NORMAL, words, 2, 2);
    got.iter().map(|&bits| f64::from(f32::from_bits(bits))).collect()
}

#[test]
fn normals_follow_the_formula() {
    let edge = [
        0u32,
        1,
        2,
        0x1fff_ffff,
        0x2000_0000,
        0x4000_0000,
        0x7fff_ffff,
        0x8000_0000,
        0xbfff_ffff,
        0xe000_0000,
        0xffff_ffff,
    ];
    let mut words: Vec<u32> = edge.iter().flat_map(|&a| edge.iter().flat_map(move |&b| [a, b])).collect();
    words.extend((0..200_000).map(scramble));
    let got = normals(&words);
    for (pair, z) in words.chunks_exact(2).zip(got.chunks_exact(2)) {
        // u as the device forms it, exactly: the midpoint of the cell of 23 significant bits, or a + 1/2 below 2^23.
        let a = u64::from(pair[0]);
        let cell = if a < 1 << 23 { 1 } else { 1 << (64 - a.leading_zeros() - 23) };
        let u = ((a / cell * cell) as f64 + cell as f64 / 2.0) * 2f64.powi(-32);
        assert!(0.0 < u && u < 1.0);
        let radius = (-2.0 * u.ln()).sqrt();
        let angle = 2.0 * PI * f64::from(pair[1]) * 2f64.powi(-32);
        // Units of 2^-24 relative to the radius: log 2 ULP (4 units, halved by the root), sqrt as 1 / inverseSqrt (2 ULP and 2.5 ULP,
        // 9 units), kernel 2 ULP (4), angle's conversion and product (2 * pi/4 < 2), last product (1): below 18.
        let tolerance = 18.0 * 2f64.powi(-24) * radius;
        for (got, want) in [(z[0], radius * angle.cos()), (z[1], radius * angle.sin())] {
            assert!((got - want).abs() <= tolerance, "{pair:x?}: {got:e} instead of {want:e}");
            assert!(got.abs() <= 6.764, "{pair:x?}: the tail ends at sqrt(2 log 2^33) = 6.7637");
        }
    }
}

#[test]
fn normals_are_normal() {
    // Fixed counters and key: the outcome is the same on every run. Bounds are five standard errors of each statistic under the
    // hypothesis (two-sided 6e-7), for the empirical distribution the Dvoretzky-Kiefer-Wolfowitz bound at the same level.
    let pairs = 1u32 << 19;
    let words: Vec<u32> = (0..pairs / 2).flat_map(|i| philox([i, 0, 0, 0], [0x5eed, 7])).collect();
    let mut z = normals(&words);
    let n = z.len() as f64;
    assert_eq!(z.len(), 2 * pairs as usize);
    let moment = |power: i32| z.iter().map(|v| v.powi(power)).sum::<f64>() / n;
    let (mean, square, cube, fourth) = (moment(1), moment(2), moment(3), moment(4));
    let variance = square - mean * mean;
    let cross = z.chunks_exact(2).map(|p| p[0] * p[1]).sum::<f64>() / f64::from(pairs);
    // Variances of the sample moments of N(0, 1): 1, 2, 15, 96 over n (fourth: E z^8 - 9 = 96); the product of a pair: 1.
    assert!(mean.abs() <= 5.0 / n.sqrt(), "mean {mean:e}");
    assert!((variance - 1.0).abs() <= 5.0 * (2.0 / n).sqrt(), "variance {variance}");
    assert!(cube.abs() <= 5.0 * (15.0 / n).sqrt(), "third moment {cube:e}");
    assert!((fourth - 3.0).abs() <= 5.0 * (96.0 / n).sqrt(), "fourth moment {fourth}");
    assert!(cross.abs() <= 5.0 / f64::from(pairs).sqrt(), "correlation within pairs {cross:e}");
    z.sort_by(f64::total_cmp);
    let distance = z.iter().enumerate().fold(0.0f64, |worst, (i, &v)| {
        let exact = 0.5 * libm::erfc(-v / 2f64.sqrt());
        worst.max((exact - i as f64 / n).abs()).max((exact - (i + 1) as f64 / n).abs())
    });
    let bound = ((2.0f64 / 6e-7).ln() / (2.0 * n)).sqrt();
    println!(
        "normals: mean {mean:.2e}, variance {variance:.5}, fourth moment {fourth:.4}, KS distance {distance:.2e} <= {bound:.2e}"
    );
    assert!(distance <= bound, "distance to the normal distribution {distance:e}, bound {bound:e}");
}
