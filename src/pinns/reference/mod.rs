//! Trusted solutions in f64, and the classical solvers that stand beside every learned result.

mod classical;
pub mod cole_hopf;
mod file;
pub mod hermite;
pub mod line;
pub mod matching;
pub mod plane;

pub use classical::{Classical, classical};
pub use cole_hopf::ColeHopf;

use super::problem::{Problem, Reference};
use crate::error::{Error, Result};

/// Values on a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Where the values come from.
    pub name: String,
    /// The grid's coordinates, for each coordinate of the problem in order.
    pub axes: Vec<Vec<f64>>,
    /// Values, row-major, first coordinate slowest.
    pub values: Vec<f64>,
}

impl Solution {
    /// The grid's points, row-major `[values, coordinates]`, in the order of the values.
    pub fn points(&self) -> Vec<f64> {
        grid_points(&self.axes)
    }
}

/// The trusted solution of a problem: on its evaluation grid, or on the grid of the reference file. `None` without reference.
/// Errors: a file that cannot be read or does not fit, an expression or solution that is not finite somewhere.
pub fn solution(problem: &Problem) -> Result<Option<Solution>> {
    let axes = problem.axes();
    let dimension = axes.len();
    let solution = match &problem.reference {
        None => return Ok(None),
        Some(Reference::File(path)) => file::load(path, problem)?,
        Some(Reference::Exact(formula)) => {
            let values = formula.values(grid_points(&axes).chunks_exact(dimension));
            Solution { name: "exact solution".into(), axes, values }
        }
        Some(Reference::ColeHopf { nu }) => {
            let (space, time) = matching::space_time(problem)
                .ok_or_else(|| Error::argument("reference", "a problem in one space coordinate and time", "another"))?;
            let exact = ColeHopf::new(*nu, problem.domain.upper()[time])?;
            let values = grid_points(&axes).chunks_exact(2).map(|p| exact.value(p[space], p[time])).collect();
            Solution { name: format!("Cole-Hopf, {} nodes", exact.nodes()), axes, values }
        }
    };
    match solution.values.iter().position(|v| !v.is_finite()) {
        None => Ok(Some(solution)),
        Some(i) => {
            let point = &solution.points()[i * dimension..(i + 1) * dimension];
            let at: Vec<String> = problem.coordinates.iter().zip(point).map(|(n, x)| format!("{n} = {x}")).collect();
            let problem =
                format!("the value at {} is {}; check the expression there", at.join(", "), solution.values[i]);
            Err(Error::Numerical { origin: solution.name, problem })
        }
    }
}

/// The points of a grid, row-major, first coordinate slowest.
pub fn grid_points(axes: &[Vec<f64>]) -> Vec<f64> {
    let rows: usize = axes.iter().map(Vec::len).product();
    let mut points = Vec::with_capacity(rows * axes.len());
    for row in 0..rows {
        let mut stride = rows;
        for axis in axes {
            stride /= axis.len();
            points.push(axis[row / stride % axis.len()]);
        }
    }
    points
}

/// The relative L2 error ||prediction - reference|| / ||reference||, summed in f64.
/// Errors: lengths that differ, no values, a value that is not finite, a reference that vanishes.
pub fn relative_l2(prediction: &[f64], reference: &[f64]) -> Result<f64> {
    if prediction.len() != reference.len() || reference.is_empty() {
        let expected = format!("{} values, as many as the reference (at least 1)", reference.len());
        return Err(Error::argument("prediction", expected, prediction.len()));
    }
    let (mut difference, mut norm) = (0.0, 0.0);
    for (i, (p, r)) in prediction.iter().zip(reference).enumerate() {
        if !(p.is_finite() && r.is_finite()) {
            let problem = format!("value {i} is {p}, its reference {r}");
            return Err(Error::Numerical { origin: "relative L2 error".into(), problem });
        }
        difference += (p - r) * (p - r);
        norm += r * r;
    }
    if norm == 0.0 {
        return Err(Error::argument("reference", "values that are not all zero (the error is relative)", "zeros"));
    }
    Ok((difference / norm).sqrt())
}
