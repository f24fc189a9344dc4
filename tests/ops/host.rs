//! The bounds against plain f32 arithmetic on the host: random expressions, with functions, quotients and roots that are as wrong as
//! the device is allowed to be. The bounds hold, and they are not so wide that they say nothing.

use fieldline::expr::{Binary, Dag, Id, Node, Type, Unary, Value};
use fieldline::nn::HostRandom;
use fieldline::ops::{HostArray, Op, Reduction, bound, reference, within};

/// How wrong functions are allowed to be, in ULP: alternately up and down.
struct Device {
    function: i32,
    quotient: i32,
    root: i32,
    /// Contracts a product and the sum that takes it.
    fuse: bool,
    count: u32,
}

impl Device {
    fn shift(&mut self, x: f64, ulps: i32) -> f32 {
        let near = x as f32;
        self.count += 1;
        if near == 0.0 || !near.is_finite() || near.abs() < 1e-37 {
            return near;
        }
        let up = (self.count.wrapping_mul(2_654_435_761) >> 31) as i32 * 2 - 1;
        f32::from_bits((near.to_bits() as i32 + up * ulps) as u32)
    }

    /// The outputs of a DAG of f32 and bool nodes.
    fn eval(&mut self, dag: &Dag, inputs: &[f32]) -> Vec<f32> {
        let mut values: Vec<f32> = Vec::with_capacity(dag.len());
        for node in dag.nodes() {
            let at = |id: &Id| values[id.index()];
            let wide = |id: &Id| f64::from(values[id.index()]);
            let truth = |b: bool| f32::from(u8::from(b));
            let value = match node {
                Node::Input(n) => inputs[*n as usize],
                Node::Const(c) => c.value().as_f64() as f32,
                Node::Unary(Unary::Neg, x) => -at(x),
                Node::Unary(Unary::Abs, x) => at(x).abs(),
                Node::Unary(Unary::Floor, x) => at(x).floor(),
                Node::Unary(Unary::Sqrt, x) => self.shift(wide(x).sqrt(), self.root),
                Node::Unary(op, x) => {
                    let y = match op {
                        Unary::Exp => wide(x).exp(),
                        Unary::Log => wide(x).ln(),
                        Unary::Sin => wide(x).sin(),
                        Unary::Cos => wide(x).cos(),
                        Unary::Tanh => wide(x).tanh(),
                        op => unreachable!("{op:?} is not built here"),
                    };
                    self.shift(y, self.function)
                }
                Node::Binary(Binary::Add, a, b) => match dag.node(*a) {
                    Node::Binary(Binary::Mul, x, y) if self.fuse => at(x).mul_add(at(y), at(b)),
                    _ => at(a) + at(b),
                },
                Node::Binary(Binary::Sub, a, b) => at(a) - at(b),
                Node::Binary(Binary::Mul, a, b) => at(a) * at(b),
                Node::Binary(Binary::Div, a, b) => self.shift(wide(a) / wide(b), self.quotient),
                Node::Binary(Binary::Max, a, b) => at(a).max(at(b)),
                Node::Binary(Binary::Min, a, b) => at(a).min(at(b)),
                Node::Binary(Binary::Lt, a, b) => truth(at(a) < at(b)),
                Node::Select { condition, then, otherwise } => {
                    if at(condition) != 0.0 {
                        at(then)
                    } else {
                        at(otherwise)
                    }
                }
                node => unreachable!("{node:?} is not built here"),
            };
            values.push(value);
        }
        dag.outputs().iter().map(|o| values[o.index()]).collect()
    }
}

/// A random expression of `nodes` operators of three inputs; every operator's value is an output.
fn expression(random: &mut HostRandom, nodes: usize) -> Dag {
    let mut dag = Dag::new();
    let mut pool: Vec<Id> = (0..3).map(|_| dag.input(Type::F32)).collect();
    for constant in [0.1, 1.5, -2.0] {
        pool.push(dag.f32(constant));
    }
    let mut pick = |n: usize| ((random.uniform() * n as f64) as usize).min(n - 1);
    for _ in 0..nodes {
        // Recent values more often, so that errors travel far.
        let recent = pool.len().saturating_sub(4);
        let a = if pick(2) == 0 { pool[pick(pool.len())] } else { pool[recent + pick(pool.len() - recent)] };
        let b = pool[pick(pool.len())];
        let binary = |dag: &mut Dag, op| dag.binary(op, a, b).expect("f32");
        let unary = |dag: &mut Dag, op, x| dag.unary(op, x).expect("f32");
        let id = match pick(16) {
            0 | 1 => binary(&mut dag, Binary::Add),
            2 | 3 => binary(&mut dag, Binary::Sub),
            4..=6 => binary(&mut dag, Binary::Mul),
            7 => binary(&mut dag, Binary::Div),
            8 => binary(&mut dag, Binary::Max),
            9 => unary(&mut dag, Unary::Sin, a),
            10 => unary(&mut dag, Unary::Tanh, a),
            11 => {
                let bounded = unary(&mut dag, Unary::Cos, a);
                unary(&mut dag, Unary::Exp, bounded)
            }
            12 => {
                let size = unary(&mut dag, Unary::Abs, a);
                unary(&mut dag, Unary::Sqrt, size)
            }
            13 => {
                let square = dag.square(a).expect("f32");
                let one = dag.f32(1.0);
                let shifted = dag.add(square, one).expect("f32");
                unary(&mut dag, Unary::Log, shifted)
            }
            14 => {
                let less = binary(&mut dag, Binary::Lt);
                dag.select(less, a, b).expect("f32")
            }
            _ => unary(&mut dag, Unary::Floor, a),
        };
        pool.push(id);
        dag.output(id);
    }
    dag
}

#[test]
fn bounds_hold_and_are_not_absurd() {
    let mut random = HostRandom::new(7, 1);
    let devices = [(0, 0, 0, false), (0, 0, 0, true), (3, 2, 3, false), (3, 2, 3, true)];
    let (mut ratios, mut checked, mut unbounded) = (Vec::new(), 0usize, 0usize);
    for trial in 0..400 {
        let dag = expression(&mut random, 12);
        let scale = 10f64.powi(trial % 5 - 2);
        for _ in 0..10 {
            let inputs: Vec<f32> = (0..3).map(|_| (scale * random.normal()) as f32).collect();
            let exact: Vec<(Value, f64)> = inputs.iter().map(|&x| (Value::F32(f64::from(x)), 0.0)).collect();
            let bounds = dag.eval_with_bound(&exact);
            let plain: Vec<Value> = exact.iter().map(|(v, _)| *v).collect();
            assert_eq!(
                format!("{:?}", dag.eval(&plain)),
                format!("{:?}", bounds.iter().map(|b| b.0).collect::<Vec<_>>())
            );
            for (function, quotient, root, fuse) in devices {
                let got = Device { function, quotient, root, fuse, count: trial as u32 }.eval(&dag, &inputs);
                for (i, (g, (value, e))) in got.iter().zip(&bounds).enumerate() {
                    let (g, v) = (f64::from(*g), value.as_f64());
                    assert!(within(g, v, *e), "output {i} of\n{dag:?}\nat {inputs:?}: {g:e}, f64 {v:e}, bound {e:e}");
                    checked += 1;
                    unbounded += usize::from(e.is_infinite());
                    let error = (g - v).abs();
                    if e.is_finite() && error > 0.0 {
                        ratios.push(e / error);
                    }
                }
            }
        }
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!("expressions: bound/error median {median:.1}, least {:.3}; {unbounded} of {checked} unbounded", ratios[0]);
    assert!(median <= 1e3, "the bounds are {median} times the errors");
    assert!(unbounded * 5 < checked, "{unbounded} of {checked} values have no bound");
}

/// Checks one value and gives bound/error.
fn ratio(what: &str, got: f32, value: f64, bound: f64) -> f64 {
    assert!(within(f64::from(got), value, bound), "{what}: {got:e}, f64 {value:e}, bound {bound:e}");
    bound / (f64::from(got) - value).abs().max(1e-300)
}

#[test]
fn bounds_of_sums_hold_for_the_longest_chains() {
    let mut random = HostRandom::new(9, 2);
    let mut ratios = Vec::new();
    for n in [1usize, 2, 3, 17, 100] {
        for _ in 0..50 {
            let x: Vec<f32> = (0..n).map(|_| random.normal() as f32).collect();
            let y: Vec<f32> = (0..n).map(|_| random.normal() as f32).collect();
            let host = |v: &[f32], shape: &[usize]| {
                HostArray::f64(shape, v.iter().map(|&a| f64::from(a)).collect()).expect("fits")
            };
            let zeros = vec![0.0; n];
            let sum = Op::Reduce { reduction: Reduction::Sum, axes: vec![0] };
            let a = host(&x, &[n]);
            let result = reference(&sum, &[&a]).expect("fits");
            let e = bound(&sum, &[(&a, &zeros)], &result).expect("fits")[0];
            // One after the other is the deepest order for n <= 100: `depth` gives n - 1 up to there at least for n <= 9.
            if n <= 9 {
                ratios.push(ratio("sum", x.iter().fold(0.0, |s, v| s + v), result.to_f64()[0], e));
            }
            let product = Op::MatMul { transpose_a: false, transpose_b: false };
            let (a, b) = (host(&x, &[1, n]), host(&y, &[n, 1]));
            let result = reference(&product, &[&a, &b]).expect("fits");
            let e = bound(&product, &[(&a, &zeros), (&b, &zeros)], &result).expect("fits")[0];
            let chain = x.iter().zip(&y).fold(0.0f32, |s, (p, q)| s + p * q);
            ratios.push(ratio("product", chain, result.to_f64()[0], e));
            let fused = x.iter().zip(&y).fold(0.0f32, |s, (p, q)| p.mul_add(*q, s));
            ratios.push(ratio("fused product", fused, result.to_f64()[0], e));
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!("sums and products: bound/error median {:.1}, least {:.3}", ratios[ratios.len() / 2], ratios[0]);
    assert!(ratios[ratios.len() / 2] <= 1e3);
}

#[test]
fn steps_between_branches_are_covered() {
    let bound_of = |build: &dyn Fn(&mut Dag, Id) -> Id, x: f64, e: f64| {
        let mut dag = Dag::new();
        let input = dag.input(Type::F32);
        let output = build(&mut dag, input);
        dag.output(output);
        dag.eval_with_bound(&[(Value::F32(x), e)])[0].1
    };
    let floor: &dyn Fn(&mut Dag, Id) -> Id = &|d, x| d.unary(Unary::Floor, x).expect("f32");
    assert_eq!(bound_of(floor, 2.5, 0.25), 0.0, "no step within");
    assert_eq!(bound_of(floor, 2.9, 0.25), 1.0, "a step within");
    assert_eq!(bound_of(floor, 2.9, 1.5), 2.0, "two steps within");
    let select: &dyn Fn(&mut Dag, Id) -> Id = &|d, x| {
        let (one, low, high) = (d.f32(1.0), d.f32(-4.0), d.f32(3.0));
        let less = d.binary(Binary::Lt, x, one).expect("f32");
        d.select(less, low, high).expect("f32")
    };
    assert_eq!(bound_of(select, 0.5, 0.25), 0.0, "a certain branch");
    assert_eq!(bound_of(select, 0.9, 0.25), 7.0, "either branch");
    let cast: &dyn Fn(&mut Dag, Id) -> Id = &|d, x| d.cast(Type::I32, x);
    assert_eq!(bound_of(cast, -0.5, 0.25), 0.0);
    assert_eq!(bound_of(cast, 3.9, 0.25), 1.0);
    let log: &dyn Fn(&mut Dag, Id) -> Id = &|d, x| d.unary(Unary::Log, x).expect("f32");
    assert_eq!(bound_of(log, 0.1, 0.2), f64::INFINITY, "zero within");
    let exp: &dyn Fn(&mut Dag, Id) -> Id = &|d, x| d.unary(Unary::Exp, x).expect("f32");
    assert_eq!(bound_of(exp, 88.8, 0.0), f64::INFINITY, "overflow");
    assert_eq!(bound_of(exp, f64::INFINITY, 0.0), 0.0, "an infinity that is certain");
    // The largest slope of an interval, not that of its middle.
    assert!(bound_of(exp, 0.0, 1.0) >= 1f64.exp() - 1.0);
    let sin: &dyn Fn(&mut Dag, Id) -> Id = &|d, x| d.unary(Unary::Sin, x).expect("f32");
    assert!(bound_of(sin, std::f64::consts::FRAC_PI_2, 0.1) >= 1.0 - 0.1f64.cos());
}
