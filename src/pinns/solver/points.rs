//! The collocation points of a run: drawn per block, drawn again on request, concentrated where the residual is large.

use super::residuals::{PointSet, point_sets, trial_residuals};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::nn::Mlp;
use crate::pinns::problem::{Problem, Site};
use crate::pinns::sampling;
use crate::tape::program::Program;
use crate::tensor::Array;

/// Stream of random numbers for the choice among candidates, apart from those of the points themselves.
const CHOICE: u32 = 0x4144_4150;

/// The points of all blocks.
pub(super) struct Points {
    sets: Vec<PointSet>,
    arrays: Vec<(String, Array)>,
    /// For each block that is concentrated, the program that evaluates its residual at the candidates.
    candidates: Vec<Option<Program>>,
    draws: u32,
}

impl Points {
    /// The first draw.
    pub fn new(gpu: &Gpu, problem: &Problem, mlp: &Mlp) -> Result<Self> {
        let blocks = problem.blocks()?;
        let mut first = Vec::with_capacity(blocks.len());
        for (number, block) in blocks.iter().enumerate() {
            first.push(problem.points(block, number, 0)?);
        }
        let counts: Vec<usize> = first.iter().map(sampling::Points::len).collect();
        let sets = point_sets(problem, mlp, &counts)?;
        let mut candidates = Vec::with_capacity(sets.len());
        for (number, set) in sets.iter().enumerate() {
            candidates.push(match (&problem.sampling.adaptive, &set.block.site, problem.sampling.resample) {
                (Some(adaptive), Site::Interior, 1..) => {
                    let count = set.points * adaptive.candidates;
                    let many = PointSet { points: count, ..sets[number].clone() };
                    let tape = trial_residuals(mlp, &[many], problem.domain.dimension(), 1)?;
                    Some(Program::compile(gpu, &tape, &[])?)
                }
                _ => None,
            });
        }
        let mut points = Points { sets, arrays: Vec::new(), candidates, draws: 0 };
        for (number, drawn) in first.iter().enumerate() {
            let weights = vec![1.0; drawn.len()];
            points.place(problem, number, drawn, &weights)?;
        }
        Ok(points)
    }

    /// The blocks with their numbers of points.
    pub fn sets(&self) -> &[PointSet] {
        &self.sets
    }

    /// All inputs that hold points.
    pub fn arrays(&self) -> &[(String, Array)] {
        &self.arrays
    }

    /// Draws all points again, at the residuals of `theta`.
    pub fn redraw(&mut self, problem: &Problem, theta: &[f32]) -> Result<()> {
        self.draws += 1;
        self.arrays.clear();
        for number in 0..self.sets.len() {
            let set = &self.sets[number];
            let drawn = match (&self.candidates[number], &problem.sampling.adaptive) {
                (Some(program), Some(adaptive)) => {
                    let mut block = set.block.clone();
                    block.points = set.points * adaptive.candidates;
                    let many = problem.points(&block, number, self.draws)?;
                    let d = many.dimension();
                    if many.len() == block.points {
                        program.write("theta", &Array::f32([1, theta.len()], theta)?)?;
                        program.write(&set.inputs[0], &Array::f32([many.len(), d], many.values())?)?;
                        program.write(&set.scale, &Array::f32([many.len()], vec![1.0; many.len()])?)?;
                        program.run()?;
                        let r = program.read("r")?;
                        sampling::concentrated(
                            &many,
                            r.as_f32("candidates")?,
                            set.points,
                            adaptive.concentration,
                            problem.network.seed,
                            CHOICE.wrapping_add(self.draws),
                        )?
                    } else {
                        // A grid has no fixed number of points: it is not concentrated.
                        evenly(problem.points(&set.block, number, self.draws)?)
                    }
                }
                _ => evenly(problem.points(&set.block, number, self.draws)?),
            };
            self.place(problem, number, &drawn.0, &drawn.1)?;
        }
        Ok(())
    }

    /// Puts drawn points and their scales into the arrays of a block's inputs; a pair gets the opposite points too.
    fn place(&mut self, problem: &Problem, number: usize, drawn: &sampling::Points, weights: &[f32]) -> Result<()> {
        let set = &self.sets[number];
        // Half the square sum of the scaled residuals is half the loss.
        let share = set.block.weight / set.points as f64;
        let scale: Vec<f32> = weights.iter().map(|&w| (share * f64::from(w)).sqrt() as f32).collect();
        self.arrays.push((set.scale.clone(), Array::f32([scale.len()], scale)?));
        let shape = [drawn.len(), drawn.dimension()];
        self.arrays.push((set.inputs[0].clone(), Array::f32(shape, drawn.values())?));
        if let Site::Pair(k) = set.block.site {
            let mut opposite = drawn.values().to_vec();
            opposite.chunks_exact_mut(drawn.dimension()).for_each(|row| row[k] = problem.domain.upper()[k] as f32);
            self.arrays.push((set.inputs[1].clone(), Array::f32(shape, opposite)?));
        }
        Ok(())
    }
}

/// Points that all count alike.
fn evenly(points: sampling::Points) -> (sampling::Points, Vec<f32>) {
    let weights = vec![1.0; points.len()];
    (points, weights)
}
