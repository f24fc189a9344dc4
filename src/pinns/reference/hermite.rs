//! Gauss-Hermite quadrature: nodes and weights of `integral f(z) exp(-z^2) dz`, computed here.

use crate::error::{Error, Result};

/// Most nodes for which nothing overflows: the orthonormal polynomials grow like exp(z^2 / 2), and the largest node is below
/// sqrt(2 n + 1), so they stay below exp(n + 1/2) < 1e308 for n <= 400 with a wide margin.
pub const MOST_NODES: usize = 400;

/// A quadrature rule: `integral f(z) exp(-z^2) dz = sum_k weights[k] f(nodes[k])`, exact for polynomials of degree 2 n - 1.
#[derive(Debug, Clone)]
pub struct GaussHermite {
    /// Nodes, ascending, symmetric about 0.
    pub nodes: Vec<f64>,
    /// Weights; those of far nodes underflow to 0.
    pub weights: Vec<f64>,
}

impl GaussHermite {
    /// The rule of `n` nodes, 1 <= n <= [`MOST_NODES`].
    ///
    /// Nodes are the eigenvalues of the Jacobi matrix (Golub and Welsch 1969), isolated by bisection on Sturm counts, which
    /// cannot miss one, and polished by Newton's method on the orthonormal polynomial. Weights are
    /// w_k = 1 / sum_j p_j(z_k)^2, a sum of positive terms without cancellation.
    pub fn new(n: usize) -> Result<Self> {
        if n == 0 || n > MOST_NODES {
            return Err(Error::argument("Gauss-Hermite nodes", format!("1 to {MOST_NODES}"), n));
        }
        let mut nodes = vec![0.0; n];
        let mut weights = vec![0.0; n];
        for k in n / 2..n {
            let z = if 2 * k + 1 == n { 0.0 } else { polish(n, bisect(n, k)) };
            let w = 1.0 / orthonormal(n, z).2;
            (nodes[k], weights[k]) = (z, w);
            (nodes[n - 1 - k], weights[n - 1 - k]) = (-z, w);
        }
        Ok(GaussHermite { nodes, weights })
    }
}

/// `(p_n(z), p_n'(z), sum_{j<n} p_j(z)^2)` for the polynomials that are orthonormal under exp(-z^2):
/// p_{j+1} = (z sqrt(2) p_j - sqrt(j) p_{j-1}) / sqrt(j + 1), p_n' = sqrt(2 n) p_{n-1}.
fn orthonormal(n: usize, z: f64) -> (f64, f64, f64) {
    let (mut previous, mut current) = (0.0, std::f64::consts::PI.powf(-0.25));
    let mut sum = 0.0;
    for j in 0..n {
        sum += current * current;
        let next = (z * 2f64.sqrt() * current - (j as f64).sqrt() * previous) / (j as f64 + 1.0).sqrt();
        (previous, current) = (current, next);
    }
    (current, (2.0 * n as f64).sqrt() * previous, sum)
}

/// Number of eigenvalues of the Jacobi matrix (zero diagonal, off-diagonal sqrt(j / 2)) below `z`: negative pivots of its
/// shifted LDL^T factorisation.
fn sturm_count(n: usize, z: f64) -> usize {
    let mut pivot = -z;
    let mut count = usize::from(pivot < 0.0);
    for j in 1..n {
        let safe = if pivot == 0.0 { f64::MIN_POSITIVE } else { pivot };
        pivot = -z - 0.5 * j as f64 / safe;
        count += usize::from(pivot < 0.0);
    }
    count
}

/// The eigenvalue number `k` (ascending from 0) to about ten digits.
fn bisect(n: usize, k: usize) -> f64 {
    let (mut low, mut high) = (0.0, (2.0 * n as f64 + 1.0).sqrt());
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if sturm_count(n, middle) > k { high = middle } else { low = middle }
    }
    0.5 * (low + high)
}

/// Two Newton steps: quadratic convergence takes ten digits past the last of f64.
fn polish(n: usize, mut z: f64) -> f64 {
    for _ in 0..2 {
        let (p, slope, _) = orthonormal(n, z);
        z -= p / slope;
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments of exp(-z^2): integral of z^(2 m) is Gamma(m + 1/2) = sqrt(pi) (2 m - 1)!! / 2^m, exact for 2 m <= 2 n - 1.
    /// The sum has n terms of relative error a few ulp each: 1e-13 is about 2 n ulp for n = 200.
    #[test]
    fn moments() {
        for n in [1, 2, 5, 20, 101, 200, MOST_NODES] {
            let rule = GaussHermite::new(n).unwrap();
            let mut moment = std::f64::consts::PI.sqrt();
            for m in 0..n.min(12) {
                let sum: f64 = rule.nodes.iter().zip(&rule.weights).map(|(z, w)| w * z.powi(2 * m as i32)).sum();
                assert!((sum / moment - 1.0).abs() < 1e-13, "n = {n}, moment {}: {sum} against {moment}", 2 * m);
                moment *= m as f64 + 0.5;
            }
            assert!(rule.nodes.windows(2).all(|w| w[0] < w[1]), "nodes of n = {n} ascend");
        }
        assert!(GaussHermite::new(0).is_err() && GaussHermite::new(MOST_NODES + 1).is_err());
    }
}
