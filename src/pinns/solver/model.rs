//! A trained solution: the network's parameters and the problem they solve, as a file that anyone can evaluate.

use super::residuals::network;
use crate::data::{Tensors, read_safetensors, write_safetensors};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::nn::Mlp;
use crate::pinns::problem::Problem;
use crate::tape::Tape;
use crate::tape::program::Program;
use crate::tensor::{Array, DType};
use std::collections::BTreeMap;
use std::path::Path;

/// Points evaluated in one dispatch.
const CHUNK: usize = 8192;
/// Name of the problem's text in the file's metadata.
const PROBLEM: &str = "fieldline.problem";

/// A solution: a problem and the parameters of its network.
#[derive(Debug, Clone)]
pub struct Model {
    /// The problem.
    pub problem: Problem,
    /// Packed parameters.
    pub theta: Vec<f32>,
    mlp: Mlp,
}

impl Model {
    /// A model from packed parameters.
    ///
    /// # Errors
    /// A number of parameters that is not the network's; a parameter that is not finite.
    pub fn new(problem: Problem, theta: Vec<f32>) -> Result<Self> {
        let mlp = network(&problem)?;
        if theta.len() != mlp.packing().total() {
            return Err(Error::argument("model parameters", format!("{} values", mlp.packing().total()), theta.len()));
        }
        if let Some(at) = theta.iter().position(|x| !x.is_finite()) {
            return Err(Error::Numerical {
                origin: "model parameters".into(),
                problem: format!("parameter {at} is {}", theta[at]),
            });
        }
        Ok(Model { problem, theta, mlp })
    }

    /// Writes the parameters by name and the resolved problem as safetensors.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let arrays = self.mlp.packing().split(&self.theta)?;
        let metadata = BTreeMap::from([
            (PROBLEM.to_string(), self.problem.to_toml()),
            ("fieldline.version".to_string(), env!("CARGO_PKG_VERSION").to_string()),
        ]);
        write_safetensors(path, &Tensors { arrays, metadata })
    }

    /// Reads what [`Model::save`] wrote.
    ///
    /// # Errors
    /// A file that is no safetensors file or no model of ours.
    pub fn load(path: &Path) -> Result<Self> {
        let tensors = read_safetensors(path)?;
        let text = tensors.metadata.get(PROBLEM).ok_or_else(|| {
            Error::file(
                path,
                format!("is no fieldline model: its metadata lack `{PROBLEM}` (written by `fieldline solve`)"),
            )
        })?;
        let problem = Problem::from_toml(text, &format!("{}: problem", path.display()))?;
        let theta = network(&problem)?.packing().join(&tensors.arrays).map_err(|e| Error::file(path, e))?;
        Model::new(problem, theta)
    }

    /// The solution at row-major points `[n, coordinates]`.
    ///
    /// # Errors
    /// A length that is no multiple of the dimension, a coordinate that is not finite; what the device reports.
    pub fn evaluate(&self, gpu: &Gpu, points: &[f64]) -> Result<Vec<f64>> {
        let dimension = self.problem.domain.dimension();
        if !points.len().is_multiple_of(dimension) {
            return Err(Error::argument("points", format!("a multiple of {dimension} coordinates"), points.len()));
        }
        if let Some(at) = points.iter().position(|x| !x.is_finite()) {
            let (row, column) = (at / dimension, &self.problem.coordinates[at % dimension]);
            return Err(Error::argument(format!("points, row {row}, `{column}`"), "a finite number", points[at]));
        }
        Evaluator::new(gpu, &self.problem, points.len() / dimension)?.evaluate(&self.theta, points)
    }
}

/// A compiled evaluation of a problem's solution, for many parameters.
#[derive(Debug)]
pub struct Evaluator {
    /// None when there are no points to evaluate.
    program: Option<Program>,
    rows: usize,
    dimension: usize,
}

impl Evaluator {
    /// Compiles for about `count` points at a time.
    ///
    /// # Errors
    /// What the device layer refuses.
    pub fn new(gpu: &Gpu, problem: &Problem, count: usize) -> Result<Self> {
        let rows = count.min(CHUNK);
        let program = match rows {
            0 => None,
            _ => Some(Program::compile(gpu, &solution_tape(problem, rows)?, &[])?),
        };
        Ok(Evaluator { program, rows, dimension: problem.domain.dimension() })
    }

    /// The solution with parameters `theta` at row-major points.
    ///
    /// # Errors
    /// What the device reports; a value that is not finite.
    pub fn evaluate(&mut self, theta: &[f32], points: &[f64]) -> Result<Vec<f64>> {
        let Some(program) = &self.program else { return Ok(Vec::new()) };
        let mut values = Vec::with_capacity(points.len() / self.dimension);
        program.write("theta", &Array::f32([theta.len()], theta)?)?;
        for rows in points.chunks(self.rows * self.dimension) {
            let mut padded: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
            // The last chunk is filled with copies of its first point.
            while padded.len() < self.rows * self.dimension {
                padded.push(rows[padded.len() % self.dimension] as f32);
            }
            program.write("x", &Array::f32([self.rows, self.dimension], padded)?)?;
            program.run()?;
            let u = program.read("u")?.to_f64();
            values.extend_from_slice(&u[..rows.len() / self.dimension]);
        }
        Ok(values)
    }
}

/// `theta [P]`, `x [rows, d]` -> `u [rows]`, the hard conditions built in: `u = A(x) + B(x) N(x)`.
fn solution_tape(problem: &Problem, rows: usize) -> Result<Tape> {
    let dimension = problem.domain.dimension();
    let mlp = network(problem)?;
    let trial = problem.trial()?;
    Tape::record(|r| {
        let theta = r.input("theta", [mlp.packing().total()], DType::F32);
        let x = r.input("x", [rows, dimension], DType::F32);
        let mut u = mlp.apply(&theta, &x)?.reshape([rows]);
        if let Some(trial) = &trial {
            let columns: Vec<_> = (0..dimension).map(|k| x.slice_axis(1, k, 1).reshape([rows])).collect();
            let rest: Vec<&_> = columns[1..].iter().collect();
            let offset = columns[0].map_dag(&rest, &trial.offset);
            let factor = columns[0].map_dag(&rest, &trial.factor);
            u = offset + factor * u;
        }
        r.output("u", &u);
        Ok(())
    })
}
