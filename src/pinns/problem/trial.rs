//! Conditions built into the trial function: u = A + B N with B = 0 and A = the prescribed values on the hard faces.

use super::equation::{Formula, Residual};
use super::{Partial, Problem};
use crate::error::{Error, Result};
use crate::expr::{Binary, Dag, Id, Type};
use crate::pinns::sampling::{self, Domain, Face, Method, Side};
use std::collections::HashMap;

/// The two parts of a trial function u = A + B N for a network N.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// A: meets the hard conditions. Inputs: the coordinates. One output.
    pub offset: Dag,
    /// B: vanishes on the hard faces, positive inside, at most 1. Inputs: the coordinates. One output.
    pub factor: Dag,
}

impl Trial {
    /// The equation in terms of the network: with u = A + B N and Leibniz' rule
    /// u_a = A_a + sum_{b <= a} binom(a, b) B_{a - b} N_b for multi-indices a, b. The result's partials are those of N.
    pub fn substitute(&self, residual: &Residual) -> Result<Residual> {
        let dimension = self.offset.inputs().len();
        let mut dag = Dag::new();
        let coordinates: Vec<Id> = (0..dimension).map(|_| dag.input(Type::F32)).collect();
        let offset = dag.inline(&self.offset, &coordinates)?[0];
        let factor = dag.inline(&self.factor, &coordinates)?[0];
        let mut derivatives = Derivatives::default();
        // First which derivatives of N occur, so that their inputs can be made in order.
        let mut terms: Vec<(usize, Partial, Id)> = Vec::new();
        for (i, partial) in residual.partials.iter().enumerate() {
            for lower in below(&partial.orders) {
                let rest: Vec<u8> = partial.orders.iter().zip(&lower).map(|(a, b)| a - b).collect();
                let Some(slope) = derivatives.of(&mut dag, factor, &rest) else { continue };
                let times = dag.f32(partial.orders.iter().zip(&lower).map(|(&a, &b)| binomial(a, b)).product());
                let coefficient = dag.binary(Binary::Mul, times, slope)?;
                terms.push((i, Partial { unknown: partial.unknown, orders: lower }, coefficient));
            }
        }
        let mut partials: Vec<Partial> = terms.iter().map(|(_, p, _)| p.clone()).collect();
        partials.sort();
        partials.dedup();
        let inputs: Vec<Id> = partials.iter().map(|_| dag.input(Type::F32)).collect();
        let mut arguments = coordinates;
        for (i, partial) in residual.partials.iter().enumerate() {
            let mut sum = match derivatives.of(&mut dag, offset, &partial.orders) {
                Some(id) => id,
                None => dag.f32(0.0),
            };
            for (_, p, coefficient) in terms.iter().filter(|(j, ..)| *j == i) {
                let input = inputs[partials.iter().position(|q| q == p).unwrap_or(0)];
                let term = dag.binary(Binary::Mul, *coefficient, input)?;
                sum = dag.binary(Binary::Add, sum, term)?;
            }
            arguments.push(sum);
        }
        let output = dag.inline(&residual.dag, &arguments)?[0];
        dag.output(output);
        Ok(Residual { partials, dag, ..residual.clone() })
    }
}

/// Derivatives of nodes, each computed once.
#[derive(Default)]
struct Derivatives(HashMap<(Id, Vec<u8>), Option<Id>>);

impl Derivatives {
    /// The derivative of `of` with these orders by the first inputs; `None` where it vanishes structurally.
    fn of(&mut self, dag: &mut Dag, of: Id, orders: &[u8]) -> Option<Id> {
        let Some(k) = orders.iter().position(|&o| o > 0) else { return Some(of) };
        if let Some(known) = self.0.get(&(of, orders.to_vec())) {
            return *known;
        }
        let mut lower = orders.to_vec();
        lower[k] -= 1;
        let slope = self.of(dag, of, &lower).and_then(|id| dag.derivative(id, k));
        let slope = slope.filter(|&id| dag.real(id) != Some(0.0));
        self.0.insert((of, orders.to_vec()), slope);
        slope
    }
}

/// All multi-indices at most `orders` in every component.
fn below(orders: &[u8]) -> Vec<Vec<u8>> {
    orders.iter().fold(vec![Vec::new()], |rows, &most| {
        rows.iter().flat_map(|row| (0..=most).map(move |o| row.iter().copied().chain([o]).collect())).collect()
    })
}

fn binomial(n: u8, k: u8) -> f64 {
    (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product::<f64>().round()
}

/// See [`Problem::trial`].
///
/// A is built coordinate by coordinate: A <- A + P(g - A), where P interpolates linearly between the two hard faces of the
/// coordinate (or continues the one there is as a constant). Each step makes A right on its own faces and leaves it right on
/// the earlier ones as long as the prescribed values agree where faces meet (a Boolean sum, as in Coons patches).
pub(super) fn build(problem: &Problem) -> Result<Option<Trial>> {
    let domain = &problem.domain;
    let hard: Vec<(Face, &Formula)> = problem
        .conditions
        .iter()
        .filter(|c| c.hard)
        .filter_map(|c| c.value().map(|v| (c, v)))
        .flat_map(|(c, v)| c.faces.iter().map(move |&f| (f, v)))
        .collect();
    if hard.is_empty() {
        return Ok(None);
    }
    let empty = |dag: &mut Dag| (0..domain.dimension()).map(|_| dag.input(Type::F32)).collect::<Vec<Id>>();
    let mut offset = Dag::new();
    let coordinates = empty(&mut offset);
    let mut value = offset.f32(0.0);
    let mut factor = Dag::new();
    let inputs = empty(&mut factor);
    let mut product = factor.f32(1.0);
    for k in 0..domain.dimension() {
        let end = |side| hard.iter().find(|(f, _)| *f == Face { coordinate: k, side }).map(|(_, v)| *v);
        let ends = [end(Side::Lower), end(Side::Upper)];
        if ends == [None, None] {
            continue;
        }
        let gaps = [Side::Lower, Side::Upper].into_iter().zip(ends).map(|(side, formula)| {
            let Some(formula) = formula else { return Ok(None) };
            let mut at = coordinates.clone();
            at[k] = offset.f32(bound(domain, Face { coordinate: k, side }));
            let wanted = offset.inline(&formula.dag, &at)?[0];
            let had = restricted(&mut offset, value, &at)?;
            offset.binary(Binary::Sub, wanted, had).map(Some)
        });
        let gaps = gaps.collect::<Result<Vec<Option<Id>>>>()?;
        let fraction = fraction(&mut offset, coordinates[k], domain, k)?;
        let correction = match gaps[..] {
            [Some(low), Some(high)] => {
                let rise = offset.binary(Binary::Sub, high, low)?;
                let part = offset.binary(Binary::Mul, fraction, rise)?;
                offset.binary(Binary::Add, low, part)?
            }
            [Some(only), _] | [_, Some(only)] => only,
            _ => continue,
        };
        value = offset.binary(Binary::Add, value, correction)?;
        let weight = vanishing(&mut factor, inputs[k], domain, k, ends.map(|e| e.is_some()))?;
        product = factor.binary(Binary::Mul, product, weight)?;
    }
    offset.output(value);
    factor.output(product);
    let trial = Trial { offset, factor };
    check(&trial, problem, &hard)?;
    Ok(Some(trial))
}

/// Position of a face on its axis.
fn bound(domain: &Domain, face: Face) -> f64 {
    match face.side {
        Side::Lower => domain.lower()[face.coordinate],
        Side::Upper => domain.upper()[face.coordinate],
    }
}

/// The node `value` of `dag` with its inputs replaced by `at`.
fn restricted(dag: &mut Dag, value: Id, at: &[Id]) -> Result<Id> {
    let mut copy = dag.clone();
    copy.take_outputs();
    copy.output(value);
    Ok(dag.inline(&copy, at)?[0])
}

/// (x - lower) / (upper - lower).
fn fraction(dag: &mut Dag, x: Id, domain: &Domain, k: usize) -> Result<Id> {
    let (a, b) = (domain.lower()[k], domain.upper()[k]);
    let lower = dag.f32(a);
    let scale = dag.f32(1.0 / (b - a));
    let above = dag.binary(Binary::Sub, x, lower)?;
    dag.binary(Binary::Mul, above, scale)
}

/// A factor that vanishes at the hard ends and is 1 at its largest: s, 1 - s or 4 s (1 - s). The distance to the upper end is
/// formed from the bound itself, not as 1 - s, so that it is exactly 0 there in single precision, too.
fn vanishing(dag: &mut Dag, x: Id, domain: &Domain, k: usize, ends: [bool; 2]) -> Result<Id> {
    let (a, b) = (domain.lower()[k], domain.upper()[k]);
    let low = fraction(dag, x, domain, k)?;
    let upper = dag.f32(b);
    let scale = dag.f32(1.0 / (b - a));
    let below = dag.binary(Binary::Sub, upper, x)?;
    let high = dag.binary(Binary::Mul, below, scale)?;
    if ends != [true, true] {
        return Ok(if ends[0] { low } else { high });
    }
    let four = dag.f32(4.0);
    let both = dag.binary(Binary::Mul, low, high)?;
    dag.binary(Binary::Mul, four, both)
}

/// Checks A on every hard face: it differs from the prescribed values only if these contradict each other where faces meet.
fn check(trial: &Trial, problem: &Problem, hard: &[(Face, &Formula)]) -> Result<()> {
    let offset = Formula { text: String::new(), dag: trial.offset.clone() };
    for (face, formula) in hard {
        let points = sampling::face(&problem.domain, *face, 64, Method::LatinHypercube, 0, 0)?;
        let mut points: Vec<f64> = points.values().iter().map(|&v| f64::from(v)).collect();
        let dimension = problem.domain.dimension();
        for row in points.chunks_exact_mut(dimension) {
            row[face.coordinate] = bound(&problem.domain, *face);
        }
        let built = offset.values(points.chunks_exact(dimension));
        let wanted = formula.values(points.chunks_exact(dimension));
        if let Some(value) = wanted.iter().find(|v| !v.is_finite()) {
            let name = &problem.coordinates[face.coordinate];
            let expected = format!("finite hard values on {name} = {}", bound(&problem.domain, *face));
            return Err(Error::argument("conditions", expected, format!("`{}`, which is {value} there", formula.text)));
        }
        let size = wanted.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        let gap = built
            .iter()
            .zip(&wanted)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, |m: f64, d| if d > m || d.is_nan() { d } else { m });
        // Both sides are the same sums of f64 in another order; single precision is all that the solver will see of them.
        if gap.is_nan() || gap > 1e-6 * size {
            let name = &problem.coordinates[face.coordinate];
            let expected = format!(
                "hard values that agree where faces meet; those on {name} = {} are missed by {gap:.1e} (make one of the \
                 conditions soft: hard = false)",
                bound(&problem.domain, *face)
            );
            return Err(Error::argument("conditions", expected, format!("`{}`", formula.text)));
        }
    }
    Ok(())
}
