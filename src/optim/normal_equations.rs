//! The dense f64 algebra of Gauss-Newton steps on the host: products `J^T J`, damped Cholesky solves.

use crate::error::{Error, Result};
use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Side};

/// `J^T J`, `J^T r` and `r^T r / 2` of a residual vector and its Jacobian, in f64.
#[derive(Debug, Clone)]
pub struct NormalEquations {
    gram: Mat<f64>,
    gradient: Vec<f64>,
    /// `r^T r / 2`.
    pub cost: f64,
}

impl NormalEquations {
    /// Accumulates row-major `jacobian` `[rows, parameters]` and `residual` `[rows]`. The products are f64 sums of exact f64
    /// products of f32 factors.
    ///
    /// # Errors
    /// Sizes that do not fit; a value that is not finite.
    pub fn new(jacobian: &[f32], residual: &[f32]) -> Result<Self> {
        let rows = residual.len();
        if rows == 0 || !jacobian.len().is_multiple_of(rows) {
            return Err(Error::argument("jacobian", format!("whole rows for {rows} residuals"), jacobian.len()));
        }
        let parameters = jacobian.len() / rows;
        if jacobian.iter().chain(residual).any(|x| !x.is_finite()) {
            return Err(Error::Numerical {
                origin: "Gauss-Newton".into(),
                problem: "a residual or its derivative is not finite".into(),
            });
        }
        let wide: Vec<f64> = jacobian.iter().map(|&x| f64::from(x)).collect();
        let r: Vec<f64> = residual.iter().map(|&x| f64::from(x)).collect();
        let j = MatRef::from_row_major_slice(&wide, rows, parameters);
        let gram = lower_gram(j);
        let mut gradient = vec![0.0; parameters];
        for (row, &ri) in wide.chunks_exact(parameters).zip(&r) {
            gradient.iter_mut().zip(row).for_each(|(g, &jk)| *g += jk * ri);
        }
        let cost = 0.5 * r.iter().map(|x| x * x).sum::<f64>();
        Ok(NormalEquations { gram, gradient, cost })
    }

    /// `J^T r`.
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// The step `d` of `(J^T J + damping I) d = -J^T r`, or none when the matrix is not positive definite in f64.
    pub fn step(&self, damping: f64) -> Option<Vec<f64>> {
        let n = self.gradient.len();
        let mut damped = self.gram.clone();
        for i in 0..n {
            damped[(i, i)] += damping;
        }
        let factor = Llt::new(damped.as_ref(), Side::Lower).ok()?;
        let right = Mat::from_fn(n, 1, |i, _| -self.gradient[i]);
        let solution = factor.solve(&right);
        let step: Vec<f64> = (0..n).map(|i| solution[(i, 0)]).collect();
        step.iter().all(|x| x.is_finite()).then_some(step)
    }

    /// By how much the quadratic model says that `step` under `damping` lowers the cost: `d^T (damping d - g) / 2`
    /// (Madsen, Nielsen & Tingleff 2004, eq. 3.14).
    pub fn predicted_decrease(&self, step: &[f64], damping: f64) -> f64 {
        0.5 * step.iter().zip(&self.gradient).map(|(d, g)| d * (damping * d - g)).sum::<f64>()
    }
}

/// The lower triangle of `J^T J`.
fn lower_gram(j: MatRef<'_, f64>) -> Mat<f64> {
    use faer::linalg::matmul::triangular::{BlockStructure, matmul};
    let n = j.ncols();
    let mut gram = Mat::zeros(n, n);
    matmul(
        gram.as_mut(),
        BlockStructure::TriangularLower,
        faer::Accum::Replace,
        j.transpose(),
        BlockStructure::Rectangular,
        j,
        BlockStructure::Rectangular,
        1.0,
        faer::Par::rayon(0),
    );
    gram
}
