//! Levenberg-Marquardt as a driver: residuals and Jacobian in f32 on the device, normal equations and Cholesky in f64 on the
//! host, damping by the gain ratio (Nielsen 1999), several trial steps at once as one batch.

use super::normal_equations::NormalEquations;
use crate::error::{Error, Result};

/// What the driver needs to know of a least-squares problem `min |r(theta)|^2 / 2`.
pub trait LeastSquares {
    /// `r(theta)` `[rows]` and its Jacobian `[rows, parameters]`, row-major.
    ///
    /// # Errors
    /// What the device reports.
    fn linearise(&mut self, theta: &[f32]) -> Result<(Vec<f32>, Vec<f32>)>;

    /// `|r|^2 / 2` at each of the trial points, as many as [`LeastSquares::trials`]. A value that is not finite marks a point
    /// that cannot be used.
    ///
    /// # Errors
    /// What the device reports.
    fn costs(&mut self, thetas: &[Vec<f32>]) -> Result<Vec<f64>>;

    /// Trial points evaluated at once.
    fn trials(&self) -> usize;
}

/// Settings of the driver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevenbergMarquardt {
    /// First damping, as a fraction of the largest diagonal element of `J^T J`.
    pub damping: f64,
    /// Ratio of neighbouring trial dampings.
    pub spread: f64,
    /// The run ends when `max |J^T r|` falls below this fraction of `1 + cost`.
    pub gradient_tolerance: f64,
    /// Most consecutive rounds without a better point.
    pub patience: u32,
}

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        LevenbergMarquardt { damping: 1e-3, spread: 4.0, gradient_tolerance: 0.0, patience: 20 }
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
    /// Damping of the next step; not known before the first linearisation.
    pub damping: Option<f64>,
    /// Nielsen's growth factor of the damping after a failure.
    pub growth: f64,
    /// Steps done.
    pub step: u32,
}

impl State {
    /// The beginning of a run.
    pub fn new(theta: Vec<f32>) -> Self {
        State { theta, cost: f64::NAN, damping: None, growth: 2.0, step: 0 }
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
        let mut failures = 0;
        for _ in 0..steps {
            let steepest = equations.gradient().iter().fold(0.0, |m: f64, g| m.max(g.abs()));
            if steepest <= self.gradient_tolerance * (1.0 + state.cost) {
                return Ok(Stop::Gradient);
            }
            let accepted = self.round(problem, &equations, state)?;
            state.step += 1;
            failures = if accepted { 0 } else { failures + 1 };
            if accepted {
                let (r, j) = problem.linearise(&state.theta)?;
                equations = NormalEquations::new(&j, &r)?;
                state.cost = equations.cost;
            } else if failures > self.patience {
                return Ok(Stop::NoDescent);
            }
            if !observe(state)? {
                return Ok(Stop::Observer);
            }
        }
        Ok(Stop::Steps)
    }

    /// One batch of trial steps around the current damping; moves to the best one if it is better.
    fn round(&self, problem: &mut dyn LeastSquares, equations: &NormalEquations, state: &mut State) -> Result<bool> {
        let trials = problem.trials();
        if trials == 0 {
            return Err(Error::argument("trial steps", "at least one", 0));
        }
        let damping = state.damping.unwrap_or(self.damping * equations.largest_diagonal()).max(f64::MIN_POSITIVE);
        // Around the damping that the gain ratio suggests: more below than above, since a smaller damping is a longer step.
        let below = trials as i32 / 2;
        let dampings: Vec<f64> = (0..trials as i32).map(|t| damping * self.spread.powi(t - below)).collect();
        let steps: Vec<Option<Vec<f64>>> = dampings.iter().map(|&d| equations.step(d)).collect();
        let moved = |step: &Option<Vec<f64>>| match step {
            Some(d) => state.theta.iter().zip(d).map(|(&x, d)| (f64::from(x) + d) as f32).collect(),
            None => state.theta.clone(),
        };
        let points: Vec<Vec<f32>> = steps.iter().map(moved).collect();
        let costs = problem.costs(&points)?;
        let usable = (0..trials).filter(|&t| costs[t].is_finite() && costs[t] < state.cost);
        let best = usable.min_by(|&a, &b| costs[a].total_cmp(&costs[b]));
        let Some((best, step)) = best.and_then(|t| steps[t].as_ref().map(|step| (t, step))) else {
            state.damping = Some(dampings[trials - 1] * state.growth);
            state.growth *= 2.0;
            return Ok(false);
        };
        let gain = (state.cost - costs[best]) / equations.predicted_decrease(step, dampings[best]);
        // Nielsen's rule: a good model shrinks the damping by up to 3, a bad one lets it grow.
        state.damping = Some(dampings[best] * (1.0 - (2.0 * gain - 1.0).powi(3)).clamp(1.0 / 3.0, 2.0));
        state.growth = 2.0;
        state.theta.clone_from(&points[best]);
        state.cost = costs[best];
        Ok(true)
    }
}
