//! References and classical solvers against independent checks.

use super::{GOOD, PI, read};
use fieldline::pinns::builtin;
use fieldline::pinns::problem::{Problem, Reference};
use fieldline::pinns::reference::hermite::{GaussHermite, MOST_NODES};
use fieldline::pinns::reference::line::{Equation, boundary_value, evolution};
use fieldline::pinns::reference::plane::{self, Coefficients, Plane};
use fieldline::pinns::reference::{ColeHopf, classical, grid_points, relative_l2, solution};

/// 200 Gauss-Hermite nodes agree with 400, and with the trapezoidal rule, to 1e-14 (u is at most 1, so this is also relative to
/// its largest value).
#[test]
fn cole_hopf_is_converged() {
    let nu = 0.01 / PI;
    let hermite = |nodes| ColeHopf::hermite(nu, nodes).unwrap();
    let (a, b, c) = (hermite(200), hermite(MOST_NODES), ColeHopf::trapezoidal(nu, 0.125).unwrap());
    let mut largest = 0.0f64;
    for i in 0..=100 {
        for j in 0..=20 {
            let (x, t) = (-1.0 + 0.02 * f64::from(i), 0.05 * f64::from(j));
            let u = a.value(x, t);
            largest = largest.max((u - b.value(x, t)).abs()).max((u - c.value(x, t)).abs());
        }
    }
    assert!(largest < 1e-14, "the three rules differ by {largest:e}");
    // Small and large viscosities fall back to the trapezoidal rule.
    for (nu, least) in [(0.01 / PI, 100), (1e-4, 800), (1.0, 100)] {
        assert!(ColeHopf::new(nu, 1.0).unwrap().nodes() >= least, "nu = {nu}");
    }
    let error = ColeHopf::new(1e-9, 1.0).unwrap_err().to_string();
    assert!(error.contains("nodes") && error.contains("nu"), "{error}");
    assert!(ColeHopf::new(-1.0, 1.0).is_err() && ColeHopf::new(f64::NAN, 1.0).is_err());
    assert!(GaussHermite::new(0).is_err());
}

/// Basdevant et al. (1986) give the analytic solution's slope at x = 0 at its steepest: 152.00516 at pi t = 1.6037.
#[test]
fn cole_hopf_has_the_published_slope() {
    let exact = ColeHopf::new(0.01 / PI, 1.0).unwrap();
    // Five-point formula: error h^4 u^(5) / 30 with u^(5) = 16 |u_x|^5 ~ 1.3e12 for a tanh profile of height 1: 4e-6 at
    // h = 1e-4; rounding 1e-15 / h = 1e-11. The printed value has 5 decimals, and its time 4, where the slope is stationary.
    let h = 1e-4;
    let u = |x: f64| exact.value(x, 1.6037 / PI);
    let slope = (8.0 * (u(h) - u(-h)) - (u(2.0 * h) - u(-2.0 * h))) / (12.0 * h);
    assert!((slope + 152.00516).abs() < 2e-5, "slope {slope}");
}

/// It satisfies the equation: differences of order 4 where the solution is smooth, and the boundary and initial values.
#[test]
fn cole_hopf_satisfies_burgers() {
    for nu in [0.01 / PI, 0.05, 0.5] {
        let u = ColeHopf::new(nu, 1.0).unwrap();
        let h = 1e-3;
        for (x, t) in [(0.3, 0.2), (-0.6, 0.5), (0.8, 0.9), (0.5, 0.3)] {
            let f = |dx: f64, dt: f64| u.value(x + dx * h, t + dt * h);
            let first = |p2: f64, p1: f64, m1: f64, m2: f64| (m2 - 8.0 * m1 + 8.0 * p1 - p2) / (12.0 * h);
            let ut = first(f(0.0, 2.0), f(0.0, 1.0), f(0.0, -1.0), f(0.0, -2.0));
            let ux = first(f(2.0, 0.0), f(1.0, 0.0), f(-1.0, 0.0), f(-2.0, 0.0));
            let sides = 16.0 * (f(1.0, 0.0) + f(-1.0, 0.0)) - f(2.0, 0.0) - f(-2.0, 0.0);
            let uxx = (sides - 30.0 * f(0.0, 0.0)) / (12.0 * h * h);
            // Truncation h^4 = 1e-12 times fifth derivatives (below 1e4 away from the shock); rounding 60 * 1e-16 / (12 h^2)
            // = 5e-10 times nu.
            let residual = ut + f(0.0, 0.0) * ux - nu * uxx;
            assert!(residual.abs() < 1e-8, "nu = {nu} at ({x}, {t}): residual {residual:e}");
        }
        for t in [0.1, 0.5, 1.0] {
            // Symmetric terms cancel to rounding: 200 terms of size at most 1.
            for x in [-1.0, 0.0, 1.0] {
                assert!(u.value(x, t).abs() < 1e-13, "u({x}, {t}) = {:e}", u.value(x, t));
            }
        }
        assert_eq!(u.value(0.3, 0.0), -(PI * 0.3).sin());
        // u moves by at most |u_t| t <= (pi + nu pi^2) 1e-9.
        assert!((u.value(0.3, 1e-9) - u.value(0.3, 0.0)).abs() < 1e-8);
    }
}

#[test]
fn relative_error_is_checked() {
    assert!((relative_l2(&[1.0, 2.0], &[1.0, 1.0]).unwrap() - 0.5f64.sqrt()).abs() < 1e-15);
    for (p, r) in [(&[1.0][..], &[1.0, 2.0][..]), (&[], &[]), (&[f64::NAN], &[1.0]), (&[1.0], &[0.0])] {
        assert!(relative_l2(p, r).is_err(), "{p:?} against {r:?}");
    }
}

fn line(n: usize) -> Vec<f64> {
    (0..=n).map(|i| i as f64 / n as f64).collect()
}

/// The plain schemes converge with order 2: errors are c h^2 (1 + O(h^2)), so the observed order on these grids is 2 to
/// within O(h^2) ~ 1 percent of log2(4); 0.1 leaves room for the constant.
#[test]
fn classical_schemes_have_order_two() {
    let order = |error: &dyn Fn(usize) -> f64, n: usize| (error(n) / error(2 * n)).log2();
    let heat = Problem::load("heat").unwrap();
    let alpha = heat.constant("alpha").unwrap();
    let march = |n: usize| {
        let mut equation = Equation::new(&heat.residuals[0], 2, 0, Some(1)).unwrap();
        let start = line(n).iter().map(|x| (PI * x).sin()).collect();
        let rows = evolution(&mut equation, &line(n), &line(n), start, |_| [0.0; 2]).unwrap();
        let exact: Vec<f64> = line(n).iter().map(|x| (-alpha * PI * PI).exp() * (PI * x).sin()).collect();
        relative_l2(&rows[n], &exact).unwrap()
    };
    assert!((order(&march, 32) - 2.0).abs() < 0.1);

    let poisson = Problem::load("poisson-1d").unwrap();
    let solve = |n: usize| {
        let mut equation = Equation::new(&poisson.residuals[0], 1, 0, None).unwrap();
        let u = boundary_value(&mut equation, &line(n), [0.0; 2]).unwrap();
        let exact: Vec<f64> = line(n).iter().map(|x| (PI * x).sin()).collect();
        relative_l2(&u, &exact).unwrap()
    };
    assert!((order(&solve, 32) - 2.0).abs() < 0.1);

    // u = exp(x) sin(2 y) has u_xx + 3 u_yy - u = -12 u, with values on all sides that are not zero.
    let plane = |n: usize| {
        let (x, y) = (line(n), line(2 * n));
        let exact = |x: f64, y: f64| x.exp() * (2.0 * y).sin();
        let coefficients = Coefficients { xx: 1.0, yy: 3.0, value: -1.0 };
        let u = plane::solve(Plane { x: &x, y: &y }, coefficients, |a, b| 12.0 * exact(a, b), exact).unwrap();
        let wanted: Vec<f64> = grid_points(&[x, y]).chunks(2).map(|p| exact(p[0], p[1])).collect();
        relative_l2(&u, &wanted).unwrap()
    };
    assert!((order(&plane, 12) - 2.0).abs() < 0.1);
}

/// A nonlinear boundary value problem: u'' + u' = u^3 + f with the solution sin(3 x) + 2 and unequal ends.
#[test]
fn nonlinear_boundary_value_problem() {
    let text = r#"
        exact = "sin(3*x) + 2"
        [coordinates]
        x = [0, 1]
        [residuals]
        r = "u_xx - u^3 + u_x = -9*sin(3*x) - (sin(3*x) + 2)^3 + 3*cos(3*x)"
        [[conditions]]
        kind = "dirichlet"
        where = "boundary"
        value = "sin(3*x) + 2"
        [evaluation]
        grid = [33]
    "#;
    let p = read(text).unwrap();
    let found = classical(&p).unwrap().unwrap();
    let error = relative_l2(&found.values, &solution(&p).unwrap().unwrap().values).unwrap();
    // Three levels down to h = 1/2048: truncation of order h^6 ~ 1e-20; rounding of the second difference, eps u / h^2 = 1e-9,
    // reaches the solution through the Green's function (at most 1/8), relative to u ~ 2.
    assert!(error < 1e-9, "error {error:e}");
}

/// Every built-in problem: the classical solver against the trusted solution.
#[test]
fn classical_solvers_match_the_references() {
    // Poisson 1-D and heat: rounding eps / h^2 at h = 1/2048 is 1e-9. Poisson 2-D: h = 1/400: rounding eps / h^2 = 4e-11,
    // truncation h^6 pi^6 ~ 1e-13. Burgers: the shock, a tanh(x / (2 nu)) of width 2 nu = 6.4e-3, holds 8 of the finest
    // intervals: h^6 (1/8)^6 ~ 4e-6 in the shock, which is one hundredth of the domain, so 4e-7 in the mean square.
    for (name, bound) in [("poisson-1d", 1e-9), ("poisson-2d", 1e-10), ("heat", 1e-9), ("burgers", 1e-6)] {
        let p = Problem::load(name).unwrap();
        let found = classical(&p).unwrap().unwrap();
        let trusted = solution(&p).unwrap().unwrap();
        let error = relative_l2(&found.values, &trusted.values).unwrap();
        println!("{name}: {} error {error:.2e} in {:.2} s", found.name, found.seconds);
        assert!(error < bound, "{name}: {} has error {error:e}", found.name);
        assert_eq!(found.values.len(), p.evaluation.iter().product::<usize>());
    }
}

#[test]
fn problems_of_unknown_kind_have_no_classical_solver() {
    let text = GOOD.replace("u_t = half*u_xx", "u_t = half*u_xx + u_xxx");
    assert!(classical(&read(&text).unwrap()).unwrap().is_none());
    let constant = r#"
        [coordinates]
        x = [0, 1]
        y = [0, 1]
        [residuals]
        r = "u_xx + u_yy = -1"
        [[conditions]]
        kind = "dirichlet"
        where = "boundary"
        value = 0
        [evaluation]
        grid = [11, 11]
    "#;
    assert!(classical(&read(constant).unwrap()).unwrap().is_some());
    let variable = constant.replace("u_xx + u_yy", "x*u_xx + u_yy");
    assert!(classical(&read(&variable).unwrap()).unwrap().is_none());
    let no_ends = constant.replace("where = \"boundary\"", "where = [\"x = 0\", \"y = 0\", \"y = 1\"]");
    assert!(classical(&read(&no_ends).unwrap()).unwrap().is_none());
}

/// A solution that is not finite somewhere is an error that says where.
#[test]
fn references_must_be_finite() {
    let p = read(&GOOD.replace("exp(-k*t)*sin(pi*x)", "k*0 + 1/x")).unwrap();
    let message = solution(&p).unwrap_err().to_string();
    assert!(message.contains("x = 0, t = 0"), "{message}");
    let none = read(&GOOD.replace("exact = \"exp(-k*t)*sin(pi*x)\"", "")).unwrap();
    assert!(solution(&none).unwrap().is_none());
    let burgers = Problem::load("burgers").unwrap();
    let found = solution(&burgers).unwrap().unwrap();
    assert_eq!((found.axes[0].len(), found.axes[1].len(), found.values.len()), (201, 101, 201 * 101));
    assert!(found.name.starts_with("Cole-Hopf"));
    assert!(builtin::names().count() >= 4);
}

#[test]
fn references_from_files() {
    use npyz::WriterBuilder;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ref.npz");
    let write = |arrays: &[(&str, &[u64], &[f64])]| {
        let mut npz = npyz::npz::NpzWriter::create(&path).unwrap();
        for (name, shape, values) in arrays {
            let array = npz.array(name, Default::default()).unwrap().default_dtype();
            let mut writer = array.shape(shape).begin_nd().unwrap();
            writer.extend(values.iter().copied()).unwrap();
            writer.finish().unwrap();
        }
    };
    let text = GOOD.replace("exact = \"exp(-k*t)*sin(pi*x)\"", "reference = \"ref.npz\"");
    let source = folder.path().join("p.toml");
    let p = Problem::from_toml(&text, source.to_str().unwrap()).unwrap();
    assert_eq!(p.reference, Some(Reference::File(path.clone())));
    let again = Problem::from_toml(&p.to_toml(), "elsewhere/p.toml").unwrap();
    assert_eq!(again.reference, p.reference);
    let (x, t, u) = ([0.0, 0.5, 1.0], [0.0, 1.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    write(&[("x", &[3], &x), ("t", &[2], &t), ("u", &[3, 2], &u)]);
    let found = solution(&p).unwrap().unwrap();
    assert_eq!((found.axes, found.values), (vec![x.to_vec(), t.to_vec()], u.to_vec()));
    let failure = || solution(&p).unwrap_err().to_string();
    write(&[("x", &[3], &x), ("t", &[2], &t), ("u", &[2, 3], &u)]);
    assert!(failure().contains("expected shape [3, 2] (axes x, t), got [2, 3]"), "{}", failure());
    write(&[("x", &[3], &x), ("u", &[3, 2], &u)]);
    assert!(failure().contains("array `t` is missing; the file has"), "{}", failure());
    write(&[("x", &[3], &[0.0, 0.5, 7.0]), ("t", &[2], &t), ("u", &[3, 2], &u)]);
    assert!(failure().contains("inside [0, 1]"), "{}", failure());
    std::fs::remove_file(&path).unwrap();
    assert!(failure().contains("cannot be read as npz"), "{}", failure());
}
