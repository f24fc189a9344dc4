//! From blocks of a problem to tapes: the network's derivatives by Taylor mode at one point, the residual as a map of them, all
//! points as a batch. A residual is a function of one point, so its Jacobian is a batch of gradients.

use crate::error::{Error, Result};
use crate::expr::Streams;
use crate::nn::{Axis, Embedding, Fourier, Mlp};
use crate::pinns::problem::{Block, Partial, Problem, Site};
use crate::tape::{Recorder, Tape, Var, concat};
use crate::tensor::{Array, DType};

/// The network of a problem: coordinates mapped to [-1, 1], hidden layers, one output.
///
/// # Errors
/// Settings that make no network.
pub fn network(problem: &Problem) -> Result<Mlp> {
    let settings = &problem.network;
    let (lower, upper) = (problem.domain.lower(), problem.domain.upper());
    let axes = lower.iter().zip(upper).map(|(&low, &high)| Axis::Scaled { low, high }).collect();
    let fourier = settings.fourier.map(|f| Fourier {
        features: f.features,
        scale: f.scale / std::f64::consts::TAU,
        seed: settings.seed,
    });
    let embedding = Embedding::new(axes, fourier)?;
    let mut widths = vec![embedding.width()];
    widths.extend(&settings.hidden);
    widths.push(1);
    Mlp::new(&widths, settings.activation, Some(embedding))
}

/// The network at one point as a tape: `theta [P]`, `x [1, d]` -> `[1, 1]`.
fn network_tape(mlp: &Mlp, dimension: usize) -> Result<Tape> {
    Tape::record(|r| {
        let theta = r.input("theta", [mlp.packing().total()], DType::F32);
        let x = r.input("x", [1, dimension], DType::F32);
        r.output("u", &mlp.apply(&theta, &x)?);
        Ok(())
    })
}

/// The partial derivatives of the network at `x` `[d]`, in the order of `partials`, each a scalar.
fn derivatives(r: &Recorder, network: &Tape, theta: &Var, x: &Var, partials: &[Partial]) -> Result<Vec<Var>> {
    let dimension = x.shape()[0];
    let wanted: Vec<Vec<u8>> = partials.iter().map(|p| p.orders.clone()).collect();
    let streams = Streams::closure(dimension, &wanted, vec![])?;
    let mut fixed = vec![None; streams.len()];
    fixed[0] = Some(theta.clone());
    let mut moving = vec![None; streams.len()];
    moving[0] = Some(x.reshape([1, dimension]));
    for direction in 0..dimension {
        if let Some(stream) = streams.pure(direction, 1) {
            let mut unit = vec![0.0; dimension];
            unit[direction] = 1.0;
            moving[stream] = Some(r.constant(Array::f32([1, dimension], unit)?));
        }
    }
    let outputs = network.jet(r, &[fixed, moving], &streams)?;
    let zero = r.scalar(0.0);
    wanted
        .iter()
        .map(|orders| {
            let stream = streams.index_of(orders).ok_or_else(|| {
                Error::argument("derivative", "one of the streams that were asked for", format!("{orders:?}"))
            })?;
            Ok(outputs[0][stream].as_ref().map_or_else(|| zero.clone(), |v| v.reshape([])))
        })
        .collect()
}

/// A block's residual at one point as a tape: `theta [P]`, `x [d]` (and `y [d]`, the opposite point, for a pair) -> `[]`.
///
/// # Errors
/// A residual that cannot be recorded.
pub fn point_tape(mlp: &Mlp, block: &Block, dimension: usize) -> Result<Tape> {
    let network = network_tape(mlp, dimension)?;
    let at = |r: &Recorder, theta: &Var, x: &Var| -> Result<Var> {
        let values = derivatives(r, &network, theta, x, &block.residual.partials)?;
        let mut arguments: Vec<Var> = (0..dimension).map(|k| x.slice_axis(0, k, 1).reshape([])).collect();
        arguments.extend(values);
        let (first, rest) =
            arguments.split_first().ok_or_else(|| Error::argument("residual", "a coordinate", "none"))?;
        Ok(first.map_dag(&rest.iter().collect::<Vec<_>>(), &block.residual.dag))
    };
    Tape::record(|r| {
        let theta = r.input("theta", [mlp.packing().total()], DType::F32);
        let x = r.input("x", [dimension], DType::F32);
        let mut residual = at(r, &theta, &x)?;
        if let Site::Pair(_) = block.site {
            let y = r.input("y", [dimension], DType::F32);
            residual = residual - at(r, &theta, &y)?;
        }
        r.output("r", &residual);
        Ok(())
    })
}

/// The points of one block inside a recording: name of the input and how many.
#[derive(Debug, Clone)]
pub struct PointSet {
    /// Block.
    pub block: Block,
    /// Residual at one point.
    pub tape: Tape,
    /// Number of points.
    pub points: usize,
    /// Names of the inputs that hold them (two for a pair).
    pub inputs: Vec<String>,
    /// Name of the input with the factor of each residual: the square sum of the scaled residuals is the block's share of the
    /// loss.
    pub scale: String,
}

impl PointSet {
    /// The scaled residual at one point: `theta [P]`, the point's inputs `[d]`, its scale `[]`.
    fn scaled(&self, r: &Recorder, theta: &Var, point: &[Var], scale: &Var) -> Result<Var> {
        let arguments: Vec<&Var> = std::iter::once(theta).chain(point).collect();
        Ok(&self.tape.call(r, &arguments)?.remove(0) * scale)
    }
}

/// The inputs of one set inside a recording.
struct SetInputs {
    points: Vec<Var>,
    scale: Var,
}

/// All blocks of a problem with the number of points each has.
///
/// # Errors
/// A block that cannot be recorded.
pub fn point_sets(problem: &Problem, mlp: &Mlp, counts: &[usize]) -> Result<Vec<PointSet>> {
    let dimension = problem.domain.dimension();
    problem
        .blocks()?
        .into_iter()
        .zip(counts)
        .enumerate()
        .map(|(number, (block, &points))| {
            let sides = if matches!(block.site, Site::Pair(_)) { 2 } else { 1 };
            let inputs = (0..sides).map(|side| format!("points{number}_{side}")).collect();
            let scale = format!("scale{number}");
            Ok(PointSet { tape: point_tape(mlp, &block, dimension)?, block, points, inputs, scale })
        })
        .collect()
}

/// Declares the inputs of all sets.
fn set_inputs(r: &Recorder, sets: &[PointSet], dimension: usize) -> Vec<SetInputs> {
    sets.iter()
        .map(|set| SetInputs {
            points: set.inputs.iter().map(|name| r.input(name, [set.points, dimension], DType::F32)).collect(),
            scale: r.input(&set.scale, [set.points], DType::F32),
        })
        .collect()
}

/// One row of a set as a tape (`theta`, the point, its scale) -> the scaled residual and, if asked for, its gradient; and that tape
/// as a batch over all points.
fn rows(r: &Recorder, theta: &Var, set: &PointSet, inputs: &SetInputs, gradient: bool) -> Result<Vec<Var>> {
    let (parameters, dimension) = (theta.shape()[0], inputs.points[0].shape()[1]);
    let row = Tape::record(|r| {
        let theta = r.input("theta", [parameters], DType::F32);
        let point: Vec<Var> = set.inputs.iter().map(|name| r.input(name, [dimension], DType::F32)).collect();
        let scale = r.input("scale", [], DType::F32);
        let residual = set.scaled(r, &theta, &point, &scale)?;
        r.output("r", &residual);
        if gradient {
            r.output("row", &r.gradient(&residual, &[&theta]).remove(0));
        }
        Ok(())
    })?;
    let mut arguments = vec![(theta, false)];
    arguments.extend(inputs.points.iter().map(|p| (p, true)));
    arguments.push((&inputs.scale, true));
    row.vmap(r, &arguments, set.points)
}

/// `theta [P]` and the points -> residuals `r [N]` and their Jacobian `j [N, P]`, scaled by [`PointSet::scale`].
///
/// # Errors
/// A block that cannot be recorded.
pub fn linearisation(mlp: &Mlp, sets: &[PointSet], dimension: usize) -> Result<Tape> {
    let parameters = mlp.packing().total();
    Tape::record(|r| {
        let theta = r.input("theta", [parameters], DType::F32);
        let (mut residuals, mut rows) = (Vec::new(), Vec::new());
        for (set, inputs) in sets.iter().zip(set_inputs(r, sets, dimension)) {
            let mut outputs = self::rows(r, &theta, set, &inputs, true)?.into_iter();
            residuals.extend(outputs.next());
            rows.extend(outputs.next());
        }
        r.output("r", &concat(&residuals.iter().collect::<Vec<_>>(), 0));
        r.output("j", &concat(&rows.iter().collect::<Vec<_>>(), 0));
        Ok(())
    })
}

/// The scaled residuals of all blocks at `theta`.
fn all_residuals(r: &Recorder, theta: &Var, sets: &[PointSet], dimension: usize) -> Result<Vec<Var>> {
    let inputs = set_inputs(r, sets, dimension);
    sets.iter().zip(&inputs).map(|(set, inputs)| Ok(rows(r, theta, set, inputs, false)?.remove(0))).collect()
}

/// `thetas [trials, P]` and the points -> scaled residuals `r [trials, N]`.
///
/// # Errors
/// A block that cannot be recorded.
pub fn trial_residuals(mlp: &Mlp, sets: &[PointSet], dimension: usize, trials: usize) -> Result<Tape> {
    let parameters = mlp.packing().total();
    let one = Tape::record(|r| {
        let theta = r.input("theta", [parameters], DType::F32);
        let residuals = all_residuals(r, &theta, sets, dimension)?;
        r.output("r", &concat(&residuals.iter().collect::<Vec<_>>(), 0));
        Ok(())
    })?;
    let mut batched = vec![true];
    batched.extend(sets.iter().flat_map(|s| s.inputs.iter().chain([&s.scale]).map(|_| false)));
    one.vmapped(&batched, trials)
}

/// `theta [P]` and the points -> the loss (the sum over blocks of weight times mean square) and the share of each block.
///
/// # Errors
/// A block that cannot be recorded.
pub fn losses(r: &Recorder, theta: &Var, sets: &[PointSet], dimension: usize) -> Result<(Var, Vec<Var>)> {
    let shares: Vec<Var> =
        all_residuals(r, theta, sets, dimension)?.iter().map(|residual| residual.square().sum_all()).collect();
    let (first, rest) = shares.split_first().ok_or_else(|| Error::argument("problem", "a residual", "none"))?;
    let total = rest.iter().fold(first.clone(), |sum, share| sum + share);
    Ok((total, shares))
}
