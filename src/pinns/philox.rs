//! Philox4x32-10 on the host: a counter-based generator (Salmon, Moraes, Dror and Shaw, SC 2011). A number is a function of
//! (seed, stream, index, block) alone; there is no state to save and no order in which numbers must be drawn.

/// A stream of random numbers.
#[derive(Debug, Clone, Copy)]
pub struct Philox {
    key: [u32; 2],
    stream: u32,
}

impl Philox {
    /// The stream `stream` of the seed `seed`.
    pub fn new(seed: u64, stream: u32) -> Self {
        Philox { key: [seed as u32, (seed >> 32) as u32], stream }
    }

    /// A uniform number strictly inside (0, 1) with 52 random bits: the centre of one of 2^52 equal cells. (With 53 bits the
    /// centre of the last cell would round to 1.)
    pub fn fraction(&self, index: u64, block: u32) -> f64 {
        let [a, b, ..] = philox4x32([index as u32, (index >> 32) as u32, block, self.stream], self.key);
        let bits = ((a as u64) << 32 | b as u64) >> 12;
        (bits as f64 + 0.5) / (1u64 << 52) as f64
    }
}

/// Ten rounds of Philox4x32: 128 random bits for a 128-bit counter under a 64-bit key.
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        let p0 = 0xD251_1F53u64 * counter[0] as u64;
        let p1 = 0xCD9E_8D57u64 * counter[2] as u64;
        let (high0, low0) = ((p0 >> 32) as u32, p0 as u32);
        let (high1, low1) = ((p1 >> 32) as u32, p1 as u32);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::philox4x32;

    /// The known answers of the authors' Random123 distribution (kat_vectors, philox4x32 with 10 rounds).
    #[test]
    fn known_answers() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox4x32([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(philox4x32(pi, [0xa409_3822, 0x299f_31d0]), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }
}
