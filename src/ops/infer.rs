//! Shape rules: what each op gives for operands of given shapes and dtypes, or what is wrong with them.

use super::op::{Op, Reduction};
use crate::expr::{Dag, Type};
use crate::tensor::{DType, Shape};

/// Shape and dtype of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spec {
    /// Sizes of the axes.
    pub shape: Shape,
    /// Dtype of the elements.
    pub dtype: DType,
}

impl Spec {
    /// A spec of `shape` and `dtype`.
    pub fn new(shape: impl Into<Shape>, dtype: DType) -> Self {
        Spec { shape: shape.into(), dtype }
    }
}

impl std::fmt::Display for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

/// The scalar type of an element of `dtype`.
pub fn scalar_type(dtype: DType) -> Type {
    match dtype {
        DType::F32 => Type::F32,
        DType::U32 => Type::U32,
        DType::I32 => Type::I32,
        DType::Bool => Type::Bool,
    }
}

/// The dtype of elements of a scalar type.
pub fn element_type(ty: Type) -> DType {
    match ty {
        Type::F32 => DType::F32,
        Type::U32 => DType::U32,
        Type::I32 => DType::I32,
        Type::Bool => DType::Bool,
    }
}

/// The spec of `op`'s result, or a sentence that names what does not fit.
pub fn infer(op: &Op, inputs: &[Spec]) -> Result<Spec, String> {
    let arity = match op {
        Op::Input { .. } | Op::Constant(_) | Op::Iota { .. } => Some(0),
        Op::Map(dag) => Some(dag.inputs().len()),
        Op::Concat { .. } => None,
        Op::Gather { .. } | Op::ScatterAdd { .. } | Op::MatMul { .. } | Op::RandomBits { .. } => Some(2),
        _ => Some(1),
    };
    if arity.is_some_and(|n| n != inputs.len()) {
        return Err(format!("takes {} operands, got {}", arity.unwrap_or(0), inputs.len()));
    }
    match op {
        Op::Input { shape, dtype } => Ok(Spec::new(shape.clone(), *dtype)),
        Op::Constant(array) => Ok(Spec::new(array.shape().clone(), array.dtype())),
        Op::Iota { shape, axis } if *axis < shape.rank() => Ok(Spec::new(shape.clone(), DType::U32)),
        Op::Iota { shape, axis } => Err(format!("axis {axis} of shape {shape} does not exist")),
        Op::Map(dag) => infer_map(dag, inputs),
        Op::Reduce { reduction, axes } => infer_reduce(*reduction, axes, &inputs[0]),
        Op::Broadcast { shape, axes } => infer_broadcast(shape, axes, &inputs[0]),
        Op::Reshape { shape } => {
            if shape.elements() != inputs[0].shape.elements() {
                return Err(format!(
                    "{} has {} elements, {shape} has {}",
                    inputs[0].shape,
                    inputs[0].shape.elements(),
                    shape.elements()
                ));
            }
            Ok(Spec::new(shape.clone(), inputs[0].dtype))
        }
        Op::Permute { axes } => infer_permute(axes, &inputs[0]),
        Op::Slice { start, shape } => {
            infer_box("the slice", start, shape, &inputs[0].shape).map(|()| Spec::new(shape.clone(), inputs[0].dtype))
        }
        Op::Pad { before, shape, .. } => infer_box("the padded input", before, &inputs[0].shape, shape)
            .map(|()| Spec::new(shape.clone(), inputs[0].dtype)),
        Op::Concat { axis } => infer_concat(*axis, inputs),
        Op::Gather { batch } => infer_gather(*batch, &inputs[0], &inputs[1], None),
        Op::ScatterAdd { batch, size } => infer_gather(*batch, &inputs[0], &inputs[1], Some(*size)),
        Op::MatMul { transpose_a, transpose_b } => infer_matmul(*transpose_a, *transpose_b, &inputs[0], &inputs[1]),
        Op::RandomBits { shape } => infer_random(shape, &inputs[0], &inputs[1]),
        Op::StopGradient => Ok(inputs[0].clone()),
    }
}

fn infer_map(dag: &Dag, inputs: &[Spec]) -> Result<Spec, String> {
    if dag.outputs().len() != 1 || inputs.is_empty() {
        return Err("a map has one output and at least one operand".into());
    }
    for (position, (spec, ty)) in inputs.iter().zip(dag.inputs()).enumerate() {
        if scalar_type(spec.dtype) != *ty {
            return Err(format!("operand {position} has dtype {}, the function takes {ty:?}", spec.dtype));
        }
        if spec.shape != inputs[0].shape {
            return Err(format!("shapes {} and {} differ", inputs[0].shape, spec.shape));
        }
    }
    Ok(Spec::new(inputs[0].shape.clone(), element_type(dag.ty(dag.outputs()[0]))))
}

fn infer_reduce(reduction: Reduction, axes: &[usize], input: &Spec) -> Result<Spec, String> {
    let rank = input.shape.rank();
    if !axes.is_sorted_by(|a, b| a < b) || axes.last().is_some_and(|&a| a >= rank) {
        return Err(format!("axes {axes:?} are not ascending axes of shape {}", input.shape));
    }
    if input.dtype == DType::Bool {
        return Err("a bool array has no arithmetic; cast it first".into());
    }
    let empty = axes.iter().any(|&a| input.shape[a] == 0);
    if empty && reduction != Reduction::Sum {
        return Err(format!("shape {}: no element to take the {} of", input.shape, reduction.name()));
    }
    if reduction == Reduction::ArgMax && axes.len() != 1 {
        return Err(format!("argmax takes one axis, got {axes:?}"));
    }
    let kept: Vec<usize> = (0..rank).filter(|a| !axes.contains(a)).map(|a| input.shape[a]).collect();
    Ok(Spec::new(kept, if reduction == Reduction::ArgMax { DType::U32 } else { input.dtype }))
}

fn infer_broadcast(shape: &Shape, axes: &[usize], input: &Spec) -> Result<Spec, String> {
    let fits = axes.len() == input.shape.rank()
        && axes.is_sorted_by(|a, b| a < b)
        && axes.iter().enumerate().all(|(from, &to)| to < shape.rank() && shape[to] == input.shape[from]);
    if !fits {
        return Err(format!("{} does not lie on axes {axes:?} of {shape}", input.shape));
    }
    Ok(Spec::new(shape.clone(), input.dtype))
}

fn infer_permute(axes: &[usize], input: &Spec) -> Result<Spec, String> {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    if sorted != (0..input.shape.rank()).collect::<Vec<_>>() {
        return Err(format!("{axes:?} is no permutation of the axes of {}", input.shape));
    }
    Ok(Spec::new(axes.iter().map(|&a| input.shape[a]).collect::<Vec<_>>(), input.dtype))
}

/// Checks that a box of shape `inner` that begins at `start` lies inside `outer`.
fn infer_box(what: &str, start: &[usize], inner: &Shape, outer: &Shape) -> Result<(), String> {
    let fits = start.len() == outer.rank()
        && inner.rank() == outer.rank()
        && (0..outer.rank()).all(|a| start[a].checked_add(inner[a]).is_some_and(|end| end <= outer[a]));
    if fits { Ok(()) } else { Err(format!("{what} {inner} from {start:?} does not lie inside {outer}")) }
}

fn infer_concat(axis: usize, inputs: &[Spec]) -> Result<Spec, String> {
    let Some(first) = inputs.first() else { return Err("needs at least one operand".into()) };
    if axis >= first.shape.rank() {
        return Err(format!("axis {axis} of shape {} does not exist", first.shape));
    }
    let mut sizes = first.shape.to_vec();
    sizes[axis] = 0;
    for spec in inputs {
        let same = spec.dtype == first.dtype
            && spec.shape.rank() == sizes.len()
            && (0..sizes.len()).all(|a| a == axis || spec.shape[a] == sizes[a]);
        if !same {
            return Err(format!("{first} and {spec} cannot be joined along axis {axis}"));
        }
        sizes[axis] += spec.shape[axis];
    }
    Ok(Spec::new(sizes, first.dtype))
}

/// Gather (`size` none) and scatter-add (`size` rows of the result) share their rule.
fn infer_gather(batch: usize, data: &Spec, index: &Spec, size: Option<usize>) -> Result<Spec, String> {
    if index.dtype != DType::U32 {
        return Err(format!("the index has dtype {}, expected u32", index.dtype));
    }
    if size.is_some() && data.dtype == DType::Bool {
        return Err("a bool array has no arithmetic; cast it first".into());
    }
    let shared = index.shape.rank() == batch + 1
        && data.shape.rank() > batch
        && (0..batch).all(|a| index.shape[a] == data.shape[a]);
    if !shared || (size.is_some() && data.shape[batch] != index.shape[batch]) {
        return Err(format!(
            "data {} and index {} do not fit with {batch} leading axes in common",
            data.shape, index.shape
        ));
    }
    let mut sizes = data.shape.to_vec();
    sizes[batch] = size.unwrap_or(index.shape[batch]);
    Ok(Spec::new(sizes, data.dtype))
}

fn infer_matmul(transpose_a: bool, transpose_b: bool, a: &Spec, b: &Spec) -> Result<Spec, String> {
    if a.dtype != DType::F32 || b.dtype != DType::F32 {
        return Err(format!("operands are {} and {}, expected f32", a.dtype, b.dtype));
    }
    let rank = a.shape.rank();
    if rank < 2 || b.shape.rank() != rank || a.shape[..rank - 2] != b.shape[..rank - 2] {
        return Err(format!(
            "{} x {}: expected [b.., m, k] x [b.., k, n] with the same leading axes",
            a.shape, b.shape
        ));
    }
    let (r, c) = (rank - 2, rank - 1);
    let (m, k) = if transpose_a { (a.shape[c], a.shape[r]) } else { (a.shape[r], a.shape[c]) };
    let (n, inner) = if transpose_b { (b.shape[r], b.shape[c]) } else { (b.shape[c], b.shape[r]) };
    if k != inner {
        let mark = |t| if t { " transposed" } else { "" };
        return Err(format!(
            "{}{} x {}{}: inner sizes {k} and {inner} differ",
            a.shape,
            mark(transpose_a),
            b.shape,
            mark(transpose_b)
        ));
    }
    let mut sizes = a.shape[..r].to_vec();
    sizes.extend([m, n]);
    Ok(Spec::new(sizes, DType::F32))
}

fn infer_random(shape: &Shape, key: &Spec, counter: &Spec) -> Result<Spec, String> {
    let pair = |s: &Spec| s.dtype == DType::U32 && s.shape.last() == Some(&2);
    if !pair(key) || !pair(counter) || key.shape != counter.shape {
        return Err(format!("key {key} and counter {counter}: expected two u32[b.., 2] of one shape"));
    }
    let mut sizes = key.shape[..key.shape.rank() - 1].to_vec();
    sizes.extend_from_slice(shape);
    Ok(Spec::new(sizes, DType::U32))
}
