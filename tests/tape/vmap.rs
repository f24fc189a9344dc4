//! A batch equals its lanes, one by one.

use super::{assert_near, normal, run};
use fieldline::nn::{Activation, Mlp};
use fieldline::ops::HostArray;
use fieldline::tape::{Recorder, Tape, Var, concat};
use fieldline::tensor::DType;

const LANES: usize = 5;

/// Lane by lane and batched differ by the order of f64 sums of at most some hundred terms.
const TOLERANCE: f64 = 1e-13;

fn check(name: &str, shapes: &[&[usize]], batched: &[bool], f: impl Fn(&Recorder, &[Var]) -> Var) {
    let single = Tape::record(|r| {
        let inputs: Vec<Var> =
            shapes.iter().enumerate().map(|(i, s)| r.input(&format!("x{i}"), s.to_vec(), DType::F32)).collect();
        r.output("y", &f(r, &inputs));
        Ok(())
    })
    .unwrap_or_else(|e| panic!("{name}: {e}"));
    let batch = single.vmapped(batched, LANES).unwrap_or_else(|e| panic!("{name}: {e}"));
    let arguments: Vec<HostArray> = shapes
        .iter()
        .zip(batched)
        .enumerate()
        .map(|(i, (s, &on))| normal(60 + i as u64, &if on { [&[LANES], *s].concat() } else { s.to_vec() }))
        .collect();
    let together = run(&batch, &arguments).remove(0);
    let size = together.len() / LANES;
    for lane in 0..LANES {
        let own: Vec<HostArray> = arguments
            .iter()
            .zip(shapes)
            .zip(batched)
            .map(|((a, s), &on)| {
                let n: usize = s.iter().product();
                let values = a.to_f64();
                let values = if on { values[lane * n..(lane + 1) * n].to_vec() } else { values };
                HostArray::f64(s.to_vec(), values).expect("a lane's elements")
            })
            .collect();
        println!("{name}, lane {lane}");
        assert_near(&together[lane * size..(lane + 1) * size], &run(&single, &own)[0], TOLERANCE);
    }
}

#[test]
fn every_op_takes_a_batch() {
    let both = [true, true];
    let first = [true, false];
    let second = [false, true];
    for batched in [both, first, second] {
        check("map", &[&[3, 2], &[2]], &batched, |_, x| &x[0] * &x[1].tanh());
        check("matmul", &[&[3, 4], &[4, 2]], &batched, |_, x| x[0].matmul(&x[1]));
        check("transposed", &[&[4, 3], &[2, 4]], &batched, |_, x| x[0].transpose().matmul(&x[1].transpose()));
        check("batched matmul", &[&[2, 3, 4], &[2, 4, 2]], &batched, |_, x| x[0].matmul(&x[1]));
        check("concat", &[&[3, 2], &[3, 1]], &batched, |_, x| concat(&[&x[0], &x[1]], 1));
        check("outer", &[&[3, 1], &[1, 2]], &batched, |_, x| x[0].matmul(&x[1]));
    }
    check("movement", &[&[2, 3, 4]], &[true], |_, x| {
        x[0].permute(&[2, 0, 1]).reshape([4, 6]).slice(&[1, 2], [2, 3]).pad(&[1, 1], [4, 5], 2.0)
    });
    check("reduce", &[&[2, 3, 4]], &[true], |_, x| x[0].max(&[1]).sum(&[0]));
    check("broadcast", &[&[3, 1]], &[true], |_, x| x[0].broadcast_to([2, 3, 4]));
    check("gather by data", &[&[4, 2], &[3]], &both, |_, x| {
        let rows = x[1].map_with(&[], |dag, v| {
            let index = dag.f32(1.3);
            let low = dag.binary(fieldline::expr::Binary::Lt, v[0], index)?;
            Ok(dag.cast(fieldline::expr::Type::U32, low))
        });
        x[0].gather(&rows)
    });
    check("gather from a shared table", &[&[4, 2], &[3]], &second, |_, x| {
        let rows = x[1].square().cast(DType::U32).minimum(&x[1].recorder().iota([3], 0));
        x[0].gather(&rows)
    });
    check("scatter", &[&[3, 2], &[3]], &both, |_, x| {
        let rows = x[1].square().cast(DType::U32).minimum(&x[1].recorder().iota([3], 0));
        x[0].scatter_add(&rows, 3)
    });
}

#[test]
fn the_jacobian_is_a_batch_of_gradients() {
    let mlp = Mlp::new(&[2, 8, 8, 1], Activation::Tanh, None).expect("valid widths");
    let n = mlp.packing().total();
    check("rows of a Jacobian", &[&[n], &[1, 2]], &[false, true], |r, v| {
        let u = mlp.apply(&v[0], &v[1]).expect("fits").sum_all();
        r.gradient(&u, &[&v[0]]).remove(0)
    });
    check("networks side by side", &[&[n], &[3, 2]], &[true, false], |_, v| mlp.apply(&v[0], &v[1]).expect("fits"));
}
