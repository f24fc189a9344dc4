//! Initial values of parameters, from counter-based random numbers: the same seed gives the same values everywhere.

use crate::ops::philox4x32;

/// A stream of uniform and normal numbers from Philox 4x32-10: block `i` of stream `stream` under `seed`.
#[derive(Debug, Clone)]
pub struct HostRandom {
    key: [u32; 2],
    stream: u32,
    block: u32,
    words: [u32; 4],
    used: usize,
}

impl HostRandom {
    /// The stream `stream` of `seed`.
    pub fn new(seed: u64, stream: u32) -> Self {
        HostRandom { key: [seed as u32, (seed >> 32) as u32], stream, block: 0, words: [0; 4], used: 4 }
    }

    fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.words = philox4x32([self.block, self.stream, 0, 1], self.key);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// Uniform in the open interval (0, 1), 53 bits.
    pub fn uniform(&mut self) -> f64 {
        let (high, low) = (u64::from(self.word() >> 5), u64::from(self.word() >> 6));
        let fraction = ((high << 26 | low) as f64 + 0.5) / (1u64 << 53) as f64;
        // The centre of the last cell rounds to 1.
        fraction.min(1f64.next_down())
    }

    /// Standard normal (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let (radius, turn) = (self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
    }
}

/// How a weight matrix `[inputs, outputs]` begins; biases begin at zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Initialiser {
    /// Uniform with variance `2 / (inputs + outputs)` (Glorot & Bengio 2010, eq. 16).
    GlorotUniform,
    /// Normal with variance `2 / (inputs + outputs)`.
    #[default]
    GlorotNormal,
    /// Normal with variance `1 / inputs` (LeCun et al. 1998).
    LecunNormal,
    /// Uniform with bound `sqrt(6 / inputs)`, for sines (Sitzmann et al. 2020, without their first-layer factor).
    SineUniform,
}

impl Initialiser {
    /// One weight of a matrix `[inputs, outputs]`.
    pub fn sample(self, random: &mut HostRandom, inputs: usize, outputs: usize) -> f32 {
        let (i, o) = (inputs as f64, outputs as f64);
        let value = match self {
            Initialiser::GlorotUniform => (6.0 / (i + o)).sqrt() * (2.0 * random.uniform() - 1.0),
            Initialiser::GlorotNormal => (2.0 / (i + o)).sqrt() * random.normal(),
            Initialiser::LecunNormal => (1.0 / i).sqrt() * random.normal(),
            Initialiser::SineUniform => (6.0 / i).sqrt() * (2.0 * random.uniform() - 1.0),
        };
        value as f32
    }
}
