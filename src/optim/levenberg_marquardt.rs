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

/// A run in progress: everything that the next step depends on.
#[derive(Debug, Clone)]
pub struct State {
    /// Parameters.
    pub theta: Vec<f32>,
    /// `|r|^2 / 2` at `theta`.
    pub cost: f64,
    /// Damping of the next step.
    pub damping: f64,
    /// Nielsen's growth factor of the damping after a failure.
    pub growth: f64,
    /// Steps done.
    pub step: u32,
}

impl LevenbergMarquardt {
    /// Runs up to `steps` steps from `theta`. `observe` sees the state after every step and returns false to stop.
    ///
    /// # Errors
    /// A first point whose residual is not finite; what the device reports.
    pub fn run(
        &self,
        problem: &mut dyn LeastSquares,
        theta: Vec<f32>,
        steps: u32,
        observe: &mut dyn FnMut(&State) -> Result<bool>,
    ) -> Result<(State, Stop)> {
        let (r, j) = problem.linearise(&theta)?;
        let mut equations = NormalEquations::new(&j, &r)?;
        let damping = self.damping * equations.largest_diagonal();
        let mut state = State { theta, cost: equations.cost, damping, growth: 2.0, step: 0 };
        let mut failures = 0;
        while state.step < steps {
            let steepest = equations.gradient().iter().fold(0.0, |m: f64, g| m.max(g.abs()));
            if steepest <= self.gradient_tolerance * (1.0 + state.cost) {
                return Ok((state, Stop::Gradient));
            }
            let accepted = self.round(problem, &equations, &mut state)?;
            state.step += 1;
            failures = if accepted { 0 } else { failures + 1 };
            if accepted {
                let (r, j) = problem.linearise(&state.theta)?;
                equations = NormalEquations::new(&j, &r)?;
                state.cost = equations.cost;
            } else if failures > self.patience || !state.damping.is_finite() {
                return Ok((state, Stop::NoDescent));
            }
            if !observe(&state)? {
                return Ok((state, Stop::Observer));
            }
        }
        Ok((state, Stop::Steps))
    }

    /// One batch of trial steps around the current damping; moves to the best one if it is better.
    fn round(&self, problem: &mut dyn LeastSquares, equations: &NormalEquations, state: &mut State) -> Result<bool> {
        let trials = problem.trials();
        if trials == 0 {
            return Err(Error::argument("trial steps", "at least one", 0));
        }
        // Around the damping that the gain ratio suggests: more below than above, since a smaller damping is a longer step.
        let below = (trials - 1).div_ceil(2) as i32;
        let dampings: Vec<f64> = (0..trials as i32).map(|t| state.damping * self.spread.powi(t - below)).collect();
        let steps: Vec<Option<Vec<f64>>> = dampings.iter().map(|&d| equations.step(d)).collect();
        let moved = |step: &Option<Vec<f64>>| match step {
            Some(d) => state.theta.iter().zip(d).map(|(&x, d)| (f64::from(x) + d) as f32).collect(),
            None => state.theta.clone(),
        };
        let points: Vec<Vec<f32>> = steps.iter().map(moved).collect();
        let costs = problem.costs(&points)?;
        let usable = (0..trials).filter(|&t| steps[t].is_some() && costs[t].is_finite());
        let best = usable.min_by(|&a, &b| costs[a].total_cmp(&costs[b]));
        let Some(best) = best.filter(|&t| costs[t] < state.cost) else {
            state.damping = dampings[trials - 1].max(f64::MIN_POSITIVE) * state.growth;
            state.growth *= 2.0;
            return Ok(false);
        };
        let gain = match &steps[best] {
            Some(step) => (state.cost - costs[best]) / equations.predicted_decrease(step, dampings[best]),
            None => 0.0,
        };
        // Nielsen's rule: a good model shrinks the damping by up to 3, a bad one lets it grow.
        state.damping = dampings[best] * (1.0 - (2.0 * gain - 1.0).powi(3)).clamp(1.0 / 3.0, 2.0);
        state.growth = 2.0;
        state.theta.clone_from(&points[best]);
        state.cost = costs[best];
        Ok(true)
    }
}
