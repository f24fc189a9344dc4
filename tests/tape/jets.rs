//! Taylor mode against nested reverse mode and closed forms.

use super::{assert_near, normal, run};
use fieldline::expr::Streams;
use fieldline::nn::{Activation, Mlp};
use fieldline::ops::HostArray;
use fieldline::tape::{Recorder, Tape, Var};
use fieldline::tensor::{Array, DType};

/// Both sides are f64 evaluations of the same derivative by different formulas, with condition numbers of some hundreds at
/// order four: 1e-10 is note A1's bar and about 1e6 units of rounding.
const TOLERANCE: f64 = 1e-10;

fn network(activation: Activation) -> (Mlp, Tape) {
    let mlp = Mlp::new(&[2, 16, 16, 16, 1], activation, None).expect("valid widths");
    let tape = Tape::record(|r| {
        let theta = r.input("theta", [mlp.packing().total()], DType::F32);
        let x = r.input("x", [1, 2], DType::F32);
        r.output("u", &mlp.apply(&theta, &x)?);
        Ok(())
    })
    .expect("the network records");
    (mlp, tape)
}

fn theta(mlp: &Mlp) -> HostArray {
    let values = mlp.initial(3).into_iter().map(f64::from).collect();
    HostArray::f64([mlp.packing().total()], values).expect("as many values as parameters")
}

/// A unit vector `[1, 2]` as a constant stream.
fn unit(r: &Recorder, axis: usize) -> Var {
    let mut e = vec![0.0; 2];
    e[axis] = 1.0;
    r.constant(Array::f32([1, 2], e).expect("two values"))
}

/// The derivatives of orders 0..=4 along axis 0 by a jet.
fn by_jet(tape: &Tape, parameters: usize) -> Tape {
    Tape::record(|r| {
        let theta = r.input("theta", [parameters], DType::F32);
        let x = r.input("x", [1, 2], DType::F32);
        let fixed = vec![Some(theta), None, None, None, None];
        let moving = vec![Some(x), Some(unit(r, 0)), None, None, None];
        let outputs = tape.jet(r, &[fixed, moving], &Streams::taylor(4))?;
        for (order, stream) in outputs[0].iter().enumerate() {
            let zero = r.full([1, 1], 0.0);
            r.output(&format!("d{order}"), stream.as_ref().unwrap_or(&zero));
        }
        Ok(())
    })
    .expect("the jet records")
}

/// The same by differentiating again and again in reverse.
fn by_nesting(tape: &Tape, parameters: usize) -> Tape {
    Tape::record(|r| {
        let theta = r.input("theta", [parameters], DType::F32);
        let x = r.input("x", [1, 2], DType::F32);
        let mut value = tape.call(r, &[&theta, &x])?.remove(0);
        for order in 0..=4 {
            r.output(&format!("d{order}"), &value);
            let slope = r.gradient(&value.sum_all(), &[&x]).remove(0);
            value = slope.slice_axis(1, 0, 1);
        }
        Ok(())
    })
    .expect("nested gradients record")
}

#[test]
fn jets_equal_nested_gradients_to_order_four() {
    for activation in Activation::ALL {
        let (mlp, tape) = network(activation);
        let n = mlp.packing().total();
        let arguments = [theta(&mlp), normal(5, &[1, 2])];
        let (jet, nested) = (run(&by_jet(&tape, n), &arguments), run(&by_nesting(&tape, n), &arguments));
        for order in 0..=4 {
            println!("{activation}, order {order}");
            assert_near(&jet[order], &nested[order], TOLERANCE);
        }
    }
}

/// Streams of `x` for the Laplacian in two dimensions.
fn laplacian_argument(r: &Recorder, x: &Var) -> Vec<Option<Var>> {
    vec![Some(x.clone()), Some(unit(r, 0)), Some(unit(r, 1)), None]
}

#[test]
fn collapsed_laplacian_equals_the_sum_of_second_derivatives() {
    let (mlp, tape) = network(Activation::Tanh);
    let n = mlp.packing().total();
    let both = Tape::record(|r| {
        let theta = r.input("theta", [n], DType::F32);
        let x = r.input("x", [1, 2], DType::F32);
        let fixed = vec![Some(theta.clone()), None, None, None];
        let collapsed = tape.jet(r, &[fixed, laplacian_argument(r, &x)], &Streams::laplacian(2))?;
        r.output("collapsed", collapsed[0][3].as_ref().expect("a tanh network has second derivatives"));
        for axis in 0..2 {
            let jets = [vec![Some(theta.clone()), None, None], vec![Some(x.clone()), Some(unit(r, axis)), None]];
            let second = tape.jet(r, &jets, &Streams::taylor(2))?;
            r.output(&format!("axis{axis}"), second[0][2].as_ref().expect("likewise"));
        }
        Ok(())
    })
    .expect("both forms record");
    let values = run(&both, &[theta(&mlp), normal(6, &[1, 2])]);
    assert_near(&values[0], &[values[1][0] + values[2][0]], TOLERANCE);
}

/// Note A1, check 4: the biharmonic of `x^2 y^2` is 8, of `sin(x) sin(2y)` is `25 sin(x) sin(2y)`.
#[test]
fn biharmonic_from_fourth_order_jets() {
    type Function = (&'static str, fn(&Var, &Var) -> Var, fn(f64, f64) -> f64);
    let functions: [Function; 2] = [
        ("polynomial", |x, y| x.square() * y.square(), |_, _| 8.0),
        ("sines", |x, y| x.sin() * (y * 2.0).sin(), |x, y| 25.0 * x.sin() * (2.0 * y).sin()),
    ];
    for (name, function, exact) in functions {
        let f = Tape::record(|r| {
            let p = r.input("p", [1, 2], DType::F32);
            r.output("f", &function(&p.slice_axis(1, 0, 1), &p.slice_axis(1, 1, 1)));
            Ok(())
        })
        .expect("the function records");
        let biharmonic = Tape::record(|r| {
            let p = r.input("p", [1, 2], DType::F32);
            let fourth = |direction: [f32; 2]| -> fieldline::Result<Var> {
                let e = r.constant(Array::f32([1, 2], direction)?);
                let jet = f.jet(r, &[vec![Some(p.clone()), Some(e), None, None, None]], &Streams::taylor(4))?;
                Ok(jet[0][4].clone().unwrap_or_else(|| r.full([1, 1], 0.0)))
            };
            let (x, y) = (fourth([1.0, 0.0])?, fourth([0.0, 1.0])?);
            let (plus, minus) = (fourth([1.0, 1.0])?, fourth([1.0, -1.0])?);
            let mixed = (&plus + &minus) - &x * 2.0 - &y * 2.0;
            r.output("biharmonic", &(x + y + mixed * (1.0 / 6.0)));
            Ok(())
        })
        .expect("the biharmonic records");
        let point = normal(8, &[1, 2]);
        let at = point.to_f64();
        println!("{name}");
        assert_near(&run(&biharmonic, &[point])[0], &[exact(at[0], at[1])], TOLERANCE);
    }
}

/// Note A1, check 3: the parameter gradient of `mean (Laplacian u - f)^2` by central differences in f64.
#[test]
fn parameter_gradient_of_a_laplacian_residual() {
    let mlp = Mlp::new(&[2, 6, 1], Activation::Tanh, None).expect("valid widths");
    let network = Tape::record(|r| {
        let theta = r.input("theta", [mlp.packing().total()], DType::F32);
        let x = r.input("x", [1, 2], DType::F32);
        r.output("u", &mlp.apply(&theta, &x)?);
        Ok(())
    })
    .expect("the network records");
    super::derivatives::check("Laplacian residual", &[&[mlp.packing().total()], &[1, 2]], |r, v| {
        let fixed = vec![Some(v[0].clone()), None, None, None];
        let jet = network.jet(r, &[fixed, laplacian_argument(r, &v[1])], &Streams::laplacian(2)).expect("fits");
        let laplacian = jet[0][3].as_ref().expect("present").clone();
        (laplacian - jet[0][1].as_ref().expect("present").clone()).square()
    });
}
