//! A problem as least squares for Levenberg-Marquardt: two programs, one for residuals with their Jacobian and one for a batch of
//! trial points.

use super::residuals::{PointSet, linearisation, trial_residuals};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::nn::Mlp;
use crate::optim::LeastSquares;
use crate::tape::program::Program;
use crate::tensor::Array;

/// The programs.
pub(super) struct Collocation {
    linear: Program,
    trial: Program,
    parameters: usize,
    trials: usize,
}

impl Collocation {
    pub fn new(gpu: &Gpu, mlp: &Mlp, sets: &[PointSet], dimension: usize, trials: usize) -> Result<Self> {
        let linear = Program::compile(gpu, &linearisation(mlp, sets, dimension)?, &[])?;
        let trial = Program::compile(gpu, &trial_residuals(mlp, sets, dimension, trials)?, &[])?;
        Ok(Collocation { linear, trial, parameters: mlp.packing().total(), trials })
    }

    /// Gives the points of all sets, in the order of their inputs.
    pub fn set_points(&self, points: &[(String, Array)]) -> Result<()> {
        for (name, array) in points {
            self.linear.write(name, array)?;
            self.trial.write(name, array)?;
        }
        Ok(())
    }

    /// Dispatches of one linearisation and of one batch of trials.
    pub fn dispatches(&self) -> (usize, usize) {
        (self.linear.size().dispatches, self.trial.size().dispatches)
    }
}

impl LeastSquares for Collocation {
    fn linearise(&mut self, theta: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
        self.linear.write("theta", &Array::f32([self.parameters], theta)?)?;
        self.linear.run()?;
        let r = self.linear.read("r")?;
        let j = self.linear.read("j")?;
        Ok((r.as_f32("r")?.to_vec(), j.as_f32("j")?.to_vec()))
    }

    fn residuals(&mut self, thetas: &[Vec<f32>]) -> Result<Vec<Vec<f64>>> {
        self.trial.write("theta", &Array::f32([self.trials, self.parameters], thetas.concat())?)?;
        self.trial.run()?;
        // A trial point may lie where a residual overflows: that is a refused point, not a failure of the run.
        let r = self.trial.read_unchecked("r")?.to_f64();
        self.trial.clear_faults()?;
        Ok(r.chunks_exact(r.len() / self.trials).map(<[f64]>::to_vec).collect())
    }

    fn trials(&self) -> usize {
        self.trials
    }
}
