//! Recognising what kind of problem a residual is, by structure (which derivatives occur) and by its values at random points.

use crate::expr::Value;
use crate::pinns::philox::Philox;
use crate::pinns::problem::{Formula, Law, Problem, Residual};
use crate::pinns::sampling::{Face, Side};

/// `(space, time)` of a problem in two coordinates whose one residual has order 1 in time, without mixed derivatives, with values
/// prescribed at the start of time and none at its end.
pub fn space_time(problem: &Problem) -> Option<(usize, usize)> {
    let [residual] = &problem.residuals[..] else { return None };
    if problem.coordinates.len() != 2 {
        return None;
    }
    [(0, 1), (1, 0)].into_iter().find(|&(space, time)| {
        let timely = residual.partials.iter().filter(|p| p.orders[time] > 0);
        let only_first = timely.clone().all(|p| p.orders[time] == 1 && p.orders[space] == 0) && timely.count() == 1;
        let prescribed = |side| prescribed(problem, Face { coordinate: time, side }).is_some();
        only_first && prescribed(Side::Lower) && !prescribed(Side::Upper)
    })
}

/// The value that a Dirichlet or initial condition prescribes on a face.
pub fn prescribed(problem: &Problem, face: Face) -> Option<&Formula> {
    problem.conditions.iter().filter(|c| c.faces.contains(&face)).find_map(|c| c.value())
}

/// Positions of u, u_x, u_xx and u_t among the partials of a residual; `None` if any other derivative occurs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles {
    /// The unknown itself.
    pub value: Option<usize>,
    /// First derivative by space.
    pub first: Option<usize>,
    /// Second derivative by space.
    pub second: Option<usize>,
    /// First derivative by time.
    pub rate: Option<usize>,
}

impl Roles {
    /// The roles for these indices of space and time (no time: a problem in space alone).
    pub fn of(residual: &Residual, space: usize, time: Option<usize>) -> Option<Self> {
        let mut roles = Roles::default();
        for (i, partial) in residual.partials.iter().enumerate() {
            let by_time = time.map_or(0, |t| partial.orders[t]);
            let role = match (partial.orders[space], by_time, partial.order()) {
                (0, 0, 0) => &mut roles.value,
                (1, 0, 1) => &mut roles.first,
                (2, 0, 2) => &mut roles.second,
                (0, 1, 1) => &mut roles.rate,
                _ => return None,
            };
            *role = Some(i);
        }
        Some(roles)
    }
}

/// The viscosity, if the problem is Burgers' equation u_t + u u_x = nu u_xx (times any constant) on x in [-1, 1], t >= 0 with
/// u = -sin(pi x) at first and u = 0 at both ends, or periodic.
pub fn burgers(problem: &Problem) -> Option<f64> {
    let (space, time) = space_time(problem)?;
    let residual = &problem.residuals[0];
    let roles = Roles::of(residual, space, Some(time))?;
    let (value, first, second, rate) = (roles.value?, roles.first?, roles.second?, roles.rate?);
    let mut evaluator = residual.dag.evaluator();
    let mut out = Vec::new();
    let mut f = |x: [f64; 2], u: f64, ux: f64, uxx: f64, ut: f64| {
        let mut inputs = vec![Value::F32(0.0); 2 + residual.partials.len()];
        (inputs[0], inputs[1]) = (Value::F32(x[0]), Value::F32(x[1]));
        for (i, v) in [(value, u), (first, ux), (second, uxx), (rate, ut)] {
            inputs[2 + i] = Value::F32(v);
        }
        evaluator.eval(&inputs, &mut out);
        out[0].as_f64()
    };
    let scale = f([0.0; 2], 0.0, 0.0, 0.0, 1.0);
    let nu = -f([0.0; 2], 0.0, 0.0, 1.0, 0.0) / scale;
    let generator = Philox::new(0, 0);
    let random = |i: u64, k: u32| 4.0 * generator.fraction(i, k) - 2.0;
    let same_equation = (0..16).all(|i| {
        let [x, t, u, ux, uxx, ut] = [0, 1, 2, 3, 4, 5].map(|k| random(i, k));
        (f([x, t], u, ux, uxx, ut) / scale - (ut + u * ux - nu * uxx)).abs() < 1e-9
    });
    let domain = &problem.domain;
    let same_domain = domain.lower()[space] == -1.0 && domain.upper()[space] == 1.0 && domain.lower()[time] == 0.0;
    let agrees = |face: Face, wanted: fn(f64) -> f64| {
        let formula = prescribed(problem, face)?;
        let points: Vec<[f64; 2]> = (0..16)
            .map(|i| {
                let mut point = [0.0; 2];
                point[1 - face.coordinate] = 0.5 * random(i, 6);
                let bounds = if face.side == Side::Lower { domain.lower() } else { domain.upper() };
                point[face.coordinate] = bounds[face.coordinate];
                point
            })
            .collect();
        let values = formula.values(points.iter().map(|p| &p[..]));
        Some(values.iter().zip(&points).all(|(v, p)| (v - wanted(p[1 - face.coordinate])).abs() < 1e-9))
    };
    let start = Face { coordinate: time, side: Side::Lower };
    let same_start = agrees(start, |x| -(std::f64::consts::PI * x).sin()) == Some(true);
    let periodic = problem.conditions.iter().any(|c| c.law == Law::Periodic(space));
    let ends = [Side::Lower, Side::Upper].map(|side| agrees(Face { coordinate: space, side }, |_| 0.0));
    let same_ends = ends == [Some(true); 2] || (periodic && ends == [None; 2]);
    (nu > 0.0 && nu.is_finite() && same_equation && same_domain && same_start && same_ends).then_some(nu)
}
