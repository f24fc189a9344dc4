//! Local simplifications while recording: movement that moves nothing, slices of joins, constants inside maps, products with an
//! inner size of one. Each keeps the value bit for bit, or (outer products) computes the same single product.

use super::builder::Builder;
use crate::expr::{Const, Dag, Id, Real};
use crate::ops::emit::{emit_map, mul, reshape, zeros};
use crate::ops::{Emit, Op, Reduction, Spec, ValueId};
use crate::tensor::Data;

/// A value that equals `op(inputs)` and needs no node of its own, if a rule finds one.
pub(super) fn simplify(b: &mut Builder, op: &Op, inputs: &[ValueId], spec: &Spec) -> Option<ValueId> {
    match op {
        Op::Reshape { .. } | Op::Broadcast { .. } | Op::Slice { .. } | Op::Pad { .. } if b.spec(inputs[0]) == spec => {
            Some(inputs[0])
        }
        Op::Permute { axes } if axes.is_sorted() => Some(inputs[0]),
        Op::Concat { .. } if inputs.len() == 1 => Some(inputs[0]),
        Op::Reduce { axes, .. } if axes.is_empty() => Some(inputs[0]),
        // Along axes of size one there is nothing to reduce.
        Op::Reduce { reduction, axes } if *reduction != Reduction::ArgMax => {
            let single = axes.iter().all(|&a| b.spec(inputs[0]).shape[a] == 1);
            single.then(|| reshape(b, inputs[0], spec.shape.clone()))
        }
        Op::Reshape { shape } => {
            let Some(Op::Reshape { .. }) = b.op(inputs[0]) else { return None };
            let source = b.node(inputs[0]).inputs[0];
            Some(reshape(b, source, shape.clone()))
        }
        Op::Permute { axes } => {
            let Some(Op::Permute { axes: first }) = b.op(inputs[0]) else { return None };
            let axes = axes.iter().map(|&a| first[a]).collect();
            let source = b.node(inputs[0]).inputs[0];
            Some(b.emit(Op::Permute { axes }, &[source]))
        }
        Op::Slice { start, .. } => slice_of_join(b, start, inputs[0], spec),
        Op::Map(dag) => map_of_constants(b, dag, inputs),
        Op::MatMul { transpose_a, .. } => outer_product(b, *transpose_a, inputs, spec),
        _ => None,
    }
}

/// A slice that takes exactly one operand of a join is that operand.
fn slice_of_join(b: &mut Builder, start: &[usize], input: ValueId, spec: &Spec) -> Option<ValueId> {
    let Some(Op::Concat { axis }) = b.op(input) else { return None };
    let axis = *axis;
    let mut at = 0;
    for &part in &b.node(input).inputs {
        let shape = &b.spec(part).shape;
        if at == start[axis] && *shape == spec.shape {
            return Some(part);
        }
        at += shape[axis];
    }
    None
}

/// The one element of a repeated (or plain) scalar constant.
fn scalar_constant(b: &Builder, value: ValueId) -> Option<Const> {
    let source = match b.op(value)? {
        Op::Broadcast { axes, .. } if axes.is_empty() => b.node(value).inputs[0],
        _ => value,
    };
    let Op::Constant(array) = b.op(source)? else { return None };
    if array.shape().rank() != 0 {
        return None;
    }
    Some(match array.data() {
        Data::F32(v) => Const::F32(Real::new(f64::from(v[0]))),
        Data::U32(v) => Const::U32(v[0]),
        Data::I32(v) => Const::I32(v[0]),
        Data::Bool(v) => Const::Bool(v[0]),
    })
}

/// Scalar constants move into the function, where they can be folded.
fn map_of_constants(b: &mut Builder, dag: &Dag, inputs: &[ValueId]) -> Option<ValueId> {
    let constants: Vec<Option<Const>> = inputs.iter().map(|&v| scalar_constant(b, v)).collect();
    // With every operand constant one of them must stay, to carry the shape.
    if constants.iter().all(Option::is_none) || constants.iter().all(Option::is_some) {
        return None;
    }
    let mut folded = Dag::new();
    let mut rest = Vec::new();
    let args: Vec<Id> = dag
        .inputs()
        .iter()
        .zip(&constants)
        .zip(inputs)
        .map(|((&ty, constant), &value)| match constant {
            Some(c) => folded.literal(*c),
            None => {
                rest.push(value);
                folded.input(ty)
            }
        })
        .collect();
    let output = folded.inline(dag, &args).ok()?[0];
    folded.output(output);
    Some(emit_map(b, &folded, &rest))
}

/// `[.., m, 1] x [.., 1, n]` is a product of repeated elements, which fuses with its neighbours; an inner size of 0 gives zeros.
fn outer_product(b: &mut Builder, ta: bool, inputs: &[ValueId], spec: &Spec) -> Option<ValueId> {
    let a = b.spec(inputs[0]).shape.clone();
    let rank = a.rank();
    let inner = if ta { a[rank - 2] } else { a[rank - 1] };
    // A sum of no products is zero.
    if inner == 0 {
        return Some(zeros(b, spec));
    }
    if inner != 1 {
        return None;
    }
    let lead: Vec<usize> = spec.shape[..rank - 2].to_vec();
    let batch: Vec<usize> = (0..rank - 2).collect();
    let mut repeat = |value, axis: usize| {
        let flat = reshape(b, value, [&lead[..], &[spec.shape[axis]]].concat());
        b.emit(Op::Broadcast { shape: spec.shape.clone(), axes: [&batch[..], &[axis]].concat() }, &[flat])
    };
    let (left, right) = (repeat(inputs[0], rank - 2), repeat(inputs[1], rank - 1));
    Some(mul(b, left, right))
}
