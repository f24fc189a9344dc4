//! A classical solver in two space coordinates: a u_xx + b u_yy + c u + f(x, y) = 0 with constant a, b, c and prescribed values on
//! all four sides, by the five-point stencil and a fast solver (discrete sine transforms as matrix products).

use crate::error::{Error, Result};
use std::f64::consts::PI;

/// The constants of a u_xx + b u_yy + c u.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// Of u_xx.
    pub xx: f64,
    /// Of u_yy.
    pub yy: f64,
    /// Of u.
    pub value: f64,
}

/// A rectangle with equidistant nodes, ends included.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// First coordinates.
    pub x: &'a [f64],
    /// Second coordinates.
    pub y: &'a [f64],
}

/// Solves on the plane's nodes: `source(x, y)` is f, `edge(x, y)` the value on the sides. Returns the values row-major, x
/// slowest. Error of second order in the spacings. Errors: an operator with an eigenvalue zero (resonance).
pub fn solve(
    plane: Plane<'_>,
    coefficients: Coefficients,
    source: impl Fn(f64, f64) -> f64,
    edge: impl Fn(f64, f64) -> f64,
) -> Result<Vec<f64>> {
    let (n, m) = (plane.x.len() - 1, plane.y.len() - 1);
    let spacing = |axis: &[f64]| (axis[axis.len() - 1] - axis[0]) / (axis.len() - 1) as f64;
    let (wx, wy) = (coefficients.xx / spacing(plane.x).powi(2), coefficients.yy / spacing(plane.y).powi(2));
    let mut u = vec![0.0; (n + 1) * (m + 1)];
    let at = |i: usize, j: usize| i * (m + 1) + j;
    for i in 0..=n {
        for j in 0..=m {
            if i == 0 || i == n || j == 0 || j == m {
                u[at(i, j)] = edge(plane.x[i], plane.y[j]);
            }
        }
    }
    // The right-hand side: -f, less the known neighbours. Interior values of u are still zero, so all four neighbours count.
    let mut right = vec![0.0; (n - 1) * (m - 1)];
    for i in 1..n {
        for j in 1..m {
            let known = wx * (u[at(i - 1, j)] + u[at(i + 1, j)]) + wy * (u[at(i, j - 1)] + u[at(i, j + 1)]);
            right[(i - 1) * (m - 1) + j - 1] = -source(plane.x[i], plane.y[j]) - known;
        }
    }
    let (sx, sy) = (sine_matrix(n), sine_matrix(m));
    let mut spectrum = transform(&sx, &right, &sy, n - 1, m - 1);
    let largest = 4.0 * (wx.abs() + wy.abs()) + coefficients.value.abs();
    for k in 1..n {
        for l in 1..m {
            let eigenvalue = coefficients.value - wx * symbol(k, n) - wy * symbol(l, m);
            if eigenvalue.abs() <= 1e-13 * largest {
                let problem = format!("the operator is singular (mode {k}, {l}): the problem has no unique solution");
                return Err(Error::Numerical { origin: "finite differences".into(), problem });
            }
            spectrum[(k - 1) * (m - 1) + l - 1] /= eigenvalue;
        }
    }
    let scale = 4.0 / (n * m) as f64;
    let interior = transform(&sx, &spectrum, &sy, n - 1, m - 1);
    for i in 1..n {
        for j in 1..m {
            u[at(i, j)] = scale * interior[(i - 1) * (m - 1) + j - 1];
        }
    }
    Ok(u)
}

/// Eigenvalue of minus the second difference: 4 sin^2(k pi / (2 n)).
fn symbol(k: usize, n: usize) -> f64 {
    4.0 * (k as f64 * PI / (2.0 * n as f64)).sin().powi(2)
}

/// sin(j k pi / n) for j, k = 1..n-1: symmetric, and its square is n / 2 times the identity.
fn sine_matrix(n: usize) -> Vec<f64> {
    // The product is reduced modulo the period 2 n first: sin of large arguments would lose digits.
    (1..n).flat_map(|j| (1..n).map(move |k| (PI * (j * k % (2 * n)) as f64 / n as f64).sin())).collect()
}

/// left * values * right for square, symmetric `left` and `right`.
fn transform(left: &[f64], values: &[f64], right: &[f64], n: usize, m: usize) -> Vec<f64> {
    product(left, &product(values, right, n, m, m), n, n, m)
}

/// Row-major `[n, k] * [k, m]`, inner loop over contiguous rows.
fn product(a: &[f64], b: &[f64], n: usize, k: usize, m: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * m];
    for (row, a_row) in out.chunks_exact_mut(m).zip(a.chunks_exact(k)) {
        for (&factor, b_row) in a_row.iter().zip(b.chunks_exact(m)) {
            row.iter_mut().zip(b_row).for_each(|(o, v)| *o += factor * v);
        }
    }
    debug_assert_eq!(out.len(), n * m);
    out
}
