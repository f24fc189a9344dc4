//! How derivative and batching rules write: they emit ops into whatever records them.

use super::infer::Spec;
use super::op::{Op, Reduction};
use crate::expr::{Binary, Dag, Id, Type};
use crate::tensor::{Array, DType, Data, Shape};
use std::sync::Arc;

/// A value of a recorded program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub(crate) u32);

impl ValueId {
    /// Position of the value among the values of its program.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Something that records ops. A recorder keeps the first op that does not fit and reports it when recording ends, so that
/// rules can be written as plain mathematics.
pub trait Emit {
    /// Records `op` on `inputs` and gives its result.
    fn emit(&mut self, op: Op, inputs: &[ValueId]) -> ValueId;
    /// Spec of a value.
    fn spec(&self, value: ValueId) -> &Spec;
    /// Records that something could not be expressed.
    fn reject(&mut self, op: &'static str, problem: String) -> ValueId;
}

/// Builds a one-output scalar function of inputs of types `types` and emits it as a map.
pub fn map(
    e: &mut dyn Emit,
    inputs: &[ValueId],
    build: impl FnOnce(&mut Dag, &[Id]) -> crate::error::Result<Id>,
) -> ValueId {
    let mut dag = Dag::new();
    let args: Vec<Id> = inputs.iter().map(|&v| dag.input(super::scalar_type(e.spec(v).dtype))).collect();
    match build(&mut dag, &args) {
        Ok(output) => {
            dag.output(output);
            emit_map(e, &dag, inputs)
        }
        Err(error) => e.reject("map", error.to_string()),
    }
}

/// Emits a one-output function of `inputs` without its unused inputs; the identity and a constant emit no map.
pub fn emit_map(e: &mut dyn Emit, dag: &Dag, inputs: &[ValueId]) -> ValueId {
    let (pruned, kept) = dag.pruned();
    let used: Vec<ValueId> = kept.iter().map(|&i| inputs[i]).collect();
    match pruned.node(pruned.outputs()[0]) {
        crate::expr::Node::Input(0) => used[0],
        crate::expr::Node::Const(c) => {
            let shape = e.spec(inputs[0]).shape.clone();
            let data = match *c {
                crate::expr::Const::F32(v) => Data::F32(vec![v.get() as f32]),
                crate::expr::Const::I32(v) => Data::I32(vec![v]),
                crate::expr::Const::U32(v) => Data::U32(vec![v]),
                crate::expr::Const::Bool(v) => Data::Bool(vec![v]),
            };
            fill(e, data, shape)
        }
        _ => e.emit(Op::Map(Arc::new(pruned)), &used),
    }
}

/// An array of `shape` whose elements are all the one element of `data`.
pub fn fill(e: &mut dyn Emit, data: Data, shape: Shape) -> ValueId {
    match Array::new(Shape::scalar(), data) {
        Ok(array) => {
            let scalar = e.emit(Op::Constant(Arc::new(array)), &[]);
            if shape.rank() == 0 { scalar } else { e.emit(Op::Broadcast { shape, axes: vec![] }, &[scalar]) }
        }
        Err(error) => e.reject("constant", error.to_string()),
    }
}

/// Zeros of the spec.
pub fn zeros(e: &mut dyn Emit, spec: &Spec) -> ValueId {
    let data = match spec.dtype {
        DType::F32 => Data::F32(vec![0.0]),
        DType::U32 => Data::U32(vec![0]),
        DType::I32 => Data::I32(vec![0]),
        DType::Bool => Data::Bool(vec![false]),
    };
    fill(e, data, spec.shape.clone())
}

/// `a op b`, elementwise, of one shape.
pub fn binary(e: &mut dyn Emit, op: Binary, a: ValueId, b: ValueId) -> ValueId {
    map(e, &[a, b], |dag, x| dag.binary(op, x[0], x[1]))
}

/// `a + b`.
pub fn add(e: &mut dyn Emit, a: ValueId, b: ValueId) -> ValueId {
    binary(e, Binary::Add, a, b)
}

/// `a * b`.
pub fn mul(e: &mut dyn Emit, a: ValueId, b: ValueId) -> ValueId {
    binary(e, Binary::Mul, a, b)
}

/// `factor * a`.
pub fn scale(e: &mut dyn Emit, factor: f64, a: ValueId) -> ValueId {
    map(e, &[a], |dag, x| {
        let c = dag.f32(factor);
        dag.binary(Binary::Mul, c, x[0])
    })
}

/// The sum over `axes`; nothing for no axes.
pub fn sum(e: &mut dyn Emit, a: ValueId, axes: Vec<usize>) -> ValueId {
    if axes.is_empty() { a } else { e.emit(Op::Reduce { reduction: Reduction::Sum, axes }, &[a]) }
}

/// The axes of a result of `rank` that are not in `axes`.
pub fn other_axes(rank: usize, axes: &[usize]) -> Vec<usize> {
    (0..rank).filter(|a| !axes.contains(a)).collect()
}

/// Undoes a reduction over `axes`: repeats `a` along them so that it gets `shape`.
pub fn expand(e: &mut dyn Emit, a: ValueId, shape: &Shape, axes: &[usize]) -> ValueId {
    if axes.is_empty() {
        return a;
    }
    e.emit(Op::Broadcast { shape: shape.clone(), axes: other_axes(shape.rank(), axes) }, &[a])
}

/// The same elements under `shape`; nothing when it has it already.
pub fn reshape(e: &mut dyn Emit, a: ValueId, shape: impl Into<Shape>) -> ValueId {
    let shape = shape.into();
    if e.spec(a).shape == shape { a } else { e.emit(Op::Reshape { shape }, &[a]) }
}

/// The elements `[start, start + size)` along `axis`.
pub fn slice_axis(e: &mut dyn Emit, a: ValueId, axis: usize, start: usize, size: usize) -> ValueId {
    let mut shape = e.spec(a).shape.to_vec();
    let mut begin = vec![0; shape.len()];
    begin[axis] = start;
    shape[axis] = size;
    e.emit(Op::Slice { start: begin, shape: shape.into() }, &[a])
}

/// True where an element is a float.
pub fn is_float(e: &dyn Emit, value: ValueId) -> bool {
    super::scalar_type(e.spec(value).dtype) == Type::F32
}
