//! The exact solution of Burgers' equation u_t + u u_x = nu u_xx with u(x, 0) = -sin(pi x), by the Cole-Hopf transform.
//!
//! u(x, t) = - int sin(pi (x - y)) F(x - y) exp(-y^2 / (4 nu t)) dy / int F(x - y) exp(-y^2 / (4 nu t)) dy with
//! F(y) = exp(-cos(pi y) / (2 pi nu)) (Basdevant et al., Computers & Fluids 14 (1986), 23-41). Substituting
//! y = 2 sqrt(nu t) z turns both into integrals of F exp(-z^2), which Gauss-Hermite sums approximate. The solution is odd and 2-periodic in x, so it vanishes at
//! x = -1, 0 and 1 at all times: it also solves the problem on [-1, 1] with u(-1, t) = u(1, t) = 0.

use super::hermite::{GaussHermite, MOST_NODES};
use crate::error::{Error, Result};
use std::f64::consts::PI;

/// Numbers of Gauss-Hermite nodes tried, in this order, until doubling changes nothing.
const NODES: [usize; 4] = [50, 100, 200, MOST_NODES];

/// Steps of the trapezoidal rule tried after that.
const STEPS: [f64; 3] = [0.125, 0.0625, 0.03125];

/// Most nodes of the trapezoidal rule.
const MOST_TRAPEZOIDAL: usize = 100_000;

/// The solution for one viscosity.
#[derive(Debug, Clone)]
pub struct ColeHopf {
    nu: f64,
    nodes: Vec<f64>,
    /// Logarithms of the weights, exp(-z^2) included; minus infinity where a weight underflows.
    log_weights: Vec<f64>,
}

impl ColeHopf {
    /// The solution for the viscosity `nu`, trusted for times up to `latest`: the quadrature is refined until samples near
    /// the shock (x in [0, 1], t up to `latest`) change by less than 1e-13.
    ///
    /// Gauss-Hermite quadrature is tried first. It misses peaks beyond sqrt(2 n) for small nu t and waves faster than that
    /// for large nu t; the trapezoidal rule, which converges exponentially for both, takes over then.
    /// Errors: a viscosity or time that is not positive, or a viscosity so small that 100,000 nodes do not suffice.
    pub fn new(nu: f64, latest: f64) -> Result<Self> {
        for (name, value) in [("nu", nu), ("latest time", latest)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::argument(format!("Cole-Hopf solution, {name}"), "a positive number", value));
            }
        }
        let mut last: Option<Vec<f64>> = None;
        let mut change = f64::INFINITY;
        let hermite = NODES.iter().map(|&nodes| Self::hermite(nu, nodes));
        // A first trapezoidal rule is compared with the last Gauss-Hermite rule: if both agree, all the better.
        for solution in hermite.chain(STEPS.iter().map(|&step| Self::trapezoidal(nu, step))) {
            let solution = solution?;
            let values = solution.probes(latest);
            if let Some(before) = last {
                // `max` would drop a NaN, the sum keeps it.
                let total: f64 = values.iter().zip(&before).map(|(a, b)| (a - b).abs()).sum();
                change = values.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                if total.is_finite() && change < 1e-13 {
                    return Ok(solution);
                }
            }
            last = Some(values);
        }
        let origin = format!("Cole-Hopf solution for nu = {nu}");
        Err(Error::Numerical { origin, problem: format!("values still change by {change:.1e} when nodes are added") })
    }

    /// The solution by Gauss-Hermite quadrature with a given number of nodes, unchecked; for convergence studies.
    pub fn hermite(nu: f64, nodes: usize) -> Result<Self> {
        let rule = GaussHermite::new(nodes)?;
        let log_weights = rule.weights.iter().map(|w| w.ln()).collect();
        Ok(ColeHopf { nu, nodes: rule.nodes, log_weights })
    }

    /// The solution by the trapezoidal rule with a given step in z, unchecked. Terms beyond z^2 = 1 / (pi nu) + 40 are smaller
    /// than the largest by exp(-40): F varies by no more than a factor exp(1 / (pi nu)). Each peak of the integrand is a
    /// Gaussian of width about 1 whatever nu is, which a step of 1/8 resolves far below rounding.
    /// Errors: more than 100,000 nodes.
    pub fn trapezoidal(nu: f64, step: f64) -> Result<Self> {
        let reach = (1.0 / (PI * nu) + 40.0).sqrt() / step;
        if !(reach.is_finite() && 2.0 * reach < MOST_TRAPEZOIDAL as f64) {
            let expected = format!("a viscosity that {MOST_TRAPEZOIDAL} quadrature nodes resolve (about 1e-8)");
            return Err(Error::argument("Cole-Hopf solution, nu", expected, nu));
        }
        let reach = reach.ceil() as i64;
        let nodes: Vec<f64> = (-reach..=reach).map(|j| j as f64 * step).collect();
        let log_weights = nodes.iter().map(|z| -z * z).collect();
        Ok(ColeHopf { nu, nodes, log_weights })
    }

    /// Number of quadrature nodes in use.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// u(x, t); at t <= 0 the initial value -sin(pi x).
    pub fn value(&self, x: f64, t: f64) -> f64 {
        if t <= 0.0 {
            return -(PI * x).sin();
        }
        let step = 2.0 * (self.nu * t).sqrt();
        // F itself would overflow for small nu. Working with the exponent of each whole term and taking out the largest keeps
        // every term in [0, 1] and one of them 1, so the denominator is never 0.
        let terms = || {
            self.nodes.iter().zip(&self.log_weights).map(|(&z, &log_weight)| {
                let phase = PI * (x - step * z);
                (phase, log_weight - phase.cos() / (2.0 * PI * self.nu))
            })
        };
        let largest = terms().map(|(_, exponent)| exponent).fold(f64::NEG_INFINITY, f64::max);
        let (mut above, mut below) = (0.0, 0.0);
        for (phase, exponent) in terms() {
            let f = (exponent - largest).exp();
            above += f * phase.sin();
            below += f;
        }
        -above / below
    }

    /// Values at points that are hard for the quadrature: early and late, in and beside the shock.
    fn probes(&self, latest: f64) -> Vec<f64> {
        let times = [0.05, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0].map(|f| f * latest);
        let places = [0.0005, 0.002, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99];
        times.iter().flat_map(|&t| places.map(|x| self.value(x, t))).collect()
    }
}
