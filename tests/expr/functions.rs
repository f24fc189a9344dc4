//! Values of integers, conversions, composed functions and complex numbers.

use crate::reference;
use fieldline::expr::{Binary, Complex, Cost, Dag, Function, Id, Type, Unary, Value, parse};

fn binary(op: Binary, a: Value, b: Value) -> Value {
    let mut dag = Dag::new();
    let (x, y) = (dag.input(a.ty()), dag.input(b.ty()));
    let id = dag.binary(op, x, y).unwrap();
    dag.output(id);
    dag.eval(&[a, b])[0]
}

#[test]
fn integers_are_those_of_wgsl() {
    use Value::{I32, U32};
    let min = i32::MIN;
    for (op, a, b, expected) in [
        (Binary::Div, I32(-7), I32(2), I32(-3)),
        (Binary::Rem, I32(-7), I32(2), I32(-1)),
        (Binary::Div, I32(5), I32(0), I32(5)),
        (Binary::Rem, I32(5), I32(0), I32(0)),
        (Binary::Div, I32(min), I32(-1), I32(min)),
        (Binary::Rem, I32(min), I32(-1), I32(0)),
        (Binary::Div, U32(5), U32(0), U32(5)),
        (Binary::Rem, U32(5), U32(0), U32(0)),
        (Binary::Add, I32(i32::MAX), I32(1), I32(min)),
        (Binary::Sub, U32(0), U32(1), U32(u32::MAX)),
        (Binary::Mul, U32(0x1_0001), U32(0x1_0001), U32(0x2_0001)),
        (Binary::MulHi, U32(0xd251_1f53), U32(0x9e37_79b9), U32(((0xd251_1f53u64 * 0x9e37_79b9) >> 32) as u32)),
        (Binary::Shl, I32(1), U32(33), I32(2)),
        (Binary::Shr, I32(-8), U32(1), I32(-4)),
        (Binary::Shr, U32(0x8000_0000), U32(31), U32(1)),
        (Binary::Shl, I32(3), I32(-1), I32(min)),
    ] {
        assert_eq!(binary(op, a, b), expected, "{op:?} of {a:?} and {b:?}");
    }
}

#[test]
fn conversions_are_those_of_wgsl() {
    use Value::{Bool, F32, I32, U32};
    for (from, ty, expected) in [
        (F32(-2.75), Type::I32, I32(-2)),
        (F32(1e20), Type::I32, I32(2_147_483_520)),
        (F32(-1e20), Type::I32, I32(i32::MIN)),
        (F32(-1.0), Type::U32, U32(0)),
        (F32(f64::INFINITY), Type::U32, U32(4_294_967_040)),
        (F32(0.25), Type::Bool, Bool(true)),
        (F32(f64::NAN), Type::Bool, Bool(true)),
        (I32(-1), Type::U32, U32(u32::MAX)),
        (U32(u32::MAX), Type::I32, I32(-1)),
        (I32(-3), Type::F32, F32(-3.0)),
        (Bool(true), Type::F32, F32(1.0)),
        (Bool(true), Type::I32, I32(1)),
        (U32(0), Type::Bool, Bool(false)),
    ] {
        assert_eq!(from.cast(ty), expected);
        let mut dag = Dag::new();
        let x = dag.input(from.ty());
        let id = dag.cast(ty, x);
        dag.output(id);
        assert_eq!(dag.eval(&[from]), [expected]);
    }
}

#[test]
fn bits_are_tested_and_moved() {
    let dag = parse("isfinite(x)", "test", &[("x", Type::F32)]).unwrap();
    for (v, finite) in [(1.0, true), (f64::NAN, false), (f64::NEG_INFINITY, false)] {
        assert_eq!(dag.eval(&[Value::F32(v)]), [Value::Bool(finite)]);
    }
    let mut dag = Dag::new();
    let x = dag.input(Type::F32);
    let bits = dag.unary(Unary::Bits, x).unwrap();
    dag.output(bits);
    assert_eq!(dag.eval(&[Value::F32(0.1)]), [Value::U32(0.1f32.to_bits())]);
}

/// The value of a function of `build` at x, and its distance from `expected` in units of `eps * scale`.
fn distance(build: fn(&mut Dag, Id) -> fieldline::Result<Id>, x: f64, expected: f64, scale: f64) -> f64 {
    let mut dag = Dag::new();
    let input = dag.input(Type::F32);
    let id = build(&mut dag, input).unwrap();
    dag.output(id);
    (dag.eval(&[Value::F32(x)])[0].as_f64() - expected).abs() / (f64::EPSILON * scale)
}

#[test]
fn composed_functions_match_the_library() {
    for x in [-30.0, -3.5, -0.9, -1e-6, 0.0, 1e-9, 0.3, 0.999, 1.0, 1.5, 4.0, 30.0] {
        let x: f64 = x;
        let logistic = 1.0 / (1.0 + (-x).exp());
        // A handful of roundings relative to the largest intermediate value (1 or x where terms near 1 cancel).
        assert!(distance(Dag::sigmoid, x, logistic, 1.0) <= 8.0);
        assert!(distance(Dag::silu, x, x * logistic, x.abs()) <= 8.0 || x == 0.0);
        assert!(distance(Dag::gelu, x, 0.5 * x * libm::erfc(-x / 2f64.sqrt()), x.abs()) <= 8.0 || x == 0.0);
        assert!(distance(Dag::softplus, x, x.max(0.0) + (-x.abs()).exp().ln_1p(), x.max(1.0)) <= 8.0);
        assert!(distance(Dag::relu, x, x.max(0.0), 1.0) == 0.0);
        // Relative accuracy, also near 0; the exponentials' own errors near 30 are below 4 eps.
        assert!(distance(Dag::sinh, x, x.sinh(), x.sinh().abs()) <= 24.0 || x == 0.0, "sinh {x}");
        assert!(distance(Dag::cosh, x, x.cosh(), x.cosh()) <= 8.0);
        assert!(distance(Dag::tan, x, x.tan(), x.tan().abs()) <= 8.0 || x == 0.0);
        assert!(distance(Dag::erfc, x, libm::erfc(x), 2.0) <= 4.0);
    }
    assert!(distance(Dag::log10, 1e-5, -5.0, 5.0) <= 4.0);
    for n in [-9, -2, 0, 1, 5, 13, 31] {
        let mut dag = Dag::new();
        let x = dag.input(Type::F32);
        let id = dag.powi(x, n).unwrap();
        dag.output(id);
        let (got, expected) = (dag.eval(&[Value::F32(-1.1)])[0].as_f64(), (-1.1f64).powi(n));
        // Squaring doubles the relative error: at most |n| + 1 half units, on both sides.
        assert!((got - expected).abs() <= f64::from(n.abs() + 1) * f64::EPSILON * expected.abs(), "x^{n}");
    }
    let mut dag = Dag::new();
    let x = dag.input(Type::F32);
    let relu = dag.relu(x).unwrap();
    dag.output(relu);
    assert!(dag.eval(&[Value::F32(f64::NAN)])[0].as_f64().is_nan());
}

#[test]
fn complex_numbers_follow_their_formulas() {
    let mut dag = Dag::new();
    let [a, b, c, d] = [(); 4].map(|()| dag.input(Type::F32));
    let (z, w) = (Complex { re: a, im: b }, Complex { re: c, im: d });
    let sum = z.add(&mut dag, w).unwrap();
    let difference = z.sub(&mut dag, w).unwrap();
    let product = z.mul(&mut dag, w).unwrap();
    let quotient = z.div(&mut dag, w).unwrap();
    let conj = z.conj(&mut dag).unwrap();
    let exp = z.exp(&mut dag).unwrap();
    for part in [sum, difference, product, quotient, conj, exp] {
        dag.output(part.re);
        dag.output(part.im);
    }
    let abs = z.abs(&mut dag).unwrap();
    dag.output(abs);
    for [a, b, c, d] in [[1.5, -2.0, 0.25, 3.0], [0.5, 0.75, -4.0, 1.0], [2.0, 3.0, 1.0, 1.0], [1.0, 0.0, 0.0, -2.0]] {
        let values: Vec<f64> = dag.eval(&[a, b, c, d].map(Value::F32)).iter().map(|v| v.as_f64()).collect();
        let size: f64 = c * c + d * d;
        let (cos, sin) = (f64::cos(b), f64::sin(b));
        let expected = [
            a + c,
            b + d,
            a - c,
            b - d,
            a * c - b * d,
            a * d + b * c,
            (a * c + b * d) / size,
            (b * c - a * d) / size,
            a,
            -b,
            a.exp() * cos,
            a.exp() * sin,
            a.hypot(b),
        ];
        for (got, expected) in values.iter().zip(expected) {
            // At most six roundings of terms of at most 16 in size (|z| |w| < 10).
            assert!((got - expected).abs() <= 6.0 * 16.0 * f64::EPSILON, "{got} against {expected} at {a} {b} {c} {d}");
        }
    }
    // Far beyond where c^2 + d^2 overflows or vanishes in f64.
    for scale in [1e200, 1e-200] {
        let at = [3.0 * scale, 4.0 * scale, scale, 2.0 * scale].map(Value::F32);
        let values = dag.eval(&at);
        // (3 + 4i)/(1 + 2i) = (11 - 2i)/5
        assert!((values[6].as_f64() - 2.2).abs() < 1e-14 && (values[7].as_f64() + 0.4).abs() < 1e-14);
        assert!((values[12].as_f64() / (5.0 * scale) - 1.0).abs() < 1e-14);
    }
    assert_eq!(dag.eval(&[0.0, 0.0, 1.0, 1.0].map(Value::F32))[12], Value::F32(0.0));
}

#[test]
fn the_modulus_has_its_derivatives_on_axes_and_diagonals() {
    let mut dag = Dag::new();
    let (a, b) = (dag.input(Type::F32), dag.input(Type::F32));
    let abs = Complex { re: a, im: b }.abs(&mut dag).unwrap();
    let first = [0, 1].map(|k| dag.derivative(abs, k).unwrap());
    let second = [0, 1].map(|k| dag.derivative(first[k], k).unwrap());
    first.into_iter().chain(second).for_each(|id| dag.output(id));
    for (x, y) in [(3.0f64, 4.0f64), (2.0, 2.0), (-1.0, 1.0), (0.0, 2.0), (-2.0, 0.0)] {
        let h = x.hypot(y);
        let expected = [x / h, y / h, y * y / h.powi(3), x * x / h.powi(3)];
        for (got, expected) in dag.eval(&[Value::F32(x), Value::F32(y)]).iter().zip(expected) {
            // The second derivative is a sum of about ten terms of at most 2 in size.
            assert!((got.as_f64() - expected).abs() < 40.0 * f64::EPSILON, "{got:?} against {expected} at {x}, {y}");
        }
    }
    assert_eq!(dag.eval(&[Value::F32(0.0), Value::F32(0.0)])[..2], [Value::F32(0.0), Value::F32(0.0)]);
}

#[test]
fn costs_count_what_is_used() {
    let mut dag = parse("tanh(x)*y + x^2.5", "test", &[("x", Type::F32), ("y", Type::F32)]).unwrap();
    let x = dag.input_ids()[0];
    dag.unary(Unary::Exp, x).unwrap();
    assert_eq!(dag.flops(), Cost { arithmetic: 2, transcendental: 2 });
    let f = Function::new("f", &dag).unwrap();
    let mut caller = Dag::new();
    let y = caller.input(Type::F32);
    let call = caller.call(&f, &[y, y]).unwrap();
    let product = caller.mul(call, y).unwrap();
    caller.output(product);
    assert_eq!(caller.flops(), Cost { arithmetic: 3, transcendental: 2 });
}

#[test]
fn functions_are_checked_and_evaluated() {
    let body = parse("x*y", "body", &[("x", Type::F32), ("y", Type::F32)]).unwrap();
    for name in ["", "2f", "a b", "a__b", "é"] {
        assert!(Function::new(name, &body).is_err(), "{name:?}");
    }
    assert!(Function::new("f", &Dag::new()).is_err());
    let f = Function::new("f", &body).unwrap();
    let mut dag = Dag::new();
    let (x, n) = (dag.input(Type::F32), dag.input(Type::I32));
    assert!(dag.call(&f, &[x]).is_err() && dag.call(&f, &[x, n]).is_err());
    let call = dag.call(&f, &[x, x]).unwrap();
    dag.output(call);
    assert_eq!(dag.eval(&[Value::F32(3.0), Value::I32(0)]), [Value::F32(9.0)]);
    assert_eq!(dag.to_text(&["x", "n"]), "f(x, x)");
    let inlined = dag.inlined();
    assert_eq!(inlined.to_text(&["x", "n"]), "x*x");
    assert_eq!(reference::outputs(&dag, &[Value::F32(3.0), Value::I32(0)])[0].value, Value::F32(9.0));
}

#[test]
fn an_evaluator_converts_inputs_of_other_types() {
    let dag = parse("x/2", "test", &[("x", Type::F32)]).unwrap();
    let mut evaluator = dag.evaluator();
    let mut out = vec![Value::Bool(true); 3];
    evaluator.eval(&[Value::I32(3)], &mut out);
    assert_eq!(out, [Value::F32(1.5)]);
}
