//! Variables of a recording and what can be done with them. Shapes broadcast as in numpy; an op that does not fit ends the
//! recording with an error that names the caller's line.

use super::recorder::Recorder;
use crate::error::Result;
use crate::expr::{Binary, Dag, Id, Unary};
use crate::ops::emit::{expand, map, reshape, slice_axis};
use crate::ops::{Emit, Op, Reduction, Spec, ValueId, scalar_type};
use crate::tensor::{DType, Shape};

/// A value of a recording.
#[derive(Debug, Clone)]
pub struct Var {
    pub(super) recorder: Recorder,
    pub(super) id: ValueId,
}

impl Var {
    /// Shape and dtype.
    pub fn spec(&self) -> Spec {
        self.recorder.0.borrow().spec(self.id).clone()
    }

    /// Shape.
    pub fn shape(&self) -> Shape {
        self.spec().shape
    }

    /// The recording that this variable belongs to.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    fn op(&self, op: Op) -> Var {
        let id = self.recorder.0.borrow_mut().emit(op, &[self.id]);
        self.recorder.var(id)
    }

    /// A scalar function of this variable and `others`, elementwise; shapes broadcast.
    #[track_caller]
    pub fn map_with(&self, others: &[&Var], build: impl FnOnce(&mut Dag, &[Id]) -> Result<Id>) -> Var {
        self.recorder.at_caller();
        let mut ids = vec![self.id];
        ids.extend(others.iter().map(|v| self.recorder.id_of(v)));
        let mut b = self.recorder.0.borrow_mut();
        let ids = broadcast_together(&mut *b, &ids);
        let id = map(&mut *b, &ids, build);
        drop(b);
        self.recorder.var(id)
    }

    /// Applies a one-output [`Dag`] whose inputs are `self` and `others`; shapes broadcast.
    #[track_caller]
    pub fn map_dag(&self, others: &[&Var], dag: &Dag) -> Var {
        self.map_with(others, |target, args| Ok(target.inline(dag, args)?[0]))
    }

    #[track_caller]
    pub(super) fn unary(&self, op: Unary) -> Var {
        self.map_with(&[], |dag, x| dag.unary(op, x[0]))
    }

    #[track_caller]
    pub(super) fn binary(&self, op: Binary, other: &Var) -> Var {
        self.map_with(&[other], |dag, x| dag.binary(op, x[0], x[1]))
    }

    #[track_caller]
    pub(super) fn with_number(&self, op: Binary, number: f64, number_first: bool) -> Var {
        self.map_with(&[], |dag, x| {
            let c = dag.f32(number);
            if number_first { dag.binary(op, c, x[0]) } else { dag.binary(op, x[0], c) }
        })
    }

    /// The same elements under `shape`.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Var {
        self.recorder.at_caller();
        self.op(Op::Reshape { shape: shape.into() })
    }

    /// Axis `i` of the result is axis `axes[i]` of this.
    #[track_caller]
    pub fn permute(&self, axes: &[usize]) -> Var {
        self.recorder.at_caller();
        self.op(Op::Permute { axes: axes.to_vec() })
    }

    /// The last two axes exchanged.
    #[track_caller]
    pub fn transpose(&self) -> Var {
        let rank = self.shape().rank();
        let mut axes: Vec<usize> = (0..rank).collect();
        if rank >= 2 {
            axes.swap(rank - 2, rank - 1);
        }
        self.permute(&axes)
    }

    /// The box of `shape` that begins at `start`.
    #[track_caller]
    pub fn slice(&self, start: &[usize], shape: impl Into<Shape>) -> Var {
        self.recorder.at_caller();
        self.op(Op::Slice { start: start.to_vec(), shape: shape.into() })
    }

    /// Elements `[start, start + size)` along `axis`.
    #[track_caller]
    pub fn slice_axis(&self, axis: usize, start: usize, size: usize) -> Var {
        self.recorder.at_caller();
        let mut b = self.recorder.0.borrow_mut();
        let id = if axis < b.spec(self.id).shape.rank() {
            slice_axis(&mut *b, self.id, axis, start, size)
        } else {
            let problem = format!("axis {axis} of shape {} does not exist", b.spec(self.id).shape);
            b.reject("slice", problem)
        };
        drop(b);
        self.recorder.var(id)
    }

    /// Surrounded by `value` to `shape`, `before` elements in front along each axis.
    #[track_caller]
    pub fn pad(&self, before: &[usize], shape: impl Into<Shape>, value: f32) -> Var {
        self.recorder.at_caller();
        let value = if self.spec().dtype == DType::F32 { value.to_bits() } else { value as i32 as u32 };
        self.op(Op::Pad { before: before.to_vec(), shape: shape.into(), value })
    }

    /// Repeated to `shape` by numpy's rule: axes are matched from the last, sizes of 1 repeat.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Var {
        self.recorder.at_caller();
        let id = broadcast_to(&mut *self.recorder.0.borrow_mut(), self.id, &shape.into());
        self.recorder.var(id)
    }

    #[track_caller]
    fn reduce(&self, reduction: Reduction, axes: &[usize]) -> Var {
        self.recorder.at_caller();
        let mut axes = axes.to_vec();
        axes.sort_unstable();
        self.op(Op::Reduce { reduction, axes })
    }

    /// Sum over `axes`, which disappear.
    #[track_caller]
    pub fn sum(&self, axes: &[usize]) -> Var {
        self.reduce(Reduction::Sum, axes)
    }

    /// Sum of all elements, a scalar.
    #[track_caller]
    pub fn sum_all(&self) -> Var {
        self.sum(&(0..self.shape().rank()).collect::<Vec<_>>())
    }

    /// Mean over `axes`, which disappear.
    #[track_caller]
    pub fn mean(&self, axes: &[usize]) -> Var {
        let shape = self.shape();
        let count: usize = axes.iter().map(|&a| shape.get(a).copied().unwrap_or(1)).product();
        let total = self.sum(axes);
        total.with_number(Binary::Mul, 1.0 / count as f64, false)
    }

    /// Mean of all elements, a scalar.
    #[track_caller]
    pub fn mean_all(&self) -> Var {
        self.mean(&(0..self.shape().rank()).collect::<Vec<_>>())
    }

    /// Largest element over `axes`, which disappear.
    #[track_caller]
    pub fn max(&self, axes: &[usize]) -> Var {
        self.reduce(Reduction::Max, axes)
    }

    /// Smallest element over `axes`, which disappear.
    #[track_caller]
    pub fn min(&self, axes: &[usize]) -> Var {
        self.reduce(Reduction::Min, axes)
    }

    /// Index (u32) of the first largest element along `axis`, which disappears.
    #[track_caller]
    pub fn argmax(&self, axis: usize) -> Var {
        self.reduce(Reduction::ArgMax, &[axis])
    }

    /// Matrix product over the last two axes. `[.., m, k] x [k, n]` and equal leading axes are taken; a shared second matrix
    /// makes one product of all rows.
    #[track_caller]
    pub fn matmul(&self, other: &Var) -> Var {
        self.recorder.at_caller();
        let right = self.recorder.id_of(other);
        let (a, b) = (self.shape(), other.shape());
        let mut builder = self.recorder.0.borrow_mut();
        let op = Op::MatMul { transpose_a: false, transpose_b: false };
        let id = if a.rank() > 2 && b.rank() == 2 {
            let rows = a.elements() / a[a.rank() - 1].max(1);
            let flat = reshape(&mut *builder, self.id, [rows, a[a.rank() - 1]]);
            let product = builder.emit(op, &[flat, right]);
            let mut shape = a.to_vec();
            shape[a.rank() - 1] = b[1];
            reshape(&mut *builder, product, shape)
        } else {
            builder.emit(op, &[self.id, right])
        };
        drop(builder);
        self.recorder.var(id)
    }

    /// Rows of this by `index` (u32): `[n, rest..], [k] -> [k, rest..]`.
    #[track_caller]
    pub fn gather(&self, index: &Var) -> Var {
        self.recorder.op(Op::Gather { batch: 0 }, &[self, index])
    }

    /// Rows of this added into `size` rows by `index` (u32): `[k, rest..], [k] -> [size, rest..]`.
    #[track_caller]
    pub fn scatter_add(&self, index: &Var, size: usize) -> Var {
        self.recorder.op(Op::ScatterAdd { batch: 0, size }, &[self, index])
    }

    /// This value, through which no derivative passes.
    #[track_caller]
    pub fn stop_gradient(&self) -> Var {
        self.recorder.at_caller();
        self.op(Op::StopGradient)
    }

    /// Converted to another dtype (floats to integers by truncation, to bool by `!= 0`).
    #[track_caller]
    pub fn cast(&self, dtype: DType) -> Var {
        self.map_with(&[], |dag, x| Ok(dag.cast(scalar_type(dtype), x[0])))
    }
}

/// Joins variables along `axis`.
#[track_caller]
pub fn concat(parts: &[&Var], axis: usize) -> Var {
    let first = parts.first().expect("concat takes at least one variable: a caller's literal list");
    first.recorder.op(Op::Concat { axis }, parts)
}

/// Brings values to their common shape by numpy's rule.
fn broadcast_together(b: &mut dyn Emit, ids: &[ValueId]) -> Vec<ValueId> {
    let shapes: Vec<Shape> = ids.iter().map(|&v| b.spec(v).shape.clone()).collect();
    let rank = shapes.iter().map(Shape::rank).max().unwrap_or(0);
    let mut common = vec![1; rank];
    for shape in &shapes {
        for (axis, &size) in shape.iter().rev().enumerate() {
            let slot = &mut common[rank - 1 - axis];
            if *slot == 1 {
                *slot = size;
            }
        }
    }
    let common = Shape::new(common);
    ids.iter().map(|&v| broadcast_to(b, v, &common)).collect()
}

fn broadcast_to(b: &mut dyn Emit, value: ValueId, shape: &Shape) -> ValueId {
    let from = b.spec(value).shape.clone();
    if from == *shape {
        return value;
    }
    let shift = shape.rank().wrapping_sub(from.rank());
    let fits = from.rank() <= shape.rank() && (0..from.rank()).all(|a| from[a] == 1 || from[a] == shape[a + shift]);
    if !fits {
        return b.reject("broadcast", format!("shape {from} does not broadcast to {shape}"));
    }
    // Axes of size 1 that repeat are dropped first: a broadcast only adds axes.
    let kept: Vec<usize> = (0..from.rank()).filter(|&a| from[a] == shape[a + shift]).collect();
    let sizes: Vec<usize> = kept.iter().map(|&a| from[a]).collect();
    let squeezed = reshape(b, value, sizes);
    let targets: Vec<usize> = kept.iter().map(|a| a + shift).collect();
    let new_axes: Vec<usize> = (0..shape.rank()).filter(|a| !targets.contains(a)).collect();
    expand(b, squeezed, shape, &new_axes)
}
