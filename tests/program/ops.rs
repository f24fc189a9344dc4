//! Every op on the device, on normal numbers: shapes, views and fusion. Special values are in `tests/ops.rs`.

use super::{check, check_on, normal};
use fieldline::ops::Op;
use fieldline::tape::{Recorder, Var, concat};
use fieldline::tensor::{Array, DType};

#[test]
fn elementwise() {
    for shape in [&[1][..], &[7], &[64], &[1000], &[3, 5], &[3, 4, 5, 6], &[0], &[2, 0]] {
        check("arithmetic", &[shape, shape], |_, x| (&x[0] * &x[1] + &x[0]) / &(x[1].square() + 1.0) - &x[1]);
        check("functions", &[shape], |_, x| x[0].exp() + x[0].sin() * x[0].cos() + x[0].tanh().erf());
    }
    check("broadcast", &[&[5, 1, 3], &[4, 1]], |_, x| &x[0] * &x[1] + &x[1]);
    check("select", &[&[100], &[100]], |_, x| x[0].less(&x[1]).select(&x[0].exp(), &x[1].sin()));
    check("bool result", &[&[100], &[100]], |_, x| x[0].less(&x[1]));
    check("cast", &[&[100]], |_, x| (&x[0] * 10.0).cast(DType::I32));
}

#[test]
fn reductions() {
    let shapes: [&[usize]; 10] =
        [&[1], &[2, 3, 4], &[5, 1], &[1, 5], &[64, 64], &[1000, 3], &[3, 1000], &[2, 5000], &[70000], &[7, 513, 5]];
    for shape in shapes {
        for axis in 0..shape.len() {
            check("sum", &[shape], |_, x| x[0].sum(&[axis]));
            check("max", &[shape], |_, x| x[0].max(&[axis]));
            check("min", &[shape], |_, x| x[0].min(&[axis]));
            check("argmax", &[shape], |_, x| x[0].argmax(axis));
        }
        check("sum of all", &[shape], |_, x| x[0].square().sum_all());
    }
    // Reductions of views: a slice has strides, a transposed array is reduced along its outer axis.
    check("slice of columns", &[&[9, 3, 8]], |_, x| x[0].slice_axis(1, 1, 1).sum(&[0]));
    check("slice of rows", &[&[9, 3, 8]], |_, x| x[0].slice_axis(1, 1, 2).sum(&[2]));
    check("transposed", &[&[300, 8]], |_, x| x[0].transpose().sum(&[1]));
    check("repeated", &[&[8]], |_, x| x[0].broadcast_to([5, 8]).sum(&[0]));
    check("apart", &[&[4, 5, 6]], |_, x| x[0].sum(&[0, 2]));
    check("mean", &[&[4, 5, 6]], |_, x| x[0].mean(&[0, 1]));
}

#[test]
fn movement() {
    check("permute", &[&[3, 4, 5]], |_, x| x[0].permute(&[2, 0, 1]));
    check("permute and reshape", &[&[3, 4, 5]], |_, x| x[0].permute(&[2, 0, 1]).reshape([20, 3]));
    check("slice", &[&[5, 6]], |_, x| x[0].slice(&[1, 2], [3, 3]));
    check("pad", &[&[2, 3]], |_, x| x[0].pad(&[1, 0], [4, 5], 0.5));
    check("concat", &[&[2, 3], &[2, 2]], |_, x| concat(&[&x[0], &x[1], &x[0]], 1));
    check("concat of results", &[&[2, 3], &[2, 2]], |_, x| concat(&[&x[0].square(), &x[1].exp()], 1).square());
    check("concat of concat", &[&[2, 3]], |_, x| {
        let inner = concat(&[&x[0].square(), &x[0].exp()], 1);
        concat(&[&inner, &x[0].sin().pad(&[0, 0], [2, 6], 1.0)], 0)
    });
    check("an input itself", &[&[4]], |_, x| x[0].clone());
    check("a constant", &[&[4]], |r, _| r.full([3], 2.5));
    check("iota", &[&[4]], |r, _| r.iota([3, 4, 5], 1));
}

#[test]
fn gather_and_scatter() {
    let index = |r: &Recorder| r.constant(Array::u32([5], [2, 0, 2, 1, 2]).expect("five values"));
    check("gather", &[&[3, 4]], |r, x| x[0].gather(&index(r)));
    check("scatter_add", &[&[5, 4]], |r, x| x[0].scatter_add(&index(r), 4));
    let many = Array::u32([70_000], (0..70_000).map(|i| i * 7 % 3).collect::<Vec<u32>>()).expect("as many");
    // 23,334 sequential additions of normal numbers a row.
    check_on("long scatter_add", &[normal(3, &[70_000]), many], |_, x| x[0].scatter_add(&x[1], 3));
}

#[test]
fn products() {
    for (m, k, n) in [
        (1, 1, 1),
        (3, 4, 5),
        (64, 64, 64),
        (65, 33, 17),
        (1, 100, 1),
        (128, 2, 64),
        (100, 64, 1),
        (7, 300, 9),
        (37, 6, 1),
        (148, 6, 6),
        (148, 2, 6),
        (7, 16, 16),
        (16, 7, 16),
        (200, 16, 1),
    ] {
        check("matmul", &[&[m, k], &[k, n]], |_, x| x[0].matmul(&x[1]));
        check("a^T", &[&[k, m], &[k, n]], |_, x| x[0].transpose().matmul(&x[1]));
        check("b^T", &[&[m, k], &[n, k]], |_, x| x[0].matmul(&x[1].transpose()));
        check("given transposed", &[&[m, k], &[n, k]], |r, x| {
            r.op(Op::MatMul { transpose_a: false, transpose_b: true }, &[&x[0], &x[1]])
        });
        check("both transposed", &[&[2, k, m], &[2, n, k]], |r, x| {
            r.op(Op::MatMul { transpose_a: true, transpose_b: true }, &[&x[0], &x[1]])
        });
        check("batch", &[&[3, m, k], &[3, k, n]], |_, x| x[0].matmul(&x[1]));
        check("bias and tanh", &[&[m, k], &[k, n], &[n]], |_, x: &[Var]| (x[0].matmul(&x[1]) + &x[2]).tanh());
        check("stacked", &[&[m, k], &[k, n]], |_, x| {
            let y = x[0].matmul(&x[1]);
            concat(&[&y, &y.square()], 0)
        });
    }
    check("long sums", &[&[5000, 8], &[5000, 9]], |_, x| x[0].transpose().matmul(&x[1]));
}

#[test]
fn random_words_are_those_of_the_reference() {
    let key = Array::u32([2], [7, 9]).expect("two words");
    let counter = Array::u32([2], [1, 0]).expect("two words");
    for shape in [&[1][..], &[4], &[7], &[3, 5], &[1000]] {
        check_on("bits", &[key.clone(), counter.clone()], |r, x| r.random_bits(shape.to_vec(), &x[0], &x[1]));
        check_on("uniform", &[key.clone(), counter.clone()], |r, x| {
            r.random_bits(shape.to_vec(), &x[0], &x[1]).uniform_from_bits()
        });
    }
    let keys = Array::u32([3, 2], [7, 9, 1, 2, 3, 4]).expect("six words");
    let counters = Array::u32([3, 2], [1, 0, 2, 0, 3, 0]).expect("six words");
    check_on("lanes", &[keys, counters], |r, x| r.random_bits([6], &x[0], &x[1]));
}
