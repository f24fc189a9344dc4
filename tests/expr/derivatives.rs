//! First derivatives against differences of the evaluation, which know nothing of the rules.

use crate::reference;
use fieldline::expr::{Binary, Dag, Function, Type, Unary, Value, parse};

/// Weights of the central differences of order 8 at distances 1..4 (Fornberg, Math. Comp. 51, 1988).
const FIRST: [f64; 4] = [4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0];
const SECOND: [f64; 4] = [8.0 / 5.0, -1.0 / 5.0, 8.0 / 315.0, -1.0 / 560.0];
const SECOND_CENTRE: f64 = -205.0 / 72.0;

/// f'(0) (`order` 1) or f''(0) (2) by differences and a bound on the error; `f` gives values with bounds.
///
/// With D(h) = f^(n) + c h^8 + .., the difference D(h) - D(h/2) is 255/256 of the truncation error of D(h), which is 256
/// times that of D(h/2). So it bounds the latter many times over. Rounding: the weights times the bounds of the values.
pub fn differences(f: impl Fn(f64) -> (f64, f64), order: u32) -> (f64, f64) {
    let at = |h: f64| {
        let (centre, centre_error) = f(0.0);
        let (mut sum, mut error) = if order == 2 { (SECOND_CENTRE * centre, 3.0 * centre_error) } else { (0.0, 0.0) };
        for k in 0..4 {
            let step = h * (k + 1) as f64;
            let ((up, up_error), (down, down_error)) = (f(step), f(-step));
            let weight = if order == 2 { SECOND[k] } else { FIRST[k] };
            sum += weight * if order == 2 { up + down } else { up - down };
            error += weight.abs() * (up_error + down_error + f64::EPSILON * (up.abs() + down.abs()));
        }
        let scale = h.powi(order as i32);
        (sum / scale, error / scale)
    };
    // Powers of two: the points are exact.
    let (h, half) = (at(2f64.powi(-6)), at(2f64.powi(-7)));
    (half.0, (h.0 - half.0).abs() + h.1 + half.1)
}

/// Checks every derivative of a text at a point, where the text is smooth.
fn check(text: &str, point: &[f64]) {
    let names: Vec<(&str, Type)> = ["x", "y", "z"].into_iter().map(|n| (n, Type::F32)).take(point.len()).collect();
    let mut dag = parse(text, "test", &names).unwrap();
    let of = dag.take_outputs()[0];
    let mut value = dag.clone();
    value.output(of);
    for input in 0..point.len() {
        let f = |shift: f64| {
            let mut at: Vec<Value> = point.iter().map(|&v| Value::F32(v)).collect();
            at[input] = Value::F32(point[input] + shift);
            let result = reference::outputs(&value, &at)[0];
            (result.real(), result.error)
        };
        let (expected, bound) = differences(f, 1);
        let point: Vec<Value> = point.iter().map(|&v| Value::F32(v)).collect();
        let mut slope = dag.clone();
        let got = match slope.derivative(of, input) {
            None => 0.0,
            Some(id) => {
                slope.output(id);
                slope.eval(&point)[0].as_f64()
            }
        };
        // The bound of the difference also covers the few roundings of the derivative itself.
        let bound = bound + 64.0 * f64::EPSILON * expected.abs();
        assert!(bound < 1e-8 * (1.0 + expected.abs()), "{text} at {point:?}: the test is blunt, bound {bound:e}");
        assert!(
            (got - expected).abs() <= bound,
            "d({text})/d{input} at {point:?}: {got} against {expected} +- {bound:e}"
        );
    }
}

#[test]
fn unary_rules_match_differences() {
    let functions = [
        "-x",
        "abs(x)",
        "exp(x)",
        "sin(x)",
        "cos(x)",
        "tanh(x)",
        "erf(x)",
        "tan(x)",
        "sinh(x)",
        "cosh(x)",
        "sigmoid(x)",
        "gelu(x)",
        "silu(x)",
        "softplus(x)",
        "relu(x)",
        "square(x)",
        "erfc(x)",
        "x^2",
        "x^3",
        "x^4",
        "x^7",
    ];
    for f in functions {
        // Multiples of 1/64 away from kinks and poles.
        for x in [-1.171875, -0.578125, 0.40625, 1.109375] {
            check(f, &[x]);
        }
    }
    for f in
        ["sqrt(x)", "log(x)", "log10(x)", "recip(x)", "x^0.5", "x^-1", "x^-2", "x^-0.5", "x^2.5", "x^pi", "2^x", "x^x"]
    {
        for x in [0.734375, 1.40625, 3.078125] {
            check(f, &[x]);
        }
    }
    for f in ["floor(x)", "ceil(x)", "trunc(x)", "round(x)", "sign(x)"] {
        check(f, &[1.734375]);
        check(f, &[-0.703125]);
    }
}

#[test]
fn rules_of_two_arguments_match_differences() {
    let functions = [
        "x + y",
        "x - y",
        "x*y",
        "x/y",
        "x % y",
        "x^y",
        "min(x, y)",
        "max(x, y)",
        "if(x < y, sin(x)*y, x + y*y)",
        "x*x + x*y",
        "exp(x*y)/(1 + x^2)",
        "tanh(3*x - y)*sigmoid(x*y)",
        "sqrt(x^2 + y^2)",
        "log(x + exp(y))",
        "sin(x*cos(y*tanh(x)))",
        "(x - y)^3/(x + y)",
        "abs(x - y)*y",
        "f32(x < y)*x",
    ];
    for f in functions {
        for point in [[0.796875, 1.578125], [1.703125, 0.640625], [2.546875, 1.109375]] {
            check(f, &point);
        }
    }
    check("x*y*z + tanh(x*z)/y", &[0.4375, 1.25, -0.8125]);
}

/// Value of d(text)/dx at x.
fn slope(text: &str, at: f64) -> f64 {
    let mut dag = parse(text, "test", &[("x", Type::F32)]).unwrap();
    let of = dag.take_outputs()[0];
    let id = dag.derivative(of, 0).unwrap();
    dag.output(id);
    dag.eval(&[Value::F32(at)])[0].as_f64()
}

#[test]
fn kinks_follow_the_documented_conventions() {
    assert_eq!(slope("abs(x)", 0.0), 0.0);
    assert_eq!(slope("min(2*x, 3*x)", 0.0), 2.0);
    assert_eq!(slope("max(2*x, 3*x)", 0.0), 2.0);
    assert_eq!(slope("relu(x)", 0.0), 1.0);
    assert_eq!(slope("softplus(x)", 0.0), 0.5);
    assert_eq!(slope("2^(x + 1)*x^2.5", 0.0), 0.0);
    assert_eq!(slope("if(x > 1, x^2, 5*x)", 1.0), 5.0);
    assert_eq!(slope("7 % x", 2.0), -3.0);
}

#[test]
fn a_power_of_zero_has_slope_zero_in_its_exponent() {
    let mut dag = parse("x^y", "test", &[("x", Type::F32), ("y", Type::F32)]).unwrap();
    let of = dag.take_outputs()[0];
    for input in [0, 1] {
        let id = dag.derivative(of, input).unwrap();
        dag.output(id);
    }
    // 2.5 * 0^1.5 = 0, and the limit of x^y log x.
    assert_eq!(dag.eval(&[Value::F32(0.0), Value::F32(2.5)]), [Value::F32(0.0), Value::F32(0.0)]);
    // d/dx of x^3 at a negative base, with the exponent as an input.
    assert_eq!(dag.eval(&[Value::F32(-2.0), Value::F32(3.0)])[0], Value::F32(12.0));
}

#[test]
fn what_does_not_depend_on_the_input_has_no_derivative() {
    let mut dag = Dag::new();
    let (x, n) = (dag.input(Type::F32), dag.input(Type::I32));
    let floor = dag.unary(Unary::Floor, x).unwrap();
    let cast = dag.cast(Type::I32, x);
    let back = dag.cast(Type::F32, cast);
    let sum = dag.binary(Binary::Add, n, cast).unwrap();
    let bits = dag.unary(Unary::Bits, x).unwrap();
    let float = dag.unary(Unary::FromBits, bits).unwrap();
    let half = dag.f32(0.5);
    for (of, input) in [(floor, 0), (back, 0), (sum, 0), (float, 0), (half, 0), (x, 1), (x, 7), (n, 1)] {
        assert_eq!(dag.derivative(of, input), None);
    }
    let one = dag.derivative(x, 0).unwrap();
    assert_eq!(dag.real(one), Some(1.0));
}

#[test]
fn derivatives_go_through_functions() {
    let body = parse("x*sin(y)", "body", &[("x", Type::F32), ("y", Type::F32)]).unwrap();
    let inner = Function::new("inner", &body).unwrap();
    let mut body = Dag::new();
    let (a, b) = (body.input(Type::F32), body.input(Type::F32));
    let ab = body.mul(a, b).unwrap();
    let call = body.call(&inner, &[ab, b]).unwrap();
    body.output(call);
    let outer = Function::new("outer", &body).unwrap();
    let mut dag = Dag::new();
    let (x, y) = (dag.input(Type::F32), dag.input(Type::F32));
    let xx = dag.mul(x, x).unwrap();
    let value = dag.call(&outer, &[xx, y]).unwrap();
    dag.output(value);
    for input in [0, 1] {
        let slope = dag.derivative(value, input).unwrap();
        let curve = dag.derivative(slope, 1).unwrap();
        dag.output(slope);
        dag.output(curve);
    }
    // x^2 y sin y
    let (x, y) = (1.25f64, 0.75f64);
    let (sin, cos) = y.sin_cos();
    let expected = [
        x * x * y * sin,
        2.0 * x * y * sin,
        2.0 * x * (sin + y * cos),
        x * x * (sin + y * cos),
        x * x * (2.0 * cos - y * sin),
    ];
    for (got, expected) in dag.eval(&[Value::F32(x), Value::F32(y)]).iter().zip(expected) {
        // At most 20 roundings of terms of at most 4 in size.
        assert!((got.as_f64() - expected).abs() < 20.0 * 4.0 * f64::EPSILON, "{got:?} against {expected}");
    }
}

#[test]
fn the_derivative_of_a_deep_dag_stays_small() {
    // Written out as a tree this has 2^200 leaves.
    let mut dag = Dag::new();
    let x = dag.input(Type::F32);
    let mut value = x;
    for _ in 0..200 {
        let tanh = dag.unary(Unary::Tanh, value).unwrap();
        let product = dag.mul(tanh, value).unwrap();
        value = dag.add(product, value).unwrap();
    }
    let before = dag.len();
    dag.derivative(value, 0).unwrap();
    // Per layer: the slope of tanh (3 nodes), and at most 6 of product, chain and sum.
    assert!(dag.len() - before <= 200 * 9 + 1, "{} new nodes", dag.len() - before);
}
