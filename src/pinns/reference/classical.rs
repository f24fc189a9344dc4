//! Which classical solver fits a problem, and its values on the evaluation grid.

use super::line::{Equation, boundary_value, evolution};
use super::matching::{prescribed, space_time};
use super::plane::{self, Coefficients, Plane};
use crate::error::Result;
use crate::expr::{Dag, Value};
use crate::pinns::problem::{Formula, Problem, linspace};
use crate::pinns::sampling::{Face, Side};
use std::time::Instant;

/// A classical solution with its cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Classical {
    /// The method.
    pub name: String,
    /// Values on [`Problem::axes`], row-major.
    pub values: Vec<f64>,
    /// Wall time.
    pub seconds: f64,
}

/// Coarsest number of intervals of each kind of solver; finer levels double it.
const LINE_INTERVALS: usize = 512;
const TIME_STEPS: usize = 200;
const PLANE_INTERVALS: usize = 64;

/// Solves a problem by finite differences if it is of a kind that is known here: a boundary value problem of second order in one
/// coordinate; an evolution equation u_t = G(x, t, u, u_x, u_xx) in one space coordinate; a linear equation
/// a u_xx + b u_yy + c u = f(x, y) with constant coefficients; all with prescribed values on the faces. `None` otherwise.
///
/// Each is solved on nested grids that contain the evaluation grid, and the results are extrapolated (Richardson): schemes
/// are symmetric, so errors are series in h^2, and three levels leave an error of order h^6.
/// Errors: the solver does not converge.
pub fn classical(problem: &Problem) -> Result<Option<Classical>> {
    let begin = Instant::now();
    let found = match problem.coordinates.len() {
        _ if problem.residuals.len() != 1 => None,
        1 => boundary_value_problem(problem)?,
        2 if space_time(problem).is_some() => evolution_problem(problem)?,
        2 => plane_problem(problem)?,
        _ => None,
    };
    let seconds = begin.elapsed().as_secs_f64();
    Ok(found.map(|(name, values)| Classical { name: name.into(), values, seconds }))
}

type Found = Option<(&'static str, Vec<f64>)>;

/// The values prescribed at both ends of a coordinate.
fn ends(problem: &Problem, coordinate: usize) -> Option<[&Formula; 2]> {
    let end = |side| prescribed(problem, Face { coordinate, side });
    Some([end(Side::Lower)?, end(Side::Upper)?])
}

/// The value of a formula at one point.
fn value(formula: &Formula, point: &[f64]) -> f64 {
    formula.values([point])[0]
}

/// Nodes of one coordinate on a level, and the stride from one evaluation point to the next.
fn nodes(problem: &Problem, coordinate: usize, least: usize, level: u32) -> (Vec<f64>, usize) {
    let intervals = problem.evaluation[coordinate] - 1;
    let stride = least.div_ceil(intervals) << level;
    let domain = &problem.domain;
    (linspace(domain.lower()[coordinate], domain.upper()[coordinate], intervals * stride + 1), stride)
}

/// Richardson's extrapolation of `solve(level)` over `levels` levels whose spacing halves.
fn extrapolate(levels: u32, solve: impl Fn(u32) -> Result<Vec<f64>>) -> Result<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for level in 0..levels {
        // rows[k] holds the previous level after k eliminations.
        let mut next = vec![solve(level)?];
        for (k, coarse) in rows.iter().enumerate() {
            let gain = 4f64.powi(k as i32 + 1) - 1.0;
            let finer = next[k].iter().zip(coarse).map(|(f, c)| f + (f - c) / gain).collect();
            next.push(finer);
        }
        rows = next;
    }
    Ok(rows.pop().unwrap_or_default())
}

fn boundary_value_problem(problem: &Problem) -> Result<Found> {
    let Some(ends) = ends(problem, 0) else { return Ok(None) };
    if Equation::new(&problem.residuals[0], 1, 0, None).is_none() {
        return Ok(None);
    }
    let values = extrapolate(3, |level| {
        let (x, stride) = nodes(problem, 0, LINE_INTERVALS, level);
        let Some(mut equation) = Equation::new(&problem.residuals[0], 1, 0, None) else { return Ok(Vec::new()) };
        let ends = [value(ends[0], &x[..1]), value(ends[1], &x[x.len() - 1..])];
        Ok(boundary_value(&mut equation, &x, ends)?.into_iter().step_by(stride).collect())
    })?;
    Ok(Some(("central differences, tridiagonal Newton, Richardson", values)))
}

fn evolution_problem(problem: &Problem) -> Result<Found> {
    let Some((space, time)) = space_time(problem) else { return Ok(None) };
    let Some(ends) = ends(problem, space) else { return Ok(None) };
    let Some(start) = prescribed(problem, Face { coordinate: time, side: Side::Lower }) else { return Ok(None) };
    let point = |x: f64, t: f64| if space == 0 { [x, t] } else { [t, x] };
    let equation = || Equation::new(&problem.residuals[0], 2, space, Some(time));
    if equation().is_none() {
        return Ok(None);
    }
    let values = extrapolate(3, |level| {
        let (x, stride) = nodes(problem, space, LINE_INTERVALS, level);
        let (t, step) = nodes(problem, time, TIME_STEPS, level);
        let Some(mut equation) = equation() else { return Ok(Vec::new()) };
        let first: Vec<f64> = x.iter().map(|&x| value(start, &point(x, t[0]))).collect();
        let (a, b) = (x[0], x[x.len() - 1]);
        let at_ends = |t: f64| [value(ends[0], &point(a, t)), value(ends[1], &point(b, t))];
        let rows = evolution(&mut equation, &x, &t, first, at_ends)?;
        Ok(on_grid(&rows, stride, step, space == 0))
    })?;
    Ok(Some(("Crank-Nicolson, central differences, Newton, Richardson", values)))
}

/// Every `stride`-th value of every `step`-th row, in the order of the coordinates.
fn on_grid(rows: &[Vec<f64>], stride: usize, step: usize, space_first: bool) -> Vec<f64> {
    let rows: Vec<&Vec<f64>> = rows.iter().step_by(step).collect();
    let width = rows[0].len();
    if space_first {
        (0..width).step_by(stride).flat_map(|i| rows.iter().map(move |row| row[i])).collect()
    } else {
        rows.iter().flat_map(|row| row.iter().step_by(stride).copied()).collect()
    }
}

fn plane_problem(problem: &Problem) -> Result<Found> {
    let (Some(x_ends), Some(y_ends)) = (ends(problem, 0), ends(problem, 1)) else { return Ok(None) };
    let Some((coefficients, source)) = linear(problem) else { return Ok(None) };
    let inputs = problem.residuals[0].dag.inputs().len();
    let values = extrapolate(3, |level| {
        let ((x, sx), (y, sy)) = (nodes(problem, 0, PLANE_INTERVALS, level), nodes(problem, 1, PLANE_INTERVALS, level));
        let edge = |a: f64, b: f64| {
            let formula = match (a == x[0], a == x[x.len() - 1], b == y[0]) {
                (true, ..) => x_ends[0],
                (_, true, _) => x_ends[1],
                (_, _, true) => y_ends[0],
                _ => y_ends[1],
            };
            value(formula, &[a, b])
        };
        let mut point = vec![Value::F32(0.0); inputs];
        let evaluator = std::cell::RefCell::new((source.evaluator(), Vec::new()));
        let forcing = |a: f64, b: f64| {
            let (evaluator, outputs) = &mut *evaluator.borrow_mut();
            let mut point = point.clone();
            (point[0], point[1]) = (Value::F32(a), Value::F32(b));
            evaluator.eval(&point, outputs);
            outputs[0].as_f64()
        };
        let u = plane::solve(Plane { x: &x, y: &y }, coefficients, forcing, edge)?;
        point.clear();
        let rows: Vec<&[f64]> = u.chunks_exact(y.len()).step_by(sx).collect();
        Ok(rows.into_iter().flat_map(|row| row.iter().step_by(sy).copied()).collect())
    })?;
    Ok(Some(("five-point stencil, sine transforms, Richardson", values)))
}

/// The coefficients if the residual is a u_xx + b u_yy + c u + f(x, y) with constants a, b, c; f is the residual with all partials
/// at zero.
fn linear(problem: &Problem) -> Option<(Coefficients, Dag)> {
    let residual = &problem.residuals[0];
    let mut coefficients = Coefficients { xx: 0.0, yy: 0.0, value: 0.0 };
    for (i, partial) in residual.partials.iter().enumerate() {
        let target = match partial.orders[..] {
            [2, 0] => &mut coefficients.xx,
            [0, 2] => &mut coefficients.yy,
            [0, 0] => &mut coefficients.value,
            _ => return None,
        };
        let slope = residual.slope(i)?;
        *target = slope.real(slope.outputs()[0])?;
    }
    (coefficients.xx != 0.0 && coefficients.yy != 0.0).then(|| (coefficients, residual.dag.clone()))
}
