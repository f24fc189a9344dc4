//! A bound on the error of every op: how far a device's f32 result may lie from the f64 reference.
//!
//! `u = 2^-24`, `gamma_n = n u / (1 - n u)`. A sum of `n` terms in any order, of which no term passes through more than `D` additions,
//! errs by at most `gamma_D sum |x|` (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 4.2). Elementwise
//! functions: [`expr::Dag::eval_with_bound`](crate::expr::Dag::eval_with_bound), which also says what is assumed of the device.
//! A bound of an integer is absolute; of a bool 0 (certain) or 1; an infinite bound allows anything. Where the reference is
//! infinite or NaN, a finite bound asks for the same class of result.

use super::op::{Op, Reduction};
use super::reference::{Exact, HostArray, reference};
use crate::error::{Error, Result};
use crate::expr::{Dag, Value, flushed};
use crate::tensor::Shape;

/// Unit roundoff of f32 with room for the rounding of the f64 reference (`n 2^-53` where f32 errs by `n 2^-24`).
const U: f64 = (1.0 + 9.5367431640625e-7) / 16_777_216.0;
const TINY: f64 = f32::MIN_POSITIVE as f64;
const HUGE: f64 = f32::MAX as f64;

/// `n u / (1 - n u)`; infinite where that says nothing.
fn gamma(n: usize) -> f64 {
    let product = n as f64 * U;
    if product < 1.0 { product / (1.0 - product) } else { f64::INFINITY }
}

/// Whether a device's `got` is a correct result: within `bound` of `value`, or of the same class where that is not finite.
pub fn within(got: f64, value: f64, bound: f64) -> bool {
    bound == f64::INFINITY || got == value || (got.is_nan() && value.is_nan()) || (got - value).abs() <= bound
}

/// The bound of each element of `result = reference(op, inputs)` for operands that lie within the given bounds of theirs.
///
/// # Errors
/// Operands that do not fit the op; bounds whose number is not that of their elements.
pub fn bound(op: &Op, inputs: &[(&HostArray, &[f64])], result: &HostArray) -> Result<Vec<f64>> {
    for (array, errors) in inputs {
        if array.shape.elements() != errors.len() {
            let what = format!("bounds of an operand of {}", op.name());
            return Err(Error::argument(what, format!("{} values", array.shape.elements()), errors.len()));
        }
    }
    let n = result.shape.elements();
    match op {
        // Arguments are the caller's; the rest are integers or bits.
        Op::Input { .. } | Op::Constant(_) | Op::Iota { .. } => Ok(vec![0.0; n]),
        Op::RandomBits { .. } => {
            let exact = inputs.iter().all(|(_, errors)| errors.iter().all(|&e| e == 0.0));
            Ok(vec![if exact { 0.0 } else { f64::INFINITY }; n])
        }
        Op::Map(dag) => Ok(map(dag, inputs, n)),
        Op::Pad { before, shape, .. } => {
            // The border is exact.
            moved(&Op::Pad { before: before.clone(), shape: shape.clone(), value: 0 }, inputs)
        }
        Op::Broadcast { .. }
        | Op::Reshape { .. }
        | Op::Permute { .. }
        | Op::Slice { .. }
        | Op::Concat { .. }
        | Op::StopGradient => moved(op, inputs),
        Op::Gather { .. } if uncertain(inputs[1].1) => Ok(vec![f64::INFINITY; n]),
        Op::Gather { .. } => apply(op, &[&errors_of(inputs[0]), inputs[1].0]),
        Op::ScatterAdd { .. } if uncertain(inputs[1].1) => Ok(vec![f64::INFINITY; n]),
        Op::ScatterAdd { .. } => scatter_add(op, inputs, result),
        Op::Reduce { reduction: Reduction::Sum, axes } => sum(op, axes, inputs[0], result),
        Op::Reduce { reduction: Reduction::ArgMax, axes } => Ok(argmax(axes[0], inputs[0])),
        Op::Reduce { axes, .. } => Ok(extremum(axes, inputs[0], result)),
        Op::MatMul { .. } => matmul(op, inputs, result),
    }
}

fn uncertain(errors: &[f64]) -> bool {
    errors.iter().any(|&e| e > 0.0)
}

/// An array with the shape of `like`.
fn array(like: &HostArray, values: Vec<f64>) -> HostArray {
    HostArray { shape: like.shape.clone(), data: Exact::F32(values) }
}

fn errors_of((array_of, errors): (&HostArray, &[f64])) -> HostArray {
    array(array_of, errors.to_vec())
}

/// The reference of a linear op, applied to bounds instead of values. `0 * inf` counts as unbounded.
fn apply(op: &Op, inputs: &[&HostArray]) -> Result<Vec<f64>> {
    let values = reference(op, inputs)?.to_f64();
    Ok(values.into_iter().map(|x| if x.is_nan() { f64::INFINITY } else { x }).collect())
}

/// Movement takes the bounds along.
fn moved(op: &Op, inputs: &[(&HostArray, &[f64])]) -> Result<Vec<f64>> {
    let errors: Vec<HostArray> = inputs.iter().map(|&input| errors_of(input)).collect();
    apply(op, &errors.iter().collect::<Vec<_>>())
}

fn value(array: &HostArray, i: usize) -> Value {
    match &array.data {
        Exact::F32(v) => Value::F32(v[i]),
        Exact::U32(v) => Value::U32(v[i]),
        Exact::I32(v) => Value::I32(v[i]),
        Exact::Bool(v) => Value::Bool(v[i]),
    }
}

fn map(dag: &Dag, inputs: &[(&HostArray, &[f64])], n: usize) -> Vec<f64> {
    let mut evaluator = dag.bound_evaluator();
    let mut args = Vec::with_capacity(inputs.len());
    let mut out = Vec::with_capacity(1);
    let each = (0..n).map(|i| {
        args.clear();
        args.extend(inputs.iter().map(|(a, errors)| (value(a, i), errors[i])));
        evaluator.eval(&args, &mut out);
        out[0].1
    });
    each.collect()
}

/// What goes into a sum: the errors of the terms, with flushed subnormals, and the sizes that a term may have. Infinities and
/// NaNs have no size: they decide the class of the result and no rounding changes them.
fn terms((operand, errors): (&HostArray, &[f64])) -> (HostArray, HostArray) {
    let values = operand.to_f64();
    let finite = |x: f64, e: f64| if x.is_finite() { flushed(x, e) } else { e };
    let errors: Vec<f64> = values.iter().zip(errors).map(|(&x, &e)| finite(x, e)).collect();
    let sizes = values.iter().zip(&errors).map(|(&x, &e)| if x.is_finite() { x.abs() + e } else { 0.0 }).collect();
    (array(operand, errors), array(operand, sizes))
}

/// The bound of one sum of `value`: errors of the terms, rounding of `depth` operations on sizes, underflow of `operations`.
fn summed(value: f64, errors: f64, sizes: f64, depth: usize, operations: usize) -> f64 {
    if errors.is_infinite() || sizes * (1.0 + gamma(depth)) > HUGE {
        return f64::INFINITY;
    }
    if !value.is_finite() {
        return 0.0;
    }
    let underflow = if sizes > 0.0 { operations as f64 * TINY } else { 0.0 };
    errors + gamma(depth) * sizes + underflow
}

/// Integers wrap, so that an uncertain term leaves nothing known.
fn integer_sums(op: &Op, inputs: &[&HostArray]) -> Result<Vec<f64>> {
    let sums = apply(op, inputs)?;
    Ok(sums.into_iter().map(|e| if e > 0.0 { f64::INFINITY } else { 0.0 }).collect())
}

/// Most additions that a term of a sum over `n` neighbours passes through, whichever kernel runs in each pass, by the headers of
/// `shaders/reduce/{rows,columns,rows_group}.wgsl`; never more than `n - 1`.
fn depth(n: usize) -> usize {
    if n <= 1 {
        return 0;
    }
    // Most elements of a part, and the depth of a part of c elements; the parts of a pass are the elements of the next one.
    let pass = |chunk: usize, accumulators: usize, rest: usize| {
        n.min(chunk).div_ceil(accumulators) + rest + depth(n.div_ceil(chunk))
    };
    let (rows, columns, group) = (pass(1024, 8, 8), pass(512, 4, 5), pass(8192, 1024, 10));
    rows.max(columns).max(group).min(n - 1)
}

fn sum(op: &Op, axes: &[usize], input: (&HostArray, &[f64]), result: &HostArray) -> Result<Vec<f64>> {
    if !matches!(result.data, Exact::F32(_)) {
        return integer_sums(op, &[&errors_of(input)]);
    }
    let shape = &input.0.shape;
    let n: usize = axes.iter().map(|&a| shape[a]).product();
    // Neighbouring axes are one; should a program take axes one by one, the depths add up.
    let one_by_one: usize = axes.iter().map(|&a| depth(shape[a])).sum();
    let depth = depth(n).max(one_by_one).min(n.saturating_sub(1));
    let (errors, sizes) = terms(input);
    let (errors, sizes) = (apply(op, &[&errors])?, apply(op, &[&sizes])?);
    let each = result.to_f64().into_iter().zip(errors).zip(sizes);
    Ok(each.map(|((v, e), s)| summed(v, e, s, depth, n)).collect())
}

/// `c` terms of a row are added one after the other: depth `c - 1`, the first addition, to zero, being exact.
fn scatter_add(op: &Op, inputs: &[(&HostArray, &[f64])], result: &HostArray) -> Result<Vec<f64>> {
    let index = inputs[1].0;
    if !matches!(result.data, Exact::F32(_)) {
        return integer_sums(op, &[&errors_of(inputs[0]), index]);
    }
    let (errors, sizes) = terms(inputs[0]);
    let ones = array(inputs[0].0, vec![1.0; inputs[0].1.len()]);
    let (errors, sizes) = (apply(op, &[&errors, index])?, apply(op, &[&sizes, index])?);
    let counts = apply(op, &[&ones, index])?;
    let each = result.to_f64().into_iter().zip(errors).zip(sizes).zip(counts);
    Ok(each.map(|(((v, e), s), c)| summed(v, e, s, (c as usize).saturating_sub(1), c as usize)).collect())
}

/// `|A'B' - AB| <= |A| e_B + e_A |B| + e_A e_B`, and `gamma_k |A||B|` for the rounding of `k` products and their sum in any
/// order: a split sum has fewer than `k` additions on the way of any term too, those to zero being exact.
fn matmul(op: &Op, inputs: &[(&HostArray, &[f64])], result: &HostArray) -> Result<Vec<f64>> {
    let Op::MatMul { transpose_a, .. } = op else { return Err(Error::argument("bound", "a product", op.name())) };
    let rank = inputs[0].0.shape.rank();
    let k = inputs[0].0.shape[if *transpose_a { rank - 2 } else { rank - 1 }];
    let [(ea, sa), (eb, sb)] = [terms(inputs[0]), terms(inputs[1])];
    let plain = |(operand, _): (&HostArray, &[f64])| {
        array(operand, operand.to_f64().into_iter().map(|x| if x.is_finite() { x.abs() } else { 0.0 }).collect())
    };
    let left = apply(op, &[&plain(inputs[0]), &eb])?;
    let right = apply(op, &[&ea, &sb])?;
    let sizes = apply(op, &[&sa, &sb])?;
    // Where infinities and NaNs meet what may be zero, or was rounded, their class is not certain.
    let flags = |e: &HostArray| array(e, e.to_f64().into_iter().map(|e| f64::from(u8::from(e > 0.0))).collect());
    let ones = |e: &HostArray| array(e, vec![1.0; e.shape.elements()]);
    let doubts = [apply(op, &[&flags(&ea), &ones(&eb)])?, apply(op, &[&ones(&ea), &flags(&eb)])?];
    let each = result.to_f64().into_iter().zip(left).zip(right).zip(sizes).enumerate();
    Ok(each
        .map(|(i, (((v, l), r), s))| match v.is_finite() || doubts.iter().all(|d| d[i] == 0.0) {
            // Infinite and NaN terms carry no error of their own.
            true if !v.is_finite() => summed(v, 0.0, s, k, 2 * k),
            true => summed(v, l + r, s, k, 2 * k),
            false => f64::INFINITY,
        })
        .collect())
}

/// Positions of the elements of each group of a reduction, in row-major order.
fn groups(shape: &Shape, axes: &[usize], results: usize) -> Vec<Vec<usize>> {
    let strides = shape.strides();
    let kept: Vec<usize> = (0..shape.rank()).filter(|a| !axes.contains(a)).collect();
    let mut groups = vec![Vec::new(); results];
    for i in 0..shape.elements() {
        let target = kept.iter().fold(0, |at, &a| at * shape[a] + i / strides[a] % shape[a]);
        groups[target].push(i);
    }
    groups
}

/// Max and min are exact; they move by at most the largest error of what may be the extremum.
fn extremum(axes: &[usize], (input, errors): (&HostArray, &[f64]), result: &HostArray) -> Vec<f64> {
    let (values, best) = (input.to_f64(), result.to_f64());
    let each = groups(&input.shape, axes, best.len()).into_iter().zip(best).map(|(group, best)| {
        let most = group.iter().fold(0.0, |m: f64, &i| m.max(errors[i]));
        let decided = !best.is_finite() && group.iter().any(|&i| values[i].to_bits() == best.to_bits());
        // An infinite or NaN extremum stays what it is, unless another element may become NaN.
        if decided && most.is_finite() { 0.0 } else { most }
    });
    each.collect()
}

/// Exact where the first largest element is certain; otherwise any index may come.
fn argmax(axis: usize, (input, errors): (&HostArray, &[f64])) -> Vec<f64> {
    let values = input.to_f64();
    let kept = input.shape.iter().enumerate().filter(|(a, _)| *a != axis).map(|(_, n)| n).product();
    let each = groups(&input.shape, &[axis], kept).into_iter().map(|group| {
        let exact = group.iter().all(|&i| errors[i] == 0.0);
        // NaN wins, and an element without a bound may be NaN.
        if exact {
            return 0.0;
        }
        let best = group.iter().copied().reduce(|a, b| if values[b] > values[a] { b } else { a }).unwrap_or(0);
        let behind = |&i: &usize| values[i] + errors[i] < values[best] - errors[best];
        let apart = group.iter().filter(|&&i| i != best).all(behind) && errors[best].is_finite();
        if apart { 0.0 } else { f64::INFINITY }
    });
    each.collect()
}
