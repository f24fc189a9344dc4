//! Batching rules: an op on operands some of which have one more leading axis. A change of layout, not a second set of kernels.

use super::emit::*;
use super::op::Op;

/// A value inside `vmap`: with or without the batch axis in front.
#[derive(Debug, Clone, Copy)]
pub struct Lane {
    /// The value.
    pub value: ValueId,
    /// True when its axis 0 is the batch.
    pub batched: bool,
}

/// Puts the batch axis in front of a value that lacks it, as a broadcast.
pub fn batched(e: &mut dyn Emit, lane: Lane, size: usize) -> ValueId {
    if lane.batched {
        return lane.value;
    }
    let spec = e.spec(lane.value).clone();
    let axes = (1..=spec.shape.rank()).collect();
    e.emit(Op::Broadcast { shape: spec.shape.with_leading(size), axes }, &[lane.value])
}

/// `op` on `inputs`, the batch having `size` lanes.
pub fn vmap(e: &mut dyn Emit, op: &Op, inputs: &[Lane], size: usize) -> Lane {
    if !inputs.iter().any(|l| l.batched) {
        let values: Vec<ValueId> = inputs.iter().map(|l| l.value).collect();
        return Lane { value: e.emit(op.clone(), &values), batched: false };
    }
    let up = |axes: &[usize]| axes.iter().map(|a| a + 1).collect::<Vec<_>>();
    let front = |at: usize, axes: &[usize]| [&[at], axes].concat();
    let lifted = match op {
        Op::MatMul { transpose_a, transpose_b } => {
            return Lane { value: vmap_matmul(e, *transpose_a, *transpose_b, inputs, size), batched: true };
        }
        Op::Gather { batch: 0 } if !inputs[0].batched => {
            return Lane { value: vmap_shared_gather(e, inputs), batched: true };
        }
        Op::Reduce { reduction, axes } => Op::Reduce { reduction: *reduction, axes: up(axes) },
        Op::Broadcast { shape, axes } => Op::Broadcast { shape: shape.with_leading(size), axes: front(0, &up(axes)) },
        Op::Reshape { shape } => Op::Reshape { shape: shape.with_leading(size) },
        Op::Permute { axes } => Op::Permute { axes: front(0, &up(axes)) },
        Op::Slice { start, shape } => Op::Slice { start: front(0, start), shape: shape.with_leading(size) },
        Op::Pad { before, shape, value } => {
            Op::Pad { before: front(0, before), shape: shape.with_leading(size), value: *value }
        }
        Op::Concat { axis } => Op::Concat { axis: axis + 1 },
        Op::Gather { batch } => Op::Gather { batch: batch + 1 },
        Op::ScatterAdd { batch, size } => Op::ScatterAdd { batch: batch + 1, size: *size },
        Op::Map(_) | Op::RandomBits { .. } | Op::StopGradient => op.clone(),
        Op::Input { .. } | Op::Constant(_) | Op::Iota { .. } => op.clone(),
    };
    let values: Vec<ValueId> = inputs.iter().map(|&l| batched(e, l, size)).collect();
    Lane { value: e.emit(lifted, &values), batched: true }
}

/// Rows of a matrix that all lanes share: the lanes' rows are stacked into one product. Otherwise a batched product.
fn vmap_matmul(e: &mut dyn Emit, transpose_a: bool, transpose_b: bool, inputs: &[Lane], size: usize) -> ValueId {
    let shape_a = e.spec(inputs[0].value).shape.to_vec();
    let op = Op::MatMul { transpose_a, transpose_b };
    if inputs[0].batched && !inputs[1].batched && !transpose_a && shape_a.len() == 3 {
        let (m, k) = (shape_a[1], shape_a[2]);
        let rows = reshape(e, inputs[0].value, [size * m, k]);
        let product = e.emit(op, &[rows, inputs[1].value]);
        let n = e.spec(product).shape[1];
        return reshape(e, product, [size, m, n]);
    }
    let a = batched(e, inputs[0], size);
    let b = batched(e, inputs[1], size);
    e.emit(op, &[a, b])
}

/// Rows of one shared table by every lane's own indices: one gather by all indices.
fn vmap_shared_gather(e: &mut dyn Emit, inputs: &[Lane]) -> ValueId {
    let index = e.spec(inputs[1].value).shape.to_vec();
    let flat = reshape(e, inputs[1].value, [index[0] * index[1]]);
    let rows = e.emit(Op::Gather { batch: 0 }, &[inputs[0].value, flat]);
    let rest = e.spec(inputs[0].value).shape[1..].to_vec();
    reshape(e, rows, [index, rest].concat())
}
