//! Levenberg-Marquardt as a driver: residuals and Jacobian in f32 on the device, normal equations and Cholesky in f64 on the
//! host, damping by the gain ratio (Nielsen 1999), several trial steps at once as one batch.

use super::normal_equations::{Damped, NormalEquations};
use crate::error::{Error, Result};

/// What the driver needs to know of a least-squares problem `min |r(theta)|^2 / 2`.
pub trait LeastSquares {
    /// `r(theta)` `[rows]` and its Jacobian `[rows, parameters]`, row-major.
    ///
    /// # Errors
    /// What the device reports.
    fn linearise(&mut self, theta: &[f32]) -> Result<(Vec<f32>, Vec<f32>)>;

    /// `r` at each of the trial points, as many as [`LeastSquares::trials`]. A value that is not finite marks a point that cannot
    /// be used.
    ///
    /// # Errors
    /// What the device reports.
    fn residuals(&mut self, thetas: &[Vec<f32>]) -> Result<Vec<Vec<f64>>>;

    /// Trial points evaluated at once.
    fn trials(&self) -> usize;
}

/// Settings of the driver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevenbergMarquardt {
    /// First damping, in the units of `J^T J`.
    pub damping: f64,
    /// Smallest damping.
    pub least_damping: f64,
    /// The run ends when `max |J^T r|` falls below this fraction of `1 + cost`.
    pub gradient_tolerance: f64,
    /// Whether steps bend along the geodesic (Transtrum & Sethna 2012): one more batch of residuals a step.
    pub acceleration: bool,
    /// Most rejected points in a row; then no damping gives a better point.
    pub patience: u32,
}

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        LevenbergMarquardt {
            damping: 1e-3,
            least_damping: 1e-14,
            gradient_tolerance: 0.0,
            acceleration: true,
            patience: 12,
        }
    }
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All steps were made.
    Steps,
    /// The gradient is as small as was asked for.
    Gradient,
    /// No damping gave a better point: the cost is at the resolution of f32.
    NoDescent,
    /// The observer asked for it.
    Observer,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stop::Steps => "all steps were made",
            Stop::Gradient => "the gradient is as small as asked for",
            Stop::NoDescent => "no damping gives a better point: the cost is at the resolution of f32",
            Stop::Observer => "it was asked to stop",
        })
    }
}

/// A run in progress: everything that the next step depends on, apart from the problem.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Parameters.
    pub theta: Vec<f32>,
    /// `|r|^2 / 2` at `theta`; not a number before the first linearisation.
    pub cost: f64,
    /// Damping of the next step.
    pub damping: f64,
    /// Steps done.
    pub step: u32,
}

impl State {
    /// The beginning of a run.
    pub fn new(theta: Vec<f32>, damping: f64) -> Self {
        State { theta, cost: f64::NAN, damping, step: 0 }
    }
}

impl LevenbergMarquardt {
    /// Makes up to `steps` steps from `state`. `observe` sees the state after every step and returns false to stop. The
    /// problem may have changed since the last call (fresh points): it is linearised anew.
    ///
    /// # Errors
    /// A first point whose residual is not finite; what the device reports.
    pub fn run(
        &self,
        problem: &mut dyn LeastSquares,
        state: &mut State,
        steps: u32,
        observe: &mut dyn FnMut(&State) -> Result<bool>,
    ) -> Result<Stop> {
        let (r, j) = problem.linearise(&state.theta)?;
        let mut equations = NormalEquations::new(&j, &r)?;
        state.cost = equations.cost;
        for _ in 0..steps {
            let steepest = equations.gradient().iter().fold(0.0, |m: f64, g| m.max(g.abs()));
            if steepest <= self.gradient_tolerance * (1.0 + state.cost) {
                return Ok(Stop::Gradient);
            }
            if !self.step(problem, &equations, state)? {
                return Ok(Stop::NoDescent);
            }
            state.step += 1;
            let (r, j) = problem.linearise(&state.theta)?;
            equations = NormalEquations::new(&j, &r)?;
            state.cost = equations.cost;
            if !observe(state)? {
                return Ok(Stop::Observer);
            }
        }
        Ok(Stop::Steps)
    }

    /// Moves to the first better point of Nielsen's sequence: the damping grows by factors 2, 4, 8, .. until one is found.
    /// Several members of the sequence are evaluated as one batch, which changes no result. False when there is none.
    fn step(&self, problem: &mut dyn LeastSquares, equations: &NormalEquations, state: &mut State) -> Result<bool> {
        let trials = problem.trials();
        if trials == 0 {
            return Err(Error::argument("trial steps", "at least one", 0));
        }
        let mut damping = state.damping.max(self.least_damping);
        let mut growth = 2.0;
        let mut rejected = 0;
        while rejected < self.patience {
            let mut dampings = Vec::with_capacity(trials);
            for _ in 0..trials {
                dampings.push(damping);
                damping *= growth;
                growth *= 2.0;
            }
            let systems: Vec<Option<Damped<'_>>> = dampings.iter().map(|&d| equations.damped(d)).collect();
            let steps: Vec<Option<Vec<f64>>> = systems.iter().map(|s| s.as_ref().and_then(Damped::step)).collect();
            let moves = if self.acceleration { bend(problem, &state.theta, &systems, &steps)? } else { steps.clone() };
            let points: Vec<Vec<f32>> = moves.iter().map(|m| moved(&state.theta, m.as_deref(), 1.0)).collect();
            let residuals = problem.residuals(&points)?;
            for (trial, residual) in residuals.iter().enumerate() {
                let (Some(system), Some(step)) = (&systems[trial], &steps[trial]) else { continue };
                let cost = 0.5 * residual.iter().map(|x| x * x).sum::<f64>();
                let gain = (state.cost - cost) / system.predicted_decrease(step);
                if gain > 0.0 && cost.is_finite() {
                    // Nielsen's rule: a good model shrinks the damping by up to 3, a bad one lets it grow by up to 2.
                    let factor = (1.0 - (2.0 * gain - 1.0).powi(3)).max(1.0 / 3.0);
                    state.damping = (dampings[trial] * factor).max(self.least_damping);
                    state.theta.clone_from(&points[trial]);
                    return Ok(true);
                }
            }
            rejected += trials as u32;
        }
        Ok(false)
    }
}

/// `theta + factor step` in f32; `theta` without a step.
fn moved(theta: &[f32], step: Option<&[f64]>, factor: f64) -> Vec<f32> {
    match step {
        Some(step) => theta.iter().zip(step).map(|(&x, d)| (f64::from(x) + factor * d) as f32).collect(),
        None => theta.to_vec(),
    }
}

/// How far ahead the second derivative along a step is looked for, and the longest acceleration that is trusted, as a fraction of
/// the step: `2 |a| / |d| < 0.75` (Transtrum & Sethna 2012).
const AHEAD: f64 = 0.1;
const LONGEST: f64 = 0.75;

/// The steps with half their acceleration, where that is short enough.
fn bend(
    problem: &mut dyn LeastSquares,
    theta: &[f32],
    systems: &[Option<Damped<'_>>],
    steps: &[Option<Vec<f64>>],
) -> Result<Vec<Option<Vec<f64>>>> {
    let points: Vec<Vec<f32>> = steps.iter().map(|s| moved(theta, s.as_deref(), AHEAD)).collect();
    let ahead = problem.residuals(&points)?;
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let bent = systems.iter().zip(steps).zip(&ahead).map(|((system, step), ahead)| {
        let (system, step) = (system.as_ref()?, step.as_ref()?);
        match system.acceleration(step, ahead, AHEAD) {
            Some(a) if 2.0 * norm(&a) < LONGEST * norm(step) => {
                Some(step.iter().zip(&a).map(|(d, a)| d + 0.5 * a).collect())
            }
            _ => Some(step.clone()),
        }
    });
    Ok(bent.collect())
}
