//! How a problem is solved: the network, the collocation points, the optimiser's stages.

use super::table::{Table, choice, count, list, number};
use super::tree::{Node, Value};
use crate::error::Result;
use crate::nn::Activation;
use crate::pinns::sampling::{Concentration, Method};

/// Random Fourier features in front of the first layer: cos(B x) and sin(B x) with B normal of standard deviation `scale`
/// (Tancik et al. 2020).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fourier {
    /// Number of frequencies; the first layer sees twice as many inputs.
    pub features: usize,
    /// Standard deviation of the frequencies, for coordinates mapped to [-1, 1].
    pub scale: f64,
}

/// A multilayer perceptron. Its inputs are the coordinates mapped to [-1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers. All are smooth: residuals need derivatives up to order 4, and the optimiser one more.
    pub activation: Activation,
    /// Fourier features, if any.
    pub fourier: Option<Fourier>,
    /// Seed of the initial parameters and of the collocation points.
    pub seed: u64,
}

/// Concentration of resampled interior points where the residual is large; see [`sampling::concentrated`].
///
/// [`sampling::concentrated`]: crate::pinns::sampling::concentrated
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptive {
    /// Candidates per kept point.
    pub candidates: usize,
    /// How residuals become probabilities.
    pub concentration: Concentration,
}

/// Collocation points.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Points in the interior.
    pub interior: usize,
    /// Points on the faces of all conditions that are no initial conditions, shared evenly by the faces of a condition.
    pub boundary: usize,
    /// Points of each initial condition.
    pub initial: usize,
    /// How they are spread.
    pub method: Method,
    /// Optimiser steps after which fresh points are drawn; 0 keeps the first ones.
    pub resample: usize,
    /// Concentration of resampled interior points, if any.
    pub adaptive: Option<Adaptive>,
}

/// One optimiser with its settings.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Adam (Kingma and Ba 2015), betas 0.9 and 0.999.
    Adam {
        /// Steps.
        steps: usize,
        /// Learning rate at the start.
        learning_rate: f64,
        /// Factor of the learning rate every `decay_every` steps.
        decay: f64,
        /// Steps between two decays.
        decay_every: usize,
    },
    /// Levenberg-Marquardt with damping by the gain ratio (Nielsen 1999).
    Lm {
        /// Most steps.
        steps: usize,
        /// Damping at the start.
        damping: f64,
        /// Whether steps get a second-order correction (geodesic acceleration, Transtrum and Sethna 2012).
        acceleration: bool,
        /// Values of the rejection sequence (damping times 1, 2, 8, 64, ...) that are tried in one batch. It saves round trips
        /// to the device and does not change the result.
        trials: usize,
        /// The stage ends when the loss falls below this value; 0 never.
        tolerance: f64,
    },
}

impl Default for Network {
    fn default() -> Self {
        Network { hidden: vec![24, 24], activation: Activation::Tanh, fourier: None, seed: 0 }
    }
}

impl Default for Sampling {
    fn default() -> Self {
        let method = Method::LatinHypercube;
        Sampling { interior: 2000, boundary: 200, initial: 200, method, resample: 0, adaptive: None }
    }
}

impl Stage {
    /// Levenberg-Marquardt with `steps` steps and default settings.
    pub fn lm(steps: usize) -> Self {
        Stage::Lm { steps, damping: 1e-3, acceleration: true, trials: 4, tolerance: 0.0 }
    }
}

/// Reads `[network]`.
pub(super) fn network(node: Option<&Node>) -> Result<Network> {
    let mut network = Network::default();
    let Some(node) = node else { return Ok(network) };
    let mut table = Table::new(node, "network")?;
    if let Some(node) = table.get("hidden") {
        let expected = "a list of at least one layer width, such as [24, 24]";
        let widths = list(node, "network.hidden", expected)?;
        network.hidden = widths.iter().map(|w| count(w, "network.hidden", 1)).collect::<Result<_>>()?;
    }
    network.activation = table.choice("activation", network.activation, &Activation::ALL.map(|a| (a.name(), a)))?;
    network.seed = table.count("seed", 0, 0)? as u64;
    if let Some(node) = table.get("fourier") {
        let mut inner = Table::new(node, "network.fourier")?;
        let features = count(inner.require("features", "features = 16")?, "network.fourier.features", 1)?;
        let scale = inner.number("scale", 1.0, "a positive number", |v| v > 0.0)?;
        inner.finish()?;
        network.fourier = Some(Fourier { features, scale });
    }
    table.finish()?;
    Ok(network)
}

/// Reads `[sampling]`.
pub(super) fn sampling(node: Option<&Node>) -> Result<Sampling> {
    let mut sampling = Sampling::default();
    let Some(node) = node else { return Ok(sampling) };
    let methods = [Method::Uniform, Method::LatinHypercube, Method::Grid].map(|m| (m.name(), m));
    let mut table = Table::new(node, "sampling")?;
    sampling.interior = table.count("interior", sampling.interior, 1)?;
    sampling.boundary = table.count("boundary", sampling.boundary, 1)?;
    sampling.initial = table.count("initial", sampling.initial, 1)?;
    sampling.method = table.choice("method", sampling.method, &methods)?;
    sampling.resample = table.count("resample", sampling.resample, 0)?;
    if let Some(node) = table.get("adaptive") {
        let mut inner = Table::new(node, "sampling.adaptive")?;
        let candidates = inner.count("candidates", 4, 2)?;
        let power = inner.number("power", 1.0, "a positive number", |v| v > 0.0)?;
        let floor = inner.number("floor", 1.0, "a number of at least 0", |v| v >= 0.0)?;
        inner.finish()?;
        if sampling.resample == 0 {
            let remedy = "add sampling.resample, the number of steps between two draws";
            return Err(node.error(format!("`sampling.adaptive` needs resampling: {remedy}")));
        }
        sampling.adaptive = Some(Adaptive { candidates, concentration: Concentration { power, floor } });
    }
    table.finish()?;
    Ok(sampling)
}

/// Reads `[[stages]]`; without any, 300 steps of Levenberg-Marquardt.
pub(super) fn stages(node: Option<&Node>) -> Result<Vec<Stage>> {
    let Some(node) = node else { return Ok(vec![Stage::lm(300)]) };
    let items = match &node.value {
        Value::List(items) if !items.is_empty() => items,
        _ => return Err(node.error("`stages`: expected at least one stage: [[stages]] with optimiser = \"lm\"")),
    };
    items.iter().enumerate().map(|(i, item)| stage(item, &format!("stages.{i}"))).collect()
}

fn stage(node: &Node, path: &str) -> Result<Stage> {
    let mut table = Table::new(node, path)?;
    let optimiser = table.require("optimiser", "optimiser = \"lm\" or \"adam\"")?;
    let adam = choice(optimiser, &format!("{path}.optimiser"), &[("adam", true), ("lm", false)])?;
    let positive = "a positive number";
    let stage = if adam {
        Stage::Adam {
            steps: table.count("steps", 10_000, 1)?,
            learning_rate: table.number("learning_rate", 1e-3, positive, |v| v > 0.0)?,
            decay: table.number("decay", 0.9, "a number above 0, at most 1", |v| v > 0.0 && v <= 1.0)?,
            decay_every: table.count("decay_every", 1000, 1)?,
        }
    } else {
        Stage::Lm {
            steps: table.count("steps", 300, 1)?,
            damping: table.number("damping", 1e-3, positive, |v| v > 0.0)?,
            acceleration: table.truth("acceleration", true)?,
            trials: table.count("trials", 4, 1)?,
            tolerance: table.number("tolerance", 0.0, "a number of at least 0", |v| v >= 0.0)?,
        }
    };
    table.finish()?;
    Ok(stage)
}

/// Reads a grid: one count for all coordinates or one for each.
pub(super) fn grid(node: Option<&Node>, dimension: usize) -> Result<Vec<usize>> {
    let default = match dimension {
        1 => 1001,
        2 => 101,
        3 => 33,
        _ => 11,
    };
    let mut grid = vec![default; dimension];
    let Some(node) = node else { return Ok(grid) };
    let mut table = Table::new(node, "evaluation")?;
    if let Some(node) = table.get("grid") {
        let path = "evaluation.grid";
        let expected = format!("a list of {dimension} numbers of points, one for each coordinate");
        let items = list(node, path, &expected)?;
        if items.len() != dimension {
            return Err(node.error(format!("`{path}`: expected {expected}, got {}", items.len())));
        }
        grid = items.iter().map(|item| count(item, path, 2)).collect::<Result<_>>()?;
        // 2^27 values of f64 are a gigabyte.
        if grid.iter().try_fold(1usize, |a, &b| a.checked_mul(b)).is_none_or(|n| n > 1 << 27) {
            return Err(node.error(format!("`{path}`: expected at most 2^27 points in total, got {grid:?}")));
        }
    }
    table.finish()?;
    Ok(grid)
}

/// A target error: a positive number.
pub(super) fn target(table: &mut Table<'_>) -> Result<Option<f64>> {
    let positive = "a positive relative error such as 1e-3";
    table.get("target").map(|node| number(node, "target", positive, |v| v > 0.0)).transpose()
}
