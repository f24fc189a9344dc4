//! Reductions, movement, rows by index, products and random words.

use crate::bounded::{normal, print_ratios};
use crate::{faults, none};
use fieldline::ops::Op;
use fieldline::tape::concat;
use fieldline::tensor::{Array, Data};
use std::slice::from_ref;

const INF: f32 = f32::INFINITY;

fn row(values: &[f32]) -> Array {
    Array::f32([values.len()], values).expect("as many as the shape says")
}

/// Rows that a reduction may meet: zeros, subnormals, cancellation, overflow on the way, infinities, NaN, ties.
fn special_rows() -> Vec<Array> {
    let mut rows = vec![
        row(&[0.0, -0.0, 0.0]),
        row(&[-0.0]),
        row(&[1e-40, -1e-41, 3e-45]),
        row(&[1e30, 1.0, -1e30, 2.0, 1e-30]),
        row(&[3e38, 3e38, -3e38, -3e38]),
        row(&[INF, 1.0, 2.0]),
        row(&[1.0, -INF, 2.0]),
        row(&[INF, 0.0, -INF]),
        row(&[1.0, f32::NAN, 5.0, f32::NAN]),
        row(&[f32::NAN, INF]),
        row(&[2.0, 5.0, 5.0, -1.0, 5.0]),
        row(&[-INF, -INF]),
        row(&[f32::MAX, f32::MIN_POSITIVE]),
    ];
    // Long rows with one special element somewhere.
    for (at, value) in [(0, INF), (997, f32::NAN), (1500, -INF), (2000, 1e38)] {
        let mut values = normal(7, &[2001]).as_f32("x").expect("f32").to_vec();
        values[at] = value;
        rows.push(row(&values));
    }
    rows
}

#[test]
fn reductions_of_special_rows() {
    let mut found = Vec::new();
    for x in special_rows() {
        found.extend(faults("sum special", from_ref(&x), |_, x| x[0].sum(&[0])));
        found.extend(faults("max special", from_ref(&x), |_, x| x[0].max(&[0])));
        found.extend(faults("min special", from_ref(&x), |_, x| x[0].min(&[0])));
        found.extend(faults("argmax special", from_ref(&x), |_, x| x[0].argmax(0)));
        // The same as columns.
        let n = x.shape().elements();
        found.extend(faults("sum special columns", &[x], |_, x| x[0].reshape([n, 1]).broadcast_to([n, 3]).sum(&[0])));
    }
    print_ratios("sum special");
    none(found);
}

#[test]
fn reductions_of_shapes() {
    let mut found = Vec::new();
    let shapes: [&[usize]; 12] = [
        &[1],
        &[0],
        &[3, 0],
        &[0, 3],
        &[2, 3],
        &[1021],
        &[513, 5],
        &[7, 1031],
        &[3, 2, 67],
        &[9001],
        &[2, 9001, 2],
        &[600, 1],
    ];
    for shape in shapes {
        let x = normal(11, shape);
        for (axis, &size) in shape.iter().enumerate() {
            found.extend(faults("sum", from_ref(&x), |_, x| x[0].sum(&[axis])));
            // Every term is positive: the bound is relative here.
            found.extend(faults("sum of squares", from_ref(&x), |_, x| x[0].square().sum(&[axis])));
            if size > 0 {
                found.extend(faults("max", from_ref(&x), |_, x| x[0].max(&[axis])));
                found.extend(faults("min", from_ref(&x), |_, x| x[0].min(&[axis])));
                found.extend(faults("argmax", from_ref(&x), |_, x| x[0].argmax(axis)));
            }
        }
        found.extend(faults("sum of all", from_ref(&x), |_, x| x[0].sum_all()));
        found.extend(faults("sum of apart", &[x], |_, x| {
            let ends: Vec<usize> = if shape.len() == 3 { vec![0, 2] } else { vec![0] };
            x[0].sum(&ends)
        }));
    }
    let words: Vec<u32> = (0..1021u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let signed = Array::i32([1021], words.iter().map(|&w| w as i32).collect::<Vec<_>>()).expect("as many");
    for x in [Array::u32([1021], words).expect("as many"), signed] {
        found.extend(faults("sum of integers", from_ref(&x), |_, x| x[0].sum(&[0])));
        found.extend(faults("max of integers", from_ref(&x), |_, x| x[0].max(&[0])));
        found.extend(faults("min of integers", from_ref(&x), |_, x| x[0].min(&[0])));
        found.extend(faults("argmax of integers", &[x], |_, x| x[0].argmax(0)));
    }
    print_ratios("sum");
    none(found);
}

#[test]
fn movement_keeps_every_bit_pattern() {
    // Moved alone, a value keeps its bits: subnormals, infinities and NaNs too. Bounds of zero say so, NaN aside.
    let x = Array::f32([2, 3], [1e-40, -0.0, INF, f32::NAN, 2.0, -1e-45]).expect("six");
    let mut found = Vec::new();
    found.extend(faults("move: permute", from_ref(&x), |_, x| x[0].permute(&[1, 0]).reshape([6])));
    found.extend(faults("move: slice", from_ref(&x), |_, x| x[0].slice(&[0, 1], [2, 2])));
    found.extend(faults("move: empty slice", from_ref(&x), |_, x| x[0].slice(&[1, 3], [1, 0])));
    found.extend(faults("move: pad", from_ref(&x), |_, x| x[0].pad(&[2, 1], [5, 7], 1e-40)));
    found.extend(faults("move: pad with infinity", from_ref(&x), |_, x| x[0].pad(&[1, 0], [3, 3], INF)));
    found.extend(faults("move: concat", from_ref(&x), |_, x| concat(&[&x[0], &x[0].slice(&[0, 0], [2, 1])], 1)));
    found.extend(faults("move: broadcast", from_ref(&x), |_, x| x[0].broadcast_to([5, 2, 3])));
    found.extend(faults("move: stop_gradient", from_ref(&x), |_, x| x[0].stop_gradient()));
    found.extend(faults("move: iota", from_ref(&x), |r, _| r.iota([3, 1, 7], 2)));
    found.extend(faults("move: constant", from_ref(&x), |r, _| r.constant(normal(3, &[13]))));
    let index = Array::u32([5], [1, 0, 1, 1, 0]).expect("five");
    found.extend(faults("move: gather", &[x, index], |_, x| x[0].gather(&x[1])));
    found.extend(faults("move: gather nothing", &[normal(1, &[3, 2]), Array::u32([0], []).expect("none")], |_, x| {
        x[0].gather(&x[1])
    }));
    for dtype in
        [Data::U32(vec![0, 1, u32::MAX]), Data::I32(vec![0, -1, i32::MIN]), Data::Bool(vec![true, false, true])]
    {
        let x = Array::new([3], dtype).expect("three");
        found.extend(faults("move: other dtypes", &[x], |_, x| {
            concat(&[&x[0], &x[0].broadcast_to([2, 3]).reshape([6])], 0)
        }));
    }
    none(found);
}

#[test]
fn sums_by_index() {
    let mut found = Vec::new();
    for (count, width, size) in [(1, 1, 1), (5, 3, 2), (1009, 2, 7), (64, 1, 100), (0, 2, 3)] {
        let index: Vec<u32> = (0..count).map(|i| (i * i + 3 * i) as u32 % size as u32).collect();
        let index = Array::u32([count], index).expect("as many");
        let updates = normal(4, &[count, width]);
        found.extend(faults("scatter_add", &[updates, index], |_, x| x[0].scatter_add(&x[1], size)));
    }
    let index = Array::u32([6], [0, 1, 1, 2, 3, 3]).expect("six");
    let updates = row(&[1e-40, INF, 1.0, f32::NAN, 3e38, 3e38]);
    found.extend(faults("scatter_add special", &[updates, index.clone()], |_, x| x[0].scatter_add(&x[1], 5)));
    let words = Array::u32([6], [1, u32::MAX, 7, 3, 1 << 31, 1 << 31]).expect("six");
    found.extend(faults("scatter_add u32", &[words, index], |_, x| x[0].scatter_add(&x[1], 5)));
    print_ratios("scatter_add");
    none(found);
}

#[test]
fn products() {
    let mut found = Vec::new();
    let sizes = [
        (1, 1, 1),
        (0, 3, 2),
        (2, 3, 0),
        (5, 7, 3),
        (1, 101, 1),
        (13, 17, 19),
        (64, 64, 64),
        (67, 31, 37),
        (33, 5, 8),
        (8, 700, 8),
        (2, 3001, 5),
        (200, 16, 1),
    ];
    for (m, k, n) in sizes {
        for transposed in [[false, false], [true, false], [false, true], [true, true]] {
            let a = normal(21, &if transposed[0] { [k, m] } else { [m, k] });
            let b = normal(22, &if transposed[1] { [n, k] } else { [k, n] });
            let op = Op::MatMul { transpose_a: transposed[0], transpose_b: transposed[1] };
            found.extend(faults("matmul", &[a, b], |r, x| r.op(op.clone(), &[&x[0], &x[1]])));
        }
        let (a, b) = (normal(23, &[3, m, k]), normal(24, &[3, k, n]));
        found.extend(faults("matmul batch", &[a.clone(), b.clone()], |_, x| x[0].matmul(&x[1])));
        // Positive terms: a relative bound.
        found.extend(faults("matmul of squares", &[a, b], |_, x| x[0].square().matmul(&x[1].square())));
    }
    let a = Array::f32(
        [6, 3],
        [1.0, 2.0, 3.0, INF, 1.0, 1.0, 1.0, f32::NAN, 0.0, 0.0, 0.0, 0.0, 3e38, 3e38, 1.0, 1e-40, 1e-30, 1.0],
    )
    .expect("eighteen");
    let b = Array::f32([3, 5], [1.0, 0.0, -1.0, 2.0, 1e-30, 1.0, 1.0, INF, 2.0, 1e-12, 0.5, 1.0, 1.0, f32::NAN, 1e-9]);
    let b = b.expect("fifteen");
    found.extend(faults("matmul special", &[a, b], |_, x| x[0].matmul(&x[1])));
    print_ratios("matmul");
    none(found);
}

/// A product over an inner size of 0 is zero.
#[test]
fn products_over_no_terms() {
    let mut found = Vec::new();
    for n in [2, 8] {
        found.extend(faults("matmul of nothing", &[normal(1, &[3, 0]), normal(2, &[0, n])], |_, x| x[0].matmul(&x[1])));
    }
    none(found);
}

#[test]
fn random_words() {
    let mut found = Vec::new();
    let key = Array::u32([2], [u32::MAX, 0]).expect("two");
    let counter = Array::u32([2], [u32::MAX, 7]).expect("two");
    for shape in [&[0][..], &[1], &[5], &[3, 7], &[1009]] {
        let arguments = [key.clone(), counter.clone()];
        found.extend(faults("random bits", &arguments, |r, x| r.random_bits(shape.to_vec(), &x[0], &x[1])));
        found.extend(faults("random uniform", &arguments, |r, x| {
            r.random_bits(shape.to_vec(), &x[0], &x[1]).uniform_from_bits()
        }));
        found.extend(faults("random normal", &arguments, |r, x| {
            let bits = r.random_bits([&[2], shape].concat(), &x[0], &x[1]);
            let half = |i| bits.slice_axis(0, i, 1).reshape(shape.to_vec());
            half(0).normal_from_bits(&half(1))
        }));
    }
    print_ratios("random");
    none(found);
}
