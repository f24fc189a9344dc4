//! Reverse mode: appends the cotangents of earlier values to the same recording, so that it nests to any order.

use super::builder::{Action, Builder};
use crate::ops::emit::{add, zeros};
use crate::ops::{Cotangent, Emit, Op, Spec, ValueId, vjp};
use crate::tensor::DType;

/// The cotangents of `wrt` when each `(value, cotangent)` of `seeds` is given; none where no seed depends on it.
pub(super) fn reverse(b: &mut Builder, seeds: &[(ValueId, ValueId)], wrt: &[ValueId]) -> Vec<Option<ValueId>> {
    let end = seeds.iter().map(|(v, _)| v.index() + 1).max().unwrap_or(0);
    let active = dependents(b, wrt, end);
    let mut pending: Vec<Vec<Cotangent>> = vec![Vec::new(); end];
    for &(value, cotangent) in seeds {
        pending[value.index()].push(Cotangent::Whole(cotangent));
    }
    let mut found: Vec<Option<ValueId>> = vec![None; wrt.len()];
    for index in (0..end).rev() {
        let parts = std::mem::take(&mut pending[index]);
        if !active[index] || parts.is_empty() {
            continue;
        }
        let value = ValueId(index as u32);
        let g = accumulate(b, parts, &b.spec(value).clone());
        for (slot, _) in found.iter_mut().zip(wrt).filter(|(_, w)| **w == value) {
            *slot = Some(g);
        }
        let node = b.node(value).clone();
        let wanted: Vec<bool> = node.inputs.iter().map(|i| active[i.index()]).collect();
        let cotangents = match &node.action {
            Action::Op(op) => vjp(b, op, &node.inputs, value, g, &wanted),
            Action::Custom(custom) => custom.vjp(b, &node.inputs, g),
        };
        for ((input, cotangent), wanted) in node.inputs.iter().zip(cotangents).zip(wanted) {
            if let Some(c) = cotangent.filter(|_| wanted) {
                pending[input.index()].push(c);
            }
        }
    }
    found
}

/// Marks the float values below `end` that depend on one of `wrt`.
fn dependents(b: &Builder, wrt: &[ValueId], end: usize) -> Vec<bool> {
    let mut active = vec![false; end];
    for index in 0..end {
        let node = &b.nodes[index];
        let stopped = matches!(node.action, Action::Op(Op::StopGradient));
        let reached = !stopped && node.inputs.iter().any(|i| active[i.index()]);
        let asked = wrt.iter().any(|w| w.index() == index);
        active[index] = node.spec.dtype == DType::F32 && (reached || asked);
    }
    active
}

/// The sum of all contributions to one cotangent. Parts that tile the array along one axis are joined, not padded and added.
fn accumulate(b: &mut Builder, contributions: Vec<Cotangent>, spec: &Spec) -> ValueId {
    let mut total: Option<ValueId> = None;
    let mut parts: Vec<(Vec<usize>, ValueId)> = Vec::new();
    for contribution in contributions {
        match contribution {
            Cotangent::Whole(v) => total = Some(total.map_or(v, |t| add(b, t, v))),
            Cotangent::Part { start, value } => {
                let same = |p: &&mut (Vec<usize>, ValueId)| {
                    p.0 == start && b.nodes[p.1.index()].spec == b.nodes[value.index()].spec
                };
                match parts.iter_mut().find(same) {
                    Some(part) => part.1 = add(b, part.1, value),
                    None => parts.push((start, value)),
                }
            }
        }
    }
    if !parts.is_empty() {
        let joined = match joining_axis(b, &parts, spec) {
            Some(axis) => join(b, axis, parts, spec),
            None => pad_and_add(b, parts, spec),
        };
        total = Some(total.map_or(joined, |t| add(b, t, joined)));
    }
    total.unwrap_or_else(|| zeros(b, spec))
}

/// The axis along which all parts are disjoint ranges that are whole along the others.
fn joining_axis(b: &Builder, parts: &[(Vec<usize>, ValueId)], spec: &Spec) -> Option<usize> {
    let rank = spec.shape.rank();
    let whole_elsewhere = |axis: usize| {
        parts.iter().all(|(start, v)| {
            let shape = &b.spec(*v).shape;
            (0..rank).all(|a| a == axis || (start[a] == 0 && shape[a] == spec.shape[a]))
        })
    };
    let disjoint = |axis: usize| {
        let mut ranges: Vec<(usize, usize)> =
            parts.iter().map(|(s, v)| (s[axis], s[axis] + b.spec(*v).shape[axis])).collect();
        ranges.sort_unstable();
        ranges.windows(2).all(|w| w[0].1 <= w[1].0)
    };
    (0..rank).find(|&axis| whole_elsewhere(axis) && disjoint(axis))
}

fn join(b: &mut Builder, axis: usize, mut parts: Vec<(Vec<usize>, ValueId)>, spec: &Spec) -> ValueId {
    parts.sort_by_key(|(start, _)| start[axis]);
    let mut pieces = Vec::with_capacity(parts.len());
    let mut at = 0;
    let gap = |b: &mut Builder, from: usize, to: usize| {
        let mut shape = spec.shape.to_vec();
        shape[axis] = to - from;
        zeros(b, &Spec::new(shape, spec.dtype))
    };
    for (start, value) in parts {
        if start[axis] > at {
            pieces.push(gap(b, at, start[axis]));
        }
        at = start[axis] + b.spec(value).shape[axis];
        pieces.push(value);
    }
    if at < spec.shape[axis] {
        pieces.push(gap(b, at, spec.shape[axis]));
    }
    b.emit(Op::Concat { axis }, &pieces)
}

fn pad_and_add(b: &mut Builder, parts: Vec<(Vec<usize>, ValueId)>, spec: &Spec) -> ValueId {
    let padded: Vec<ValueId> = parts
        .into_iter()
        .map(|(before, v)| b.emit(Op::Pad { before, shape: spec.shape.clone(), value: 0 }, &[v]))
        .collect();
    padded[1..].iter().fold(padded[0], |sum, &v| add(b, sum, v))
}
