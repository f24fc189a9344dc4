//! Random fractions from Philox 4x32-10. A number is a function of (seed, stream, index, block) alone; there is no state to save
//! and no order in which numbers must be drawn.

use crate::ops::philox4x32;

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
