//! Fixed maps of coordinates to features, in front of a network.

use super::init::HostRandom;
use crate::error::{Error, Result};
use crate::tape::{Var, concat};
use crate::tensor::Array;
use std::f64::consts::TAU;

/// What is done with one coordinate before it enters the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Axis {
    /// Mapped from `[low, high]` to `[-1, 1]`.
    Scaled {
        /// Lower end of the range.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// `cos` and `sin` of the angle that goes once round over `[low, high]`: the network is exactly periodic (Dong & Ni 2021).
    Periodic {
        /// Lower end of the period.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

/// Random Fourier features of the scaled coordinates: `cos(2 pi B x), sin(2 pi B x)` with normal `B` (Tancik et al. 2020).
#[derive(Debug, Clone, PartialEq)]
pub struct Fourier {
    /// Number of frequencies; twice as many features.
    pub features: usize,
    /// Standard deviation of the frequencies.
    pub scale: f64,
    /// Seed of the frequencies.
    pub seed: u64,
}

/// The map from coordinates `[rows, axes]` to features `[rows, features]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// One entry a coordinate.
    pub axes: Vec<Axis>,
    /// Random features of the result, if wanted.
    pub fourier: Option<Fourier>,
}

impl Embedding {
    /// Checks ranges and sizes.
    ///
    /// # Errors
    /// No axis, an empty or infinite range, no features, a scale that is not positive.
    pub fn new(axes: Vec<Axis>, fourier: Option<Fourier>) -> Result<Self> {
        if axes.is_empty() {
            return Err(Error::argument("embedding", "at least one coordinate", "none"));
        }
        for axis in &axes {
            let (Axis::Scaled { low, high } | Axis::Periodic { low, high }) = axis;
            if !(low < high && (high - low).is_finite()) {
                return Err(Error::argument("embedding range", "low < high, both finite", format!("[{low}, {high}]")));
            }
        }
        if let Some(f) = &fourier
            && !(f.features > 0 && f.scale > 0.0 && f.scale.is_finite())
        {
            let got = format!("{} features, scale {}", f.features, f.scale);
            return Err(Error::argument("fourier features", "at least one feature and a positive scale", got));
        }
        Ok(Embedding { axes, fourier })
    }

    fn plain(&self) -> usize {
        self.axes.iter().map(|a| if matches!(a, Axis::Periodic { .. }) { 2 } else { 1 }).sum()
    }

    /// Number of features.
    pub fn width(&self) -> usize {
        self.fourier.as_ref().map_or(self.plain(), |f| 2 * f.features)
    }

    /// The features of `x` `[rows, axes]`.
    #[track_caller]
    pub fn apply(&self, x: &Var) -> Result<Var> {
        let mut columns = Vec::new();
        for (number, axis) in self.axes.iter().enumerate() {
            let column = x.slice_axis(1, number, 1);
            match *axis {
                Axis::Scaled { low, high } => {
                    let scale = 2.0 / (high - low);
                    columns.push(column * scale + -(high + low) / (high - low));
                }
                Axis::Periodic { low, high } => {
                    let angle = (column + -low) * (TAU / (high - low));
                    columns.push(angle.cos());
                    columns.push(angle.sin());
                }
            }
        }
        let plain = concat(&columns.iter().collect::<Vec<_>>(), 1);
        let Some(fourier) = &self.fourier else { return Ok(plain) };
        let mut random = HostRandom::new(fourier.seed, 0x46_6f75);
        let frequencies: Vec<f32> =
            (0..self.plain() * fourier.features).map(|_| (TAU * fourier.scale * random.normal()) as f32).collect();
        let matrix = x.recorder().constant(Array::f32([self.plain(), fourier.features], frequencies)?);
        let angles = plain.matmul(&matrix);
        Ok(concat(&[&angles.cos(), &angles.sin()], 1))
    }
}
