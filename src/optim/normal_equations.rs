//! The dense f64 algebra of Gauss-Newton steps on the host: products `J^T J`, damped Cholesky solves.

use crate::error::{Error, Result};
use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Side};

/// `J^T J`, `J^T r` and `r^T r / 2` of a residual vector and its Jacobian, in f64.
#[derive(Debug, Clone)]
pub struct NormalEquations {
    jacobian: Vec<f64>,
    residual: Vec<f64>,
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
        Ok(NormalEquations { jacobian: wide, residual: r, gram, gradient, cost })
    }

    /// `J^T r`.
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// The factorised `J^T J + damping I`, or none when it is not positive definite in f64.
    pub fn damped(&self, damping: f64) -> Option<Damped<'_>> {
        let mut matrix = self.gram.clone();
        for i in 0..self.gradient.len() {
            matrix[(i, i)] += damping;
        }
        let factor = Llt::new(matrix.as_ref(), Side::Lower).ok()?;
        Some(Damped { equations: self, factor, damping })
    }
}

/// Factorised normal equations with a damping.
pub struct Damped<'a> {
    equations: &'a NormalEquations,
    factor: Llt<f64>,
    /// The damping.
    pub damping: f64,
}

impl Damped<'_> {
    /// The solution of `(J^T J + damping I) x = -right`, or none when it is not finite.
    fn solve(&self, right: &[f64]) -> Option<Vec<f64>> {
        let right = Mat::from_fn(right.len(), 1, |i, _| -right[i]);
        let solution = self.factor.solve(&right);
        let x: Vec<f64> = (0..right.nrows()).map(|i| solution[(i, 0)]).collect();
        x.iter().all(|v| v.is_finite()).then_some(x)
    }

    /// The Levenberg-Marquardt step `d`: `(J^T J + damping I) d = -J^T r`.
    pub fn step(&self) -> Option<Vec<f64>> {
        self.solve(&self.equations.gradient)
    }

    /// The geodesic acceleration `a` of a step `d`, from the residual `ahead` at `theta + h d`: the second derivative of r along d
    /// is `2/h ((r(theta + h d) - r)/h - J d)`, and `(J^T J + damping I) a = -J^T r_dd` (Transtrum & Sethna 2012, eq. 9).
    pub fn acceleration(&self, step: &[f64], ahead: &[f64], h: f64) -> Option<Vec<f64>> {
        let e = self.equations;
        let n = step.len();
        let mut right = vec![0.0; n];
        for ((row, &r), &ra) in e.jacobian.chunks_exact(n).zip(&e.residual).zip(ahead) {
            let slope: f64 = row.iter().zip(step).map(|(j, d)| j * d).sum();
            let bend = 2.0 / h * ((ra - r) / h - slope);
            right.iter_mut().zip(row).for_each(|(x, j)| *x += j * bend);
        }
        self.solve(&right)
    }

    /// By how much the quadratic model says that `step` lowers the cost: `d^T (damping d - g) / 2`
    /// (Madsen, Nielsen & Tingleff 2004, eq. 3.14).
    pub fn predicted_decrease(&self, step: &[f64]) -> f64 {
        let gradient = &self.equations.gradient;
        0.5 * step.iter().zip(gradient).map(|(d, g)| d * (self.damping * d - g)).sum::<f64>()
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
