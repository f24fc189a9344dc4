//! Jets against nested first derivatives, and against differences.
//!
//! The reference of a jet of f with directions 1..d: replace each input by the polynomial sum_alpha z_alpha t^alpha / alpha!
//! whose derivatives at t = 0 are its streams, and differentiate by t.

use crate::derivatives::differences;
use crate::reference::{self, Bounded};
use fieldline::expr::{Collapsed, Dag, Function, Jet, Streams, Type, Value, parse};

/// Coefficient of t^index in the polynomial of an input, in (-0.75, 0.75), from a fixed sequence: a multiple of 1/32.
fn coefficient(input: usize, s: usize) -> f64 {
    (((input * 37 + s * 23 + 11) % 48) as f64 - 23.5) / 32.0
}

/// alpha!, of at most 24: the products with coefficients are exact.
fn factorial(index: &[u8]) -> f64 {
    index.iter().map(|&n| (1..=n).map(f64::from).product::<f64>()).product()
}

/// Values of all streams of all inputs; `points` at order 0.
fn stream_values(wide: &Streams, points: &[f64]) -> Vec<Vec<f64>> {
    let row = |(i, &point): (usize, &f64)| {
        let derivative =
            |(s, index): (usize, &Vec<u8>)| if s == 0 { point } else { coefficient(i, s) * factorial(index) };
        wide.indices.iter().enumerate().map(derivative).collect()
    };
    points.iter().enumerate().map(row).collect()
}

/// The same streams with every sum replaced by the pure derivatives that it adds up.
fn with_pure(streams: &Streams) -> Streams {
    let mut wanted = streams.indices.clone();
    for sum in &streams.collapsed {
        for &(r, _) in &sum.terms {
            let mut index = vec![0; streams.directions];
            index[r] = sum.order;
            wanted.push(index);
        }
    }
    Streams::closure(streams.directions, &wanted, vec![]).unwrap()
}

/// f after the polynomials, as a function of the directions.
fn along(f: &Dag, streams: &Streams, values: &[Vec<f64>]) -> Dag {
    let mut dag = Dag::new();
    let t: Vec<_> = (0..streams.directions).map(|_| dag.input(Type::F32)).collect();
    let mut args = Vec::new();
    for row in values {
        let mut sum = dag.f32(0.0);
        for (index, &z) in streams.indices.iter().zip(row) {
            let mut term = dag.f32(z / factorial(index));
            for (&t, &n) in t.iter().zip(index) {
                for _ in 0..n {
                    term = dag.mul(term, t).unwrap();
                }
            }
            sum = dag.add(sum, term).unwrap();
        }
        args.push(sum);
    }
    let outputs = dag.inline(f, &args).unwrap();
    outputs.into_iter().for_each(|o| dag.output(o));
    dag
}

/// d^index of output `o` at t = 0.
fn nested(dag: &Dag, o: usize, index: &[u8]) -> Bounded {
    let mut dag = dag.clone();
    let mut of = Some(dag.take_outputs()[o]);
    for (r, &n) in index.iter().enumerate() {
        for _ in 0..n {
            of = of.and_then(|of| dag.derivative(of, r));
        }
    }
    match of {
        None => Bounded::exact(Value::F32(0.0)),
        Some(of) => {
            dag.output(of);
            reference::outputs(&dag, &vec![Value::F32(0.0); index.len()])[0]
        }
    }
}

/// Streams of the outputs of a jet; absent ones are zero.
fn evaluate(jet: &Jet, streams: &Streams, values: &[Vec<f64>]) -> Vec<Vec<Bounded>> {
    let inputs: Vec<Value> = values.iter().flatten().map(|&v| Value::F32(v)).collect();
    let mut outputs = reference::outputs(&jet.dag, &inputs).into_iter();
    let row = |present: &Vec<bool>| {
        assert_eq!(present.len(), streams.len());
        let zero = Bounded::exact(Value::F32(0.0));
        present.iter().map(|&p| if p { outputs.next().unwrap() } else { zero }).collect()
    };
    jet.present.iter().map(row).collect()
}

/// Checks all streams of the jet of a text at a point.
fn check(text: &str, streams: &Streams, points: &[f64]) {
    let names: Vec<(&str, Type)> = ["x", "y", "z"].into_iter().map(|n| (n, Type::F32)).take(points.len()).collect();
    check_dag(&parse(text, "test", &names).unwrap(), text, streams, points);
}

fn check_dag(f: &Dag, text: &str, streams: &Streams, points: &[f64]) {
    let wide = with_pure(streams);
    let wide_values = stream_values(&wide, points);
    let at = |row: &[f64], index: &[u8]| row[wide.index_of(index).unwrap()];
    let pure = |row: &[f64], r: usize, order: u8| row[wide.pure(r, order).unwrap()];
    let values: Vec<Vec<f64>> = wide_values
        .iter()
        .map(|row| {
            let plain = streams.indices.iter().map(|index| at(row, index));
            let sum = |c: &Collapsed| c.terms.iter().map(|&(r, weight)| weight * pure(row, r, c.order)).sum();
            plain.chain(streams.collapsed.iter().map(sum)).collect()
        })
        .collect();
    let active = vec![vec![true; streams.len()]; points.len()];
    let jet = f.jet(streams, &active).unwrap();
    let reference = along(f, &wide, &wide_values);
    for (o, row) in evaluate(&jet, streams, &values).into_iter().enumerate() {
        let compare = |got: Bounded, expected: Bounded, what: String| {
            let bound = got.error + expected.error;
            let size = 1.0 + expected.real().abs();
            assert!(bound < 1e-8 * size, "{text}, {what}: the test is blunt, bound {bound:e}");
            assert!(got.agrees(expected), "{text}, {what}: {got:?} against {expected:?}");
        };
        for (&got, index) in row.iter().zip(&streams.indices) {
            compare(got, nested(&reference, o, index), format!("d^{index:?}"));
        }
        for (&got, sum) in row[streams.indices.len()..].iter().zip(&streams.collapsed) {
            let mut expected = Bounded::exact(Value::F32(0.0));
            for &(r, weight) in &sum.terms {
                let mut index = vec![0; streams.directions];
                index[r] = sum.order;
                let term = nested(&reference, o, &index);
                expected.value = Value::F32(expected.real() + weight * term.real());
                expected.error += weight.abs() * (term.error + 8.0 * f64::EPSILON * term.real().abs());
            }
            // The input sums are rounded as well: a relative change of eps in each of them.
            expected.error += 64.0 * f64::EPSILON * (1.0 + expected.real().abs());
            compare(got, expected, format!("{sum:?}"));
        }
        by_differences(&reference, o, streams, &row, text);
    }
}

/// Orders 1 and 2 along each direction by differences of the evaluation alone.
fn by_differences(reference: &Dag, o: usize, streams: &Streams, row: &[Bounded], text: &str) {
    for r in 0..streams.directions {
        for order in [1, 2] {
            let Some(s) = streams.pure(r, order) else { continue };
            let f = |t: f64| {
                let mut at = vec![Value::F32(0.0); streams.directions];
                at[r] = Value::F32(t);
                let value = reference::outputs(reference, &at)[o];
                (value.real(), value.error)
            };
            let (expected, bound) = differences(f, order.into());
            let bound = bound + row[s].error;
            assert!(bound < 1e-6 * (1.0 + expected.abs()), "{text}: the test is blunt, bound {bound:e}");
            let got = row[s].real();
            assert!(
                (got - expected).abs() <= bound,
                "{text}, order {order} along {r}: {got} against {expected} +- {bound:e}"
            );
        }
    }
}

const SMOOTH: [&str; 21] = [
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
    "x^3",
    "x^4",
    "x^7",
    "1/(1 + x*x)",
    "exp(-x^2)*sin(3*x)",
];

const POSITIVE: [&str; 10] =
    ["sqrt(x)", "log(x)", "log10(x)", "recip(x)", "x^-2", "x^2.5", "x^-0.5", "2^x", "x^x", "log(1 + sqrt(x))/x"];

const TWO: [&str; 15] = [
    "x + y",
    "x - y",
    "x*y",
    "x/y",
    "x % y",
    "x^y",
    "min(x, y)",
    "max(x, y)",
    "if(x < y, sin(x)*y, x + y*y)",
    "x*x*y + x*y",
    "exp(x*y)/(1 + x^2)",
    "tanh(3*x - y)*sigmoid(x*y)",
    "sqrt(x^2 + y^2)",
    "log(x + exp(y))",
    "sin(x*cos(y*tanh(x)))",
];

fn check_all(streams: &Streams) {
    for f in SMOOTH {
        for x in [-1.296875, 0.40625] {
            check(f, streams, &[x]);
        }
    }
    for f in POSITIVE {
        check(f, streams, &[1.40625]);
    }
    for f in TWO {
        check(f, streams, &[0.796875, 1.578125]);
        check(f, streams, &[1.703125, 0.640625]);
    }
}

#[test]
fn taylor_jets_match_nested_derivatives() {
    for order in 0..=4 {
        check_all(&Streams::taylor(order));
    }
}

/// With a second input that varies the jet is made node by node, not by way of the derivatives of the whole function.
#[test]
fn functions_among_several_inputs_match_nested_derivatives() {
    let sum = Collapsed { terms: vec![(0, 1.0), (1, 0.25)], order: 4 };
    for streams in [Streams::taylor(4), Streams::laplacian(2), Streams::closure(2, &[vec![1, 1]], vec![sum]).unwrap()] {
        for f in SMOOTH.iter().chain(&POSITIVE) {
            check(&format!("({f})*y"), &streams, &[1.40625, 0.71875]);
        }
    }
}

#[test]
fn the_jet_of_an_activation_applies_the_chain_rule_once() {
    let streams = Streams::laplacian(100);
    for f in ["gelu(x)", "silu(x)"] {
        let jet = parse(f, "test", &[("x", Type::F32)]).unwrap().jet(&streams, &[vec![true; streams.len()]]).unwrap();
        // Per direction s_1 z_r, z_r^2 and its sum; node by node it would be about 11. And the function with s_1 and s_2.
        assert!(jet.dag.flops().arithmetic <= 3 * 100 + 20, "{f}: {:?}", jet.dag.flops());
    }
}

#[test]
fn mixed_streams_match_nested_derivatives() {
    check_all(&Streams::closure(2, &[vec![1, 1]], vec![]).unwrap());
    check_all(&Streams::closure(2, &[vec![2, 2]], vec![]).unwrap());
    check_all(&Streams::closure(3, &[vec![1, 1, 1], vec![0, 0, 3], vec![1, 2, 1]], vec![]).unwrap());
}

#[test]
fn collapsed_sums_match_the_sums_of_nested_derivatives() {
    check_all(&Streams::laplacian(1));
    check_all(&Streams::laplacian(3));
    // Weighted sums of both orders over some of the directions, with a first and a mixed derivative beside them.
    let second = Collapsed { terms: vec![(0, 0.5), (2, -2.0)], order: 2 };
    let fourth = Collapsed { terms: vec![(0, 1.0), (1, 0.25)], order: 4 };
    check_all(&Streams::closure(3, &[vec![0, 0, 1]], vec![second.clone()]).unwrap());
    check_all(&Streams::closure(2, &[vec![1, 1]], vec![fourth.clone()]).unwrap());
    check_all(&Streams::closure(3, &[vec![0, 1, 1]], vec![second, fourth]).unwrap());
}

#[test]
fn jets_do_not_depend_on_the_order_of_the_indices() {
    let streams = Streams { directions: 1, indices: [0, 3, 1, 2].map(|n| vec![n]).to_vec(), collapsed: vec![] };
    check("x/(2 + x*x)", &streams, &[0.40625]);
    check("tanh(x)/exp(x)", &streams, &[0.40625]);
}

#[test]
fn jets_go_through_functions() {
    let body = parse("x*sin(y)", "body", &[("x", Type::F32), ("y", Type::F32)]).unwrap();
    let function = Function::new("swing", &body).unwrap();
    let mut dag = Dag::new();
    let (x, y) = (dag.input(Type::F32), dag.input(Type::F32));
    let xy = dag.mul(x, y).unwrap();
    let call = dag.call(&function, &[xy, y]).unwrap();
    dag.output(call);
    check_dag(&dag, "x*y*sin(y)", &Streams::taylor(4), &[0.5, 1.25]);
    check_dag(&dag, "x*y*sin(y)", &Streams::laplacian(2), &[0.5, 1.25]);
}

#[test]
fn a_laplacian_of_a_known_function() {
    // sin(x) sin(2y): Laplacian -5 f, fourth derivatives d_x^4 + d_y^4 = 17 f.
    let f = parse("sin(x)*sin(2*y)", "test", &[("x", Type::F32), ("y", Type::F32)]).unwrap();
    let (x, y) = (0.5f64, 1.25f64);
    let value = x.sin() * (2.0 * y).sin();
    for (streams, factor) in [
        (Streams::laplacian(2), -5.0),
        (Streams::closure(2, &[], vec![Collapsed { terms: vec![(0, 1.0), (1, 1.0)], order: 4 }]).unwrap(), 17.0),
    ] {
        // Coordinates: x moves along direction 0 only, y along 1 only, and nothing is curved.
        let active: Vec<Vec<bool>> =
            (0..2).map(|r| (0..streams.len()).map(|s| s == 0 || Some(s) == streams.pure(r, 1)).collect()).collect();
        let jet = f.jet(&streams, &active).unwrap();
        let got = jet.dag.eval(&[x, 1.0, y, 1.0].map(Value::F32)).last().unwrap().as_f64();
        assert!(jet.present[0][streams.len() - 1]);
        // About 20 roundings of terms of at most 17 in size.
        assert!((got - factor * value).abs() < 20.0 * 17.0 * f64::EPSILON, "{got} against {}", factor * value);
    }
}

#[test]
fn absent_streams_are_structural_zeros() {
    let f = parse("x*y + floor(x)", "test", &[("x", Type::F32), ("y", Type::F32)]).unwrap();
    let streams = Streams::taylor(3);
    let jet = f.jet(&streams, &[vec![true, true, false, false], vec![true, true, false, false]]).unwrap();
    // x' y + x y', then 2 x' y', then nothing.
    assert_eq!(jet.present, [[true, true, true, false]]);
    assert_eq!(jet.dag.inputs().len(), 4);
    let values = jet.dag.eval(&[2.5, 3.0, 5.0, 7.0].map(Value::F32));
    assert_eq!(values, [14.5, 32.5, 42.0].map(Value::F32));
    let constant = f.jet(&streams, &[vec![true, false, false, false], vec![true, false, false, false]]).unwrap();
    assert_eq!(constant.present, [[true, false, false, false]]);
}

#[test]
fn a_jet_keeps_values_that_have_no_derivatives() {
    let f = parse("if(n > 2i, x*f32(n), x)", "test", &[("n", Type::I32), ("x", Type::F32)]).unwrap();
    let jet = f.jet(&Streams::taylor(1), &[vec![true, false], vec![true, true]]).unwrap();
    assert_eq!(jet.dag.inputs(), [Type::I32, Type::F32, Type::F32]);
    let at = |n: i32| jet.dag.eval(&[Value::I32(n), Value::F32(0.5), Value::F32(2.0)]);
    assert_eq!(at(4), [2.0, 8.0].map(Value::F32));
    assert_eq!(at(1), [0.5, 2.0].map(Value::F32));
}

#[test]
fn tanh_shares_its_exponential() {
    let f = parse("tanh(x)", "test", &[("x", Type::F32)]).unwrap();
    let streams = Streams::laplacian(8);
    let jet = f.jet(&streams, &[vec![true; streams.len()]]).unwrap();
    let cost = jet.dag.flops();
    assert_eq!(cost.transcendental, 1);
    // 5 for s_1 and s_2, 8 products s_1 z_r, 8 squares and 7 sums, 3 for the sum stream.
    assert!(cost.arithmetic <= 31, "{cost:?}");
}

#[test]
fn a_power_with_a_varying_exponent_has_its_limit_at_zero() {
    let f = parse("x^y", "test", &[("x", Type::F32), ("y", Type::F32)]).unwrap();
    let jet = f.jet(&Streams::taylor(1), &[vec![true, true], vec![true, true]]).unwrap();
    assert_eq!(jet.dag.eval(&[0.0, 1.0, 2.5, 1.0].map(Value::F32)), [0.0, 0.0].map(Value::F32));
}

#[test]
fn wrong_streams_are_refused_with_a_reason() {
    let f = parse("x", "test", &[("x", Type::F32)]).unwrap();
    let refused = |streams: Streams, part: &str| {
        let active = vec![vec![true; streams.len()]];
        let message = f.jet(&streams, &active).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    let plain = |directions: usize, indices: &[&[u8]]| Streams {
        directions,
        indices: indices.iter().map(|i| i.to_vec()).collect(),
        collapsed: vec![],
    };
    refused(Streams::taylor(5), "total order at most 4");
    refused(plain(1, &[]), "the zero index");
    refused(plain(1, &[&[1], &[0]]), "the zero index");
    refused(plain(1, &[&[0], &[2]]), "no [1]");
    refused(plain(2, &[&[0, 0], &[1]]), "each of the 2 directions");
    refused(plain(1, &[&[0], &[1], &[1]]), "[1] twice");
    let sum = |direction: usize, weight: f64, order: u8| Streams {
        collapsed: vec![Collapsed { terms: vec![(direction, weight)], order }],
        ..Streams::taylor(1)
    };
    refused(sum(0, 1.0, 3), "2 or 4");
    refused(sum(1, 1.0, 2), "a direction below 1");
    refused(sum(0, f64::NAN, 2), "a finite number");
    refused(sum(0, 1.0, 4), "no derivative of order 2");
    assert!(Streams::closure(1, &[vec![5]], vec![]).is_err());
    assert!(Streams::closure(1, &[vec![1, 1]], vec![]).is_err());
    let n = parse("n", "test", &[("n", Type::I32)]).unwrap();
    let message = |f: &Dag, active: &[Vec<bool>]| f.jet(&Streams::taylor(1), active).unwrap_err().to_string();
    assert!(message(&n, &[vec![true, true]]).contains("only stream 0"));
    assert!(message(&f, &[vec![false, true]]).contains("active[0][0]"));
    assert!(message(&f, &[vec![true]]).contains("2 streams"));
    assert!(message(&f, &[]).contains("1 inputs"));
}

#[test]
fn closures_are_the_smallest_sets() {
    let streams = Streams::closure(2, &[vec![1, 1], vec![2, 0]], vec![]).unwrap();
    assert_eq!(streams.indices, [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1]]);
    assert_eq!(streams.order(), 2);
    let sum = Collapsed { terms: vec![(1, 1.0)], order: 4 };
    let streams = Streams::closure(2, &[], vec![sum]).unwrap();
    assert_eq!(streams.indices, [[0, 0], [0, 1], [0, 2], [0, 3]]);
    assert_eq!((streams.len(), streams.order()), (5, 4));
    assert_eq!(Streams::laplacian(16).len(), 18);
}
