//! Residuals by Taylor mode and their Jacobian as a batch of gradients, on the device.

use super::{F32, both, normal};
use fieldline::expr::Streams;
use fieldline::nn::{Activation, Mlp};
use fieldline::tape::{Recorder, Tape, Var, concat};
use fieldline::tensor::Array;

fn unit(r: &Recorder, axis: usize) -> Var {
    let mut e = vec![0.0; 2];
    e[axis] = 1.0;
    r.constant(Array::f32([1, 2], e).expect("two values"))
}

/// `u_t + u u_x - 0.1 u_xx` at one point and its parameter gradient.
fn row(mlp: &Mlp, second_block: bool) -> Tape {
    let network = Tape::record(|r| {
        let theta = r.input("theta", [mlp.packing().total()], F32);
        let x = r.input("x", [1, 2], F32);
        r.output("u", &mlp.apply(&theta, &x)?);
        Ok(())
    })
    .expect("records");
    Tape::record(|r| {
        let theta = r.input("theta", [mlp.packing().total()], F32);
        let x = r.input("x", [2], F32);
        let residual = if second_block {
            network.call(r, &[&theta, &x.reshape([1, 2])])?.remove(0).reshape([])
        } else {
            let streams = Streams::closure(2, &[vec![2, 0], vec![0, 1]], vec![])?;
            let mut moving = vec![None; streams.len()];
            moving[0] = Some(x.reshape([1, 2]));
            moving[streams.pure(0, 1).expect("there")] = Some(unit(r, 0));
            moving[streams.pure(1, 1).expect("there")] = Some(unit(r, 1));
            let mut fixed = vec![None; streams.len()];
            fixed[0] = Some(theta.clone());
            let jet = network.jet(r, &[fixed, moving], &streams)?.remove(0);
            let at =
                |orders: &[u8]| jet[streams.index_of(orders).expect("there")].clone().expect("present").reshape([]);
            at(&[0, 1]) + &at(&[0, 0]) * &at(&[1, 0]) - at(&[2, 0]) * 0.1
        };
        r.output("r", &residual);
        r.output("j", &r.gradient(&residual, &[&theta]).remove(0));
        Ok(())
    })
    .expect("records")
}

#[test]
fn a_jacobian_of_two_blocks_equals_the_interpreter() {
    for hidden in [&[8][..], &[6, 6], &[24, 24]] {
        let mlp = Mlp::new(&[&[2], hidden, &[1]].concat(), Activation::Tanh, None).expect("valid widths");
        let n = mlp.packing().total();
        let tape = Tape::record(|r| {
            let theta = r.input("theta", [n], F32);
            let (x, y) = (r.input("x", [37, 2], F32), r.input("y", [12, 2], F32));
            let first = row(&mlp, false).vmap(r, &[(&theta, false), (&x, true)], 37)?;
            let second = row(&mlp, true).vmap(r, &[(&theta, false), (&y, true)], 12)?;
            r.output("r", &concat(&[&first[0], &second[0]], 0));
            r.output("j", &concat(&[&first[1], &second[1]], 0));
            Ok(())
        })
        .expect("records");
        let theta = Array::f32([n], mlp.initial(4)).expect("sizes");
        for result in both("jacobian", &tape, &[theta, normal(5, &[37, 2]), normal(6, &[12, 2])]) {
            assert_eq!(result.bounded(), result.bound.len(), "hidden {hidden:?}: a bound that says nothing");
        }
    }
}

#[test]
fn trial_points_as_a_batch_equal_the_interpreter() {
    let mlp = Mlp::new(&[2, 6, 6, 1], Activation::Tanh, None).expect("valid widths");
    let n = mlp.packing().total();
    let tape = Tape::record(|r| {
        let theta = r.input("theta", [n], F32);
        let (x, y) = (r.input("x", [37, 2], F32), r.input("y", [12, 2], F32));
        let first = row(&mlp, false).vmap(r, &[(&theta, false), (&x, true)], 37)?.remove(0);
        let second = row(&mlp, true).vmap(r, &[(&theta, false), (&y, true)], 12)?.remove(0);
        r.output("r", &concat(&[&first, &second], 0));
        Ok(())
    })
    .expect("records")
    .vmapped(&[true, false, false], 4)
    .expect("fits");
    let theta: Vec<f32> = (0..4).flat_map(|seed| mlp.initial(seed)).collect();
    let theta = Array::f32([4, n], theta).expect("sizes");
    for result in both("trial points", &tape, &[theta, normal(5, &[37, 2]), normal(6, &[12, 2])]) {
        assert_eq!(result.bounded(), result.bound.len(), "a bound that says nothing");
    }
}
