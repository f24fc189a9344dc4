//! Multilayer perceptrons on packed parameters.

use super::activation::Activation;
use super::embedding::Embedding;
use super::init::{HostRandom, Initialiser};
use super::packed::Packing;
use crate::error::{Error, Result};
use crate::tape::Var;

/// `x -> W_L s(.. s(W_1 e(x) + b_1) ..) + b_L` with an optional embedding `e` and activation `s`. Weights are `[inputs, outputs]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    embedding: Option<Embedding>,
    widths: Vec<usize>,
    activation: Activation,
    initialiser: Initialiser,
    packing: Packing,
}

impl Mlp {
    /// A network with layer widths `widths` (inputs first, outputs last; the embedding's width is the input).
    ///
    /// # Errors
    /// Fewer than two widths, a width of zero, an embedding of another width.
    pub fn new(widths: &[usize], activation: Activation, embedding: Option<Embedding>) -> Result<Self> {
        if widths.len() < 2 || widths.contains(&0) {
            return Err(Error::argument("mlp widths", "at least two positive widths", format!("{widths:?}")));
        }
        if let Some(e) = &embedding
            && e.width() != widths[0]
        {
            return Err(Error::argument("mlp widths", format!("{} inputs (the embedding's)", e.width()), widths[0]));
        }
        let mut packing = Packing::default();
        for (layer, pair) in widths.windows(2).enumerate() {
            packing.push(format!("layer{layer}.weight"), [pair[0], pair[1]]);
            packing.push(format!("layer{layer}.bias"), [pair[1]]);
        }
        let initialiser = match activation {
            Activation::Sin => Initialiser::SineUniform,
            _ => Initialiser::GlorotNormal,
        };
        Ok(Mlp { embedding, widths: widths.to_vec(), activation, initialiser, packing })
    }

    /// The same network with other initial weights.
    pub fn with_initialiser(mut self, initialiser: Initialiser) -> Self {
        self.initialiser = initialiser;
        self
    }

    /// Names, shapes and positions of the parameters.
    pub fn packing(&self) -> &Packing {
        &self.packing
    }

    /// Initial parameters, packed.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.packing.total());
        for (layer, pair) in self.widths.windows(2).enumerate() {
            let mut random = HostRandom::new(seed, layer as u32);
            values.extend((0..pair[0] * pair[1]).map(|_| self.initialiser.sample(&mut random, pair[0], pair[1])));
            values.extend(std::iter::repeat_n(0.0, pair[1]));
        }
        values
    }

    /// The outputs `[rows, outputs]` for `x` `[rows, inputs]` and packed parameters `theta`.
    ///
    /// # Errors
    /// An embedding that cannot be made.
    #[track_caller]
    pub fn apply(&self, theta: &Var, x: &Var) -> Result<Var> {
        let mut h = match &self.embedding {
            Some(embedding) => embedding.apply(x)?,
            None => x.clone(),
        };
        let layers = self.widths.len() - 1;
        for layer in 0..layers {
            let weight = self.packing.unpack(theta, 2 * layer);
            let bias = self.packing.unpack(theta, 2 * layer + 1);
            h = h.matmul(&weight) + &bias;
            if layer + 1 < layers {
                h = h.map_with(&[], |dag, z| self.activation.build(dag, z[0]));
            }
        }
        Ok(h)
    }
}
