//! Problem files: what is read, what is refused and how it is said, trial functions, blocks of residuals.

use fieldline::Result;
use fieldline::expr::{Dag, Value};
use fieldline::pinns::builtin;
use fieldline::pinns::problem::names::{Reading, nearest, partial};
use fieldline::pinns::problem::{Law, Partial, Problem, Reference, Site, Stage};
use fieldline::pinns::reference::{classical, relative_l2, solution};
use fieldline::pinns::sampling::{Face, Side};
use std::f64::consts::PI;

#[path = "problem/numerics.rs"]
mod numerics;
#[path = "problem/points.rs"]
mod points;

/// A small correct problem; tests break it in one place each.
const GOOD: &str = r#"title = "test"
exact = "exp(-k*t)*sin(pi*x)"

[coordinates]
x = [0, 1]
t = [0, "2*half"]

[constants]
half = 0.5
k = "half*pi^2"

[residuals]
heat = "u_t = half*u_xx"

[[conditions]]
kind = "initial"
value = "sin(pi*x)"

[[conditions]]
kind = "dirichlet"
where = ["x = min", "x = 1"]
value = 0
weight = 10

[network]
hidden = [8, 8]

[sampling]
interior = 50

[[stages]]
optimiser = "lm"
steps = 7
"#;

fn read(text: &str) -> Result<Problem> {
    Problem::from_toml(text, "folder/test.toml")
}

/// The message of the error that `GOOD` gives after replacing `from` by `to`.
fn complaint(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "the test replaces {from:?}");
    match read(&GOOD.replacen(from, to, 1)) {
        Ok(_) => panic!("{from:?} -> {to:?} was accepted"),
        Err(error) => error.to_string(),
    }
}

fn set(path: &str, value: &str) -> Result<Problem> {
    Problem::from_toml_with(GOOD, "folder/test.toml", &[(path.into(), value.into())])
}

fn orders(reading: Reading) -> Vec<u8> {
    match reading {
        Reading::Partial(p) => p.orders,
        other => panic!("expected a derivative, got {other:?}"),
    }
}

#[test]
fn good_problem_is_resolved() {
    let p = read(GOOD).unwrap();
    assert_eq!((p.name.as_str(), p.title.as_str()), ("test", "test"));
    assert_eq!(p.coordinates, ["x", "t"]);
    assert_eq!((p.domain.lower(), p.domain.upper()), (&[0.0, 0.0][..], &[1.0, 1.0][..]));
    assert_eq!(p.constant("k"), Some(0.5 * PI.powf(2.0)));
    assert_eq!((p.network.hidden.as_slice(), p.sampling.interior, p.sampling.boundary), (&[8, 8][..], 50, 200));
    assert_eq!(p.warnings(), [""; 0]);
    let residual = &p.residuals[0];
    let wanted = [vec![0, 1], vec![2, 0]].map(|orders| Partial { unknown: 0, orders });
    assert_eq!(residual.partials, wanted);
    // Inputs x, t, u_t, u_xx: u_t - 0.5 u_xx.
    assert_eq!(residual.dag.eval(&[9.0, 9.0, 3.0, 4.0].map(Value::F32)), [Value::F32(1.0)]);
    assert_eq!(p.conditions[0].faces, [Face { coordinate: 1, side: Side::Lower }]);
    let ends = [Side::Lower, Side::Upper].map(|side| Face { coordinate: 0, side });
    assert_eq!((p.conditions[1].faces.as_slice(), p.conditions[1].weight), (&ends[..], 10.0));
    assert!(matches!(p.stages[..], [Stage::Lm { steps: 7, .. }]));
}

#[test]
fn builtins_parse_without_warnings_and_round_trip() {
    for name in builtin::names() {
        let p = Problem::load(name).unwrap();
        assert_eq!(p.name, name);
        assert_eq!(p.warnings(), [""; 0], "{name}");
        assert!(p.target.is_some() && p.reference.is_some(), "{name}");
        let text = p.to_toml();
        let again = Problem::from_toml(&text, "run.toml").unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        assert_eq!(again, p, "{name}");
    }
    let error = Problem::load("burger").unwrap_err().to_string();
    assert!(error.contains("poisson-1d") && error.contains("did you mean burgers?"), "{error}");
}

#[test]
fn every_feature_round_trips() {
    let text = r#"
        title = "a \"quoted\" title"
        unknowns = ["phi"]
        [coordinates]
        r = [1, "2*pi"]
        theta = ["-pi", "pi"]
        t = [0, 1]
        [residuals]
        "a name with blanks" = { equation = "phi_tt = phi_rr + phi_r/r + phi_theta_theta/r^2", weight = 0.25 }
        [[conditions]]
        kind = "periodic"
        coordinate = "theta"
        [[conditions]]
        kind = "initial"
        value = "r"
        hard = true
        [[conditions]]
        kind = "equation"
        name = "velocity"
        where = "t = 0"
        equation = "phi_t"
        [[conditions]]
        kind = "dirichlet"
        where = ["r = 1", "r = 6.2832"]
        value = "r"
        weight = 3
        [network]
        activation = "gelu"
        fourier = { features = 8 }
        seed = 5
        [sampling]
        method = "grid"
        resample = 20
        adaptive = { candidates = 3, power = 2, floor = 0 }
        [[stages]]
        optimiser = "adam"
        decay = 1
        [[stages]]
        optimiser = "lm"
        tolerance = 1e-9
        acceleration = false
        [evaluation]
        grid = [5, 6, 7]
    "#;
    let p = read(text).unwrap();
    assert_eq!(p.warnings(), [""; 0]);
    let again = Problem::from_toml(&p.to_toml(), "other.toml").unwrap_or_else(|e| panic!("{e}\n{}", p.to_toml()));
    assert_eq!(again, p);
    assert_eq!(p.residuals[0].partials.len(), 4);
    assert!(matches!(p.conditions[0].law, Law::Periodic(1)));
    let blocks = p.blocks().unwrap();
    assert_eq!(again.points(&blocks[0], 0, 3).unwrap(), p.points(&blocks[0], 0, 3).unwrap());
    let sites: Vec<&Site> = blocks.iter().map(|b| &b.site).collect();
    assert!(matches!(sites[..], [Site::Interior, Site::Pair(1), Site::Pair(1), Site::Faces(_), Site::Faces(_)]));
}

#[test]
fn derivative_names() {
    let of = |names: &[&str]| names.iter().map(|s| s.to_string()).collect::<Vec<_>>();
    let (u, xt) = (of(&["u"]), of(&["x", "t"]));
    assert_eq!(orders(partial("u", &u, &xt)), [0, 0]);
    assert_eq!(orders(partial("u_xx", &u, &xt)), [2, 0]);
    assert_eq!(orders(partial("u_xt", &u, &xt)), orders(partial("u_tx", &u, &xt)));
    assert_eq!(orders(partial("u_x_x_t", &u, &xt)), [2, 1]);
    assert_eq!(partial("u_xxxxx", &u, &xt), Reading::TooHigh(5));
    assert_eq!(partial("u_y", &u, &xt), Reading::NoCoordinates);
    assert_eq!(partial("u_", &u, &xt), Reading::Foreign);
    assert_eq!(partial("ux", &u, &xt), Reading::Foreign);
    assert_eq!(partial("v_x", &u, &xt), Reading::Foreign);
    let polar = of(&["r", "theta"]);
    assert_eq!(orders(partial("u_r_theta", &u, &polar)), [1, 1]);
    assert_eq!(orders(partial("u_rtheta", &u, &polar)), [1, 1]);
    let p = Partial { unknown: 0, orders: vec![1, 2] };
    assert_eq!((p.name(&u, &xt), p.name(&u, &polar)), ("u_xtt".into(), "u_r_theta_theta".into()));
    let odd = of(&["a", "b", "ab", "ba"]);
    assert_eq!(partial("u_aba", &u, &odd), Reading::Ambiguous);
    // Underscores decide where the letters belong, as far as they go: `ba` may still be b, a.
    assert_eq!(partial("u_a_ba", &u, &odd), Reading::Ambiguous);
    assert_eq!(orders(partial("u_a_b_a", &u, &odd)), [2, 1, 0, 0]);
    assert_eq!(nearest("interor", &["interior", "initial"]), Some("interior"));
    assert_eq!(nearest("qqqq", &["interior", "initial"]), None);
}

/// Each mistake: what is replaced, by what, and what the message must contain: the line in the file, the key, the remedy.
#[test]
fn mistakes_are_explained() {
    type Case = (&'static str, &'static str, &'static [&'static str]);
    let cases: &[Case] = &[
        (
            "interior = 50",
            "interor = 50",
            &["test.toml:29:1", "unknown key `interor` in `sampling`", "you mean `interior`?"],
        ),
        ("title =", "titel =", &["test.toml:1:1", "unknown key `titel` in the file", "Did you mean `title`?"]),
        ("u_t = half", "u_t = haff", &["test.toml:13:15", "haff"]),
        (
            "u_xx\"",
            "v_xx\"",
            &["test.toml:13:20", "unknown name `v_xx`", "known: x, t, half, k, u_t, u)", "are written u_x, u_xx"],
        ),
        ("u_xx\"", "u_yy\"", &["test.toml:13:20", "`u_yy` is no derivative", "(x, t)"]),
        ("u_xx\"", "u_xxxxx\"", &["test.toml:13:20", "order 5", "at most 4"]),
        ("u_xx\"", "u_xx +\"", &["test.toml:13:"]),
        ("u_t = half*u_xx", "half = x", &["test.toml:13:8", "mentions no unknown (u)"]),
        ("heat = \"u_t = half*u_xx\"", "", &["test.toml:12:1", "`residuals` is empty"]),
        ("heat = \"u_t = half*u_xx\"", "heat = 3", &["test.toml:13:8", "`residuals.heat`: expected a text"]),
        ("[residuals]", "[residual]", &["`residuals` is missing"]),
        ("value = \"sin(pi*x)\"", "value = \"sin(pi*y)\"", &["test.toml:17:17", "y"]),
        (
            "value = \"sin(pi*x)\"",
            "value = nan",
            &["test.toml:17:9", "`conditions.0.value`", "expected a finite number", "NaN"],
        ),
        ("value = 0", "value = -inf", &["test.toml:22:9", "`conditions.1.value`", "expected a finite number", "-inf"]),
        (
            "value = \"sin(pi*x)\"",
            "value = \"log(-1)\"\nhard = true",
            &["test.toml:17:9", "`conditions.0.value`", "expected finite values", "`log(-1)` is NaN at x = ", "t = 0"],
        ),
        (
            "value = \"sin(pi*x)\"",
            "value = \"exp(1000*(1 + x))\"",
            &["test.toml:17:9", "expected finite values", "at x = "],
        ),
        ("value = \"sin(pi*x)\"", "value = \"u\"", &["test.toml:17:10", "u"]),
        ("value = \"sin(pi*x)\"", "value = \"x > 0\"", &["test.toml:17:10", "expected a real number"]),
        ("value = \"sin(pi*x)\"", "", &["test.toml:15:1", "`conditions.0.value` is missing"]),
        ("x = [0, 1]", "x = [1, 0]", &["test.toml:5:5", "`coordinates.x`", "lower < upper", "[1, 0]"]),
        ("x = [0, 1]", "x = [0, 0]", &["test.toml:5:5", "lower < upper"]),
        ("x = [0, 1]", "x = [0, nan]", &["test.toml:5:9", "finite", "NaN"]),
        ("x = [0, 1]", "x = [0, inf]", &["test.toml:5:9", "finite"]),
        ("x = [0, 1]", "x = [0, 1, 2]", &["test.toml:5:5", "a range of two numbers", "a list of 3"]),
        ("x = [0, 1]", "x = 3", &["test.toml:5:5", "a range of two numbers", "the number 3"]),
        ("x = [0, 1]", "x_1 = [0, 1]", &["test.toml:5:1", "`x_1` cannot be the name of a coordinate"]),
        ("x = [0, 1]", "tt = [0, 1]", &["test.toml:5:1", "rename it"]),
        ("half = 0.5", "pi = 3", &["test.toml:9:1", "name of the expression language"]),
        ("half = 0.5", "max = 3", &["test.toml:9:1", "name of the expression language"]),
        ("half = 0.5", "half = \"1/0\"", &["test.toml:9:8", "finite"]),
        ("half = 0.5", "half = true", &["test.toml:9:8", "`constants.half`", "a number or a text", "true"]),
        ("k = \"half*pi^2\"", "k = \"hafl*pi^2\"", &["test.toml:10:6", "hafl"]),
        ("k = \"half*pi^2\"", "x = 1\nk = 1", &["test.toml:5:1", "`x` is used twice"]),
        ("k = \"half*pi^2\"", "u_x = 1\nk = 1", &["`u_x`", "derivative"]),
        ("kind = \"dirichlet\"", "kind = \"dirichelt\"", &["test.toml:20:8", "did you mean \"dirichlet\"?"]),
        ("\"x = min\"", "\"y = min\"", &["test.toml:21:10", "unknown coordinate `y`", "Coordinates: x, t"]),
        ("\"x = min\"", "\"x = 0.5\"", &["test.toml:21:10", "is no face", "`x = 0` (min) or `x = 1` (max)"]),
        ("\"x = min\"", "\"x = max\"", &["test.toml:21:9", "named twice"]),
        ("\"x = min\"", "\"left\"", &["test.toml:21:10", "\"boundary\" (all faces)"]),
        ("weight = 10", "weight = -1", &["test.toml:23:10", "`conditions.1.weight`", "a positive number", "-1"]),
        ("weight = 10", "weight = nan", &["test.toml:23:10", "a positive number"]),
        ("weight = 10", "weight = \"10\"", &["test.toml:23:10", "a positive number", "the text \"10\""]),
        ("hidden = [8, 8]", "hidden = [0]", &["test.toml:26:11", "`network.hidden`", "at least 1", "0"]),
        ("hidden = [8, 8]", "hidden = []", &["test.toml:26:10", "a list of at least one layer width"]),
        ("hidden = [8, 8]", "activation = \"relu\"", &["test.toml:26:14", "\"tanh\", \"sin\", \"gelu\", \"silu\""]),
        ("optimiser = \"lm\"", "tolerance = 1", &["`stages.0.optimiser` is missing"]),
        ("steps = 7", "steps = 7.5", &["test.toml:33:9", "a whole number", "7.5"]),
    ];
    for (from, to, parts) in cases {
        let message = complaint(from, to);
        for part in *parts {
            assert!(message.contains(part), "{from:?} -> {to:?}: expected {part:?} in\n{message}");
        }
    }
}

/// Mistakes that are not one replacement.
#[test]
fn larger_mistakes_are_explained() {
    let no_conditions = GOOD.split("[[conditions]]").next().unwrap().to_string();
    let reference = GOOD.replace("exact = \"exp(-k*t)*sin(pi*x)\"", "reference = \"cole-hopf\"");
    let cases = [
        (no_conditions, vec!["there are no conditions", "kind = \"dirichlet\""]),
        ("title = \"a".into(), vec!["no valid TOML", "test.toml:1:"]),
        (format!("unknowns = [\"u\", \"v\"]\n{GOOD}"), vec!["exactly one unknown", "test.toml:1:18"]),
        (format!("{GOOD}\n[evaluation]\ngrid = [5]"), vec!["`evaluation.grid`: expected a list of 2", "got 1"]),
        (
            format!("reference = \"a.npz\"\n{GOOD}"),
            vec!["`reference` and `exact` exclude each other", "test.toml:1:13"],
        ),
        (reference.replace("cole-hopf", "cole"), vec!["\"cole-hopf\" or the name of an npz file", "test.toml:2:13"]),
        (reference, vec!["which this problem is not", "test.toml:2:13"]),
        (GOOD.replace("x = [0, 1]", "u = [0, 1]"), vec!["`u` is taken", "unknowns = [\"v\"]"]),
        (
            GOOD.replace("interior = 50", "adaptive = {}"),
            vec!["`sampling.adaptive` needs resampling", "test.toml:29:12", "add sampling.resample"],
        ),
    ];
    for (text, parts) in cases {
        let message = read(&text).unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "expected {part:?} in\n{message}");
        }
    }
}

/// A name that resembles a constant is no reason to offer the constant where only a coordinate will do.
#[test]
fn only_coordinates_are_offered_for_coordinates() {
    let message = complaint("\"x = min\"", "\"hal = min\"");
    assert!(message.contains("unknown coordinate `hal`") && !message.contains("Did you mean"), "{message}");
    let long = GOOD.replace("x = [0, 1]", "radius = [0, 1]").replace("u_xx", "u_radius_radius");
    let long = long.replace("pi*x", "pi*radius").replace("x = 1", "radius = 1").replace("x = min", "radios = min");
    let message = read(&long).unwrap_err().to_string();
    assert!(message.contains("Did you mean `radius`?"), "{message}");
}

#[test]
fn carets_point_into_the_expression() {
    let message = complaint("u_t = half*u_xx", "u_t = half*u_zz");
    let lines: Vec<&str> = message.lines().collect();
    let caret = lines.iter().position(|l| l.trim() == "^").expect("a caret");
    let column = lines[caret].find('^').unwrap();
    assert_eq!(&lines[caret - 1][column..column + 4], "u_zz", "{message}");
}

#[test]
fn suspicious_problems_are_warned_about() {
    let both = "[\"x = min\", \"x = 1\"]";
    let exact = "exact = \"exp(-k*t)*sin(pi*x)\"";
    let cases = [
        (GOOD.replace(both, "\"x = min\""), "order 2 in x"),
        (GOOD.replace("half = 0.5", "half = 0.5\nspare = 1"), "constant spare is not used"),
        (GOOD.replace(both, "\"boundary\""), "order 1 in t"),
        (GOOD.replace(exact, "target = 1e-3"), "no reference"),
    ];
    for (text, part) in cases {
        let p = read(&text).unwrap();
        assert!(p.warnings().iter().any(|w| w.contains(part)), "expected {part:?} in {:?}", p.warnings());
    }
}

#[test]
fn overrides_replace_values_and_reject_unknown_keys() {
    assert_eq!(set("network.hidden", "[5, 6]").unwrap().network.hidden, [5, 6]);
    assert!(set("network.activation", "sin").unwrap().to_toml().contains("activation = \"sin\""));
    assert_eq!(set("constants.half", "0.25/2").unwrap().constant("k"), Some(0.125 * PI.powf(2.0)));
    assert_eq!(set("conditions.1.weight", "3").unwrap().conditions[1].weight, 3.0);
    assert!(matches!(set("stages.0.steps", "9").unwrap().stages[0], Stage::Lm { steps: 9, .. }));
    // A table that the file does not have.
    assert_eq!(set("evaluation.grid", "[3, 4]").unwrap().evaluation, [3, 4]);
    let cases = [
        ("sampling.interor", "5", vec!["unknown key `interor`", "--set sampling.interor", "Did you mean `interior`?"]),
        ("stages.1.steps", "5", vec!["--set stages.1.steps", "an index below 1"]),
        ("network.hidden.x", "5", vec!["--set network.hidden.x", "an index below 2"]),
        ("title.x", "5", vec!["--set title.x", "`title` is the text"]),
        ("network.hidden", "[0]", vec!["--set network.hidden", "at least 1"]),
        ("residuals.heat", "u_t - u_zz", vec!["--set residuals.heat:1:7", "u_zz"]),
        ("residuals.haet", "u_t", vec!["--set residuals.haet", "unknown key `haet`", "Did you mean `heat`?"]),
        ("constants.haff", "5", vec!["--set constants.haff", "Did you mean `half`?"]),
        ("network..seed", "5", vec!["key.path=value"]),
    ];
    for (path, value, parts) in cases {
        let message = match set(path, value) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("--set {path}={value} was accepted"),
        };
        for part in parts {
            assert!(message.contains(part), "--set {path}={value}: expected {part:?} in\n{message}");
        }
    }
}

#[test]
fn equations_and_expressions_mean_the_same() {
    let a = read(GOOD).unwrap();
    let b = read(&GOOD.replace("u_t = half*u_xx", "u_t - half*u_xx")).unwrap();
    let c = read(&GOOD.replace("u_t = half*u_xx", "a = half; u_t = a*u_xx")).unwrap();
    let at = [0.3, 0.4, 1.5, -2.5].map(Value::F32);
    for other in [b, c] {
        assert_eq!(a.residuals[0].partials, other.residuals[0].partials);
        assert_eq!(a.residuals[0].dag.eval(&at), other.residuals[0].dag.eval(&at));
    }
}

const HARD: &str = r#"
    [coordinates]
    x = [-1, 2]
    t = [0.5, 2]
    [residuals]
    r = "u_t + u*u_x - 0.1*u_xx + u_xt*x"
    [[conditions]]
    kind = "initial"
    where = "t = min"
    value = "x^2"
    hard = true
    [[conditions]]
    kind = "dirichlet"
    where = "x = -1"
    value = "2*t"
    hard = true
    [[conditions]]
    kind = "dirichlet"
    where = "x = 2"
    value = "3 + 2*t"
    hard = true
"#;

/// A trial function A + B N meets the hard conditions for any N, and substituting it agrees with differentiating it.
#[test]
fn hard_conditions_hold_for_any_network() {
    let p = read(HARD).unwrap();
    let trial = p.trial().unwrap().unwrap();
    let value = |dag: &Dag, x: f64, t: f64| dag.eval(&[x, t].map(Value::F32))[0].as_f64();
    for s in [0.0, 0.3, 0.9, 1.0] {
        let (x, t) = (-1.0 + 3.0 * s, 0.5 + 1.5 * s);
        for (x, t, wanted) in [(x, 0.5, x * x), (-1.0, t, 2.0 * t), (2.0, t, 3.0 + 2.0 * t)] {
            // Sums of a few terms below 16: rounding stays below 16 * 10 * 2^-53 < 1e-13.
            assert!((value(&trial.offset, x, t) - wanted).abs() < 1e-13, "A({x}, {t})");
            assert!(value(&trial.factor, x, t).abs() < 1e-15, "B({x}, {t})");
        }
        assert!(s == 0.0 || s == 1.0 || value(&trial.factor, x, t) > 0.0);
    }
    // With N = sin(x) cos(t), all derivatives by hand; those of u = A + B N by central differences of step h = 1e-3 with one
    // Richardson step: truncation of order h^4 = 1e-12 times a sixth derivative below 1e3, rounding of a second difference
    // 16 * 1e-16 / h^2 = 2e-9. Coefficients are below 20: 1e-7 covers both.
    let block = &p.blocks().unwrap()[0];
    assert_eq!(block.site, Site::Interior);
    let n = |o: &[u8], x: f64, t: f64| (x + f64::from(o[0]) * PI / 2.0).sin() * (t + f64::from(o[1]) * PI / 2.0).cos();
    let u = |x: f64, t: f64| value(&trial.offset, x, t) + value(&trial.factor, x, t) * n(&[0, 0], x, t);
    let rich = |d: &dyn Fn(f64) -> f64| (4.0 * d(1e-3) - d(2e-3)) / 3.0;
    for (x, t) in [(0.2, 0.7), (-0.4, 1.3), (1.7, 1.9)] {
        let ut = rich(&|h| (u(x, t + h) - u(x, t - h)) / (2.0 * h));
        let ux = rich(&|h| (u(x + h, t) - u(x - h, t)) / (2.0 * h));
        let uxx = rich(&|h| (u(x + h, t) - 2.0 * u(x, t) + u(x - h, t)) / (h * h));
        let uxt = rich(&|h| (u(x + h, t + h) - u(x + h, t - h) - u(x - h, t + h) + u(x - h, t - h)) / (4.0 * h * h));
        let wanted = ut + u(x, t) * ux - 0.1 * uxx + uxt * x;
        let mut inputs = vec![Value::F32(x), Value::F32(t)];
        inputs.extend(block.residual.partials.iter().map(|p| Value::F32(n(&p.orders, x, t))));
        let got = block.residual.dag.eval(&inputs)[0].as_f64();
        assert!((got - wanted).abs() < 1e-7, "at ({x}, {t}): {got} against {wanted}");
    }
}

#[test]
fn contradicting_hard_conditions_are_refused() {
    let message = read(&HARD.replace("value = \"2*t\"", "value = \"5*t\"")).unwrap_err().to_string();
    assert!(message.contains("agree where faces meet") && message.contains("hard = false"), "{message}");
    let soft = HARD.replace("value = \"2*t\"\n    hard = true", "value = \"5*t\"");
    assert_eq!(read(&soft).unwrap().blocks().unwrap().len(), 2);
}

#[test]
fn blocks_cover_all_soft_conditions() {
    let p = read(GOOD).unwrap();
    let blocks = p.blocks().unwrap();
    let summary: Vec<_> = blocks.iter().map(|b| (b.name.as_str(), b.weight, b.points)).collect();
    assert_eq!(summary, [("heat", 1.0, 50), ("initial", 1.0, 200), ("boundary", 10.0, 200)]);
    let boundary = p.points(&blocks[2], 2, 0).unwrap();
    assert_eq!(boundary.len(), 200);
    assert_eq!(boundary.rows().filter(|r| r[0] == 0.0).count(), 100);
    assert!(boundary.rows().all(|r| (r[0] == 0.0 || r[0] == 1.0) && r[1] > 0.0 && r[1] < 1.0));
    // u - sin(pi x) at x = 1/6, u = 2.
    let value = blocks[1].residual.dag.eval(&[1.0 / 6.0, 0.0, 2.0].map(Value::F32))[0].as_f64();
    assert!((value - 1.5).abs() < 1e-15);
    let draws: Vec<_> = (0..2).map(|draw| p.points(&blocks[0], 0, draw).unwrap()).collect();
    assert_ne!(draws[0], draws[1]);
}

/// Time may come first, and Burgers' equation is recognised in any form.
#[test]
fn burgers_is_recognised_by_what_it_is() {
    let text = builtin::text("burgers").unwrap();
    let wanted = |p: &Problem| match p.reference {
        Some(Reference::ColeHopf { nu }) => (nu * PI - 0.01).abs() < 1e-15,
        _ => false,
    };
    assert!(wanted(&Problem::load("burgers").unwrap()));
    let turned = text
        .replace("x = [-1, 1]\nt = [0, 1]", "t = [0, 1]\nx = [-1, 1]")
        .replace("u_t + u*u_x = nu*u_xx", "3*nu*u_xx = 3*u*u_x + 3*u_t")
        .replace("grid = [201, 101]", "grid = [11, 21]");
    let p = read(&turned).unwrap();
    assert!(wanted(&p));
    // The finest of the classical solver's grids has 8 intervals in the shock's width; see the test of all built-ins.
    let error = relative_l2(&classical(&p).unwrap().unwrap().values, &solution(&p).unwrap().unwrap().values).unwrap();
    assert!(error < 1e-5, "{error:e}");
    for (from, to) in [("u*u_x", "2*u*u_x"), ("-sin(pi*x)", "sin(pi*x)"), ("[-1, 1]", "[-1, 1.5]")] {
        let other = text.replacen(from, to, 1).replace("x = 1\"", "x = max\"").replace("hard = true", "");
        let message = read(&other).unwrap_err().to_string();
        assert!(message.contains("which this problem is not"), "{from} -> {to}: {message}");
    }
}
