//! Classical solvers in one space coordinate: central differences of second order, Newton's method with a tridiagonal matrix,
//! for boundary value problems F(x, u, u_x, u_xx) = 0 and evolution equations F(x, t, u, u_x, u_xx, u_t) = 0. Equations may be
//! nonlinear; the exact slopes of F come from its DAG.

use super::matching::Roles;
use crate::error::{Error, Result};
use crate::expr::{Evaluator, Value};
use crate::pinns::problem::Residual;

/// Newton steps before a solver gives up.
const MOST_STEPS: usize = 50;

/// A residual with its slopes, ready for many evaluations.
pub struct Equation {
    evaluator: Evaluator,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
    space: usize,
    time: Option<usize>,
    /// Input positions of u, u_x, u_xx, u_t.
    places: [Option<usize>; 4],
}

impl Equation {
    /// A residual in `coordinates` coordinates of which `space` (and `time`) are these; `None` if it has other derivatives
    /// than u, u_x, u_xx and u_t.
    pub fn new(residual: &Residual, coordinates: usize, space: usize, time: Option<usize>) -> Option<Self> {
        let roles = Roles::of(residual, space, time)?;
        let places = [roles.value, roles.first, roles.second, roles.rate].map(|role| role.map(|i| coordinates + i));
        let mut dag = residual.dag.clone();
        let output = dag.outputs()[0];
        for place in places {
            let slope = place.and_then(|input| dag.derivative(output, input));
            let slope = slope.unwrap_or_else(|| dag.f32(0.0));
            dag.output(slope);
        }
        let inputs = vec![Value::F32(0.0); coordinates + residual.partials.len()];
        Some(Equation { evaluator: dag.evaluator(), inputs, outputs: Vec::new(), space, time, places })
    }

    /// F and its slopes by u, u_x, u_xx and u_t, at (x, t) for these values of the four.
    fn at(&mut self, x: f64, t: f64, jet: [f64; 4]) -> (f64, [f64; 4]) {
        self.inputs[self.space] = Value::F32(x);
        if let Some(time) = self.time {
            self.inputs[time] = Value::F32(t);
        }
        for (place, value) in self.places.iter().zip(jet) {
            if let Some(place) = place {
                self.inputs[*place] = Value::F32(value);
            }
        }
        self.evaluator.eval(&self.inputs, &mut self.outputs);
        let out = &self.outputs;
        (out[0].as_f64(), [1, 2, 3, 4].map(|i| out[i].as_f64()))
    }
}

/// Solves the boundary value problem on `nodes` (equidistant, ends included) with the values `ends`. Error of second order in
/// the spacing. Errors: Newton's method does not converge.
pub fn boundary_value(equation: &mut Equation, nodes: &[f64], ends: [f64; 2]) -> Result<Vec<f64>> {
    let last = nodes.len() - 1;
    let fraction = |x: f64| (x - nodes[0]) / (nodes[last] - nodes[0]);
    let mut u: Vec<f64> = nodes.iter().map(|&x| ends[0] + fraction(x) * (ends[1] - ends[0])).collect();
    (u[0], u[last]) = (ends[0], ends[1]);
    let rest = u.clone();
    // Stationary: the values themselves, no rate.
    newton(equation, nodes, 0.0, &mut u, &rest, Weights { new: 1.0, old: 0.0, rate: 0.0 })?;
    Ok(u)
}

/// Marches from `start` over `times` (equidistant) by the implicit midpoint rule (Crank-Nicolson for linear equations); `ends`
/// gives the two boundary values at a time. Returns the values on all nodes at each time, the first included. Error of
/// second order in spacing and step. Errors: Newton's method does not converge in some step.
pub fn evolution(
    equation: &mut Equation,
    nodes: &[f64],
    times: &[f64],
    start: Vec<f64>,
    ends: impl Fn(f64) -> [f64; 2],
) -> Result<Vec<Vec<f64>>> {
    let last = nodes.len() - 1;
    let mut rows = vec![start];
    for step in times.windows(2) {
        let old = &rows[rows.len() - 1];
        // Continuing the last change is a first guess one order better than the old values.
        let mut new = match rows.len() {
            1 => old.clone(),
            n => old.iter().zip(&rows[n - 2]).map(|(a, b)| 2.0 * a - b).collect(),
        };
        [new[0], new[last]] = ends(step[1]);
        let weights = Weights { new: 0.5, old: 0.5, rate: 1.0 / (step[1] - step[0]) };
        newton(equation, nodes, 0.5 * (step[0] + step[1]), &mut new, old, weights)?;
        rows.push(new);
    }
    Ok(rows)
}

/// F is taken at u = new * u_new + old * u_old and u_t = rate * (u_new - u_old).
#[derive(Clone, Copy)]
struct Weights {
    new: f64,
    old: f64,
    rate: f64,
}

/// Newton's method for the interior values of `u`; its two ends stay.
fn newton(equation: &mut Equation, nodes: &[f64], t: f64, u: &mut [f64], old: &[f64], w: Weights) -> Result<()> {
    let n = nodes.len();
    let h = (nodes[n - 1] - nodes[0]) / (n - 1) as f64;
    let mut system = Tridiagonal::new(n.saturating_sub(2));
    let mut size = f64::INFINITY;
    for _ in 0..MOST_STEPS {
        for i in 1..n.saturating_sub(1) {
            let [left, here, right] = [i - 1, i, i + 1].map(|j| w.new * u[j] + w.old * old[j]);
            let (first, second) = ((right - left) / (2.0 * h), (left - 2.0 * here + right) / (h * h));
            let (f, [by_u, by_ux, by_uxx, by_ut]) =
                equation.at(nodes[i], t, [here, first, second, w.rate * (u[i] - old[i])]);
            let (convection, diffusion) = (w.new * by_ux / (2.0 * h), w.new * by_uxx / (h * h));
            system.lower[i - 1] = diffusion - convection;
            system.diagonal[i - 1] = w.new * by_u + w.rate * by_ut - 2.0 * diffusion;
            system.upper[i - 1] = diffusion + convection;
            system.right[i - 1] = -f;
        }
        system.solve();
        let largest = u.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        let before = size;
        size =
            system.right.iter().fold(0.0, |m: f64, d| if d.is_nan() || m.is_nan() { f64::NAN } else { m.max(d.abs()) });
        u[1..].iter_mut().zip(&system.right).for_each(|(v, d)| *v += d);
        // Convergence is quadratic until rounding; once below 1e-9 a step that no longer shrinks has reached the rounding of
        // the differences (eps / h^2), and one below 1e-13 needs no further one.
        if size <= 1e-13 * largest || (size <= 1e-9 * largest && size >= 0.25 * before) {
            return Ok(());
        }
        if !size.is_finite() {
            break;
        }
    }
    let problem =
        format!("Newton's method did not converge at t = {t} (last change {size:.1e}); no classical solution");
    Err(Error::Numerical { origin: "finite differences".into(), problem })
}

/// A tridiagonal system; solving leaves the solution in `right`.
struct Tridiagonal {
    lower: Vec<f64>,
    diagonal: Vec<f64>,
    upper: Vec<f64>,
    right: Vec<f64>,
}

impl Tridiagonal {
    fn new(n: usize) -> Self {
        Tridiagonal { lower: vec![0.0; n], diagonal: vec![0.0; n], upper: vec![0.0; n], right: vec![0.0; n] }
    }

    /// Elimination without pivoting (Thomas). Stable for the diagonally dominant systems of diffusion; a zero pivot gives
    /// infinities, which the caller reports.
    fn solve(&mut self) {
        let n = self.diagonal.len();
        for i in 1..n {
            let factor = self.lower[i] / self.diagonal[i - 1];
            self.diagonal[i] -= factor * self.upper[i - 1];
            self.right[i] -= factor * self.right[i - 1];
        }
        for i in (0..n).rev() {
            let after = if i + 1 < n { self.upper[i] * self.right[i + 1] } else { 0.0 };
            self.right[i] = (self.right[i] - after) / self.diagonal[i];
        }
    }
}
