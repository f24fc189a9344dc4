//! Reverse rules: the cotangents of an op's operands from the cotangent of its result, written as other ops.

use super::emit::*;
use super::op::{Op, Reduction};
use crate::expr::{Binary, Dag, Id, Node, Type};
use crate::tensor::Shape;

/// What an op adds to the cotangent of one operand.
#[derive(Debug, Clone)]
pub enum Cotangent {
    /// A whole array of the operand's shape.
    Whole(ValueId),
    /// A box that begins at `start`; zero elsewhere. Kept apart so that the cotangents of slices that tile their operand
    /// become one concatenation instead of a sum of padded arrays.
    Part {
        /// First index of the box along each axis.
        start: Vec<usize>,
        /// Elements of the box.
        value: ValueId,
    },
}

/// The cotangents of `inputs` where `wanted`; none where the derivative is structurally zero. `output` is the op's result, `g`
/// its cotangent.
pub fn vjp(
    e: &mut dyn Emit,
    op: &Op,
    inputs: &[ValueId],
    output: ValueId,
    g: ValueId,
    wanted: &[bool],
) -> Vec<Option<Cotangent>> {
    let whole = |v: ValueId| vec![Some(Cotangent::Whole(v))];
    match op {
        Op::Input { .. }
        | Op::Constant(_)
        | Op::Iota { .. }
        | Op::RandomBits { .. }
        | Op::StopGradient
        | Op::Reduce { reduction: Reduction::ArgMax, .. } => vec![None; inputs.len()],
        Op::Map(dag) => (0..inputs.len())
            .map(|i| if wanted[i] { vjp_map(e, dag, inputs, output, g, i).map(Cotangent::Whole) } else { None })
            .collect(),
        Op::Reduce { reduction: Reduction::Sum, axes } => {
            let shape = e.spec(inputs[0]).shape.clone();
            whole(expand(e, g, &shape, axes))
        }
        Op::Reduce { axes, .. } => {
            let weights = extremum_weights(e, inputs[0], output, axes);
            let shape = e.spec(inputs[0]).shape.clone();
            let spread = expand(e, g, &shape, axes);
            whole(mul(e, spread, weights))
        }
        Op::Broadcast { shape, axes } => whole(sum(e, g, other_axes(shape.rank(), axes))),
        Op::Reshape { .. } => {
            let shape = e.spec(inputs[0]).shape.clone();
            whole(reshape(e, g, shape))
        }
        Op::Permute { axes } => {
            let mut inverse = vec![0; axes.len()];
            for (to, &from) in axes.iter().enumerate() {
                inverse[from] = to;
            }
            whole(e.emit(Op::Permute { axes: inverse }, &[g]))
        }
        Op::Slice { start, .. } => vec![Some(Cotangent::Part { start: start.clone(), value: g })],
        Op::Pad { before, .. } => {
            let shape = e.spec(inputs[0]).shape.clone();
            whole(e.emit(Op::Slice { start: before.clone(), shape }, &[g]))
        }
        Op::Concat { axis } => {
            let mut at = 0;
            let mut parts = Vec::with_capacity(inputs.len());
            for (&input, &want) in inputs.iter().zip(wanted) {
                let size = e.spec(input).shape[*axis];
                parts.push(want.then(|| Cotangent::Whole(slice_axis(e, g, *axis, at, size))));
                at += size;
            }
            parts
        }
        Op::Gather { batch } => {
            let size = e.spec(inputs[0]).shape[*batch];
            vec![Some(Cotangent::Whole(e.emit(Op::ScatterAdd { batch: *batch, size }, &[g, inputs[1]]))), None]
        }
        Op::ScatterAdd { batch, .. } => {
            vec![Some(Cotangent::Whole(e.emit(Op::Gather { batch: *batch }, &[g, inputs[1]]))), None]
        }
        Op::MatMul { transpose_a, transpose_b } => vjp_matmul(e, *transpose_a, *transpose_b, inputs, g, wanted),
    }
}

/// `g * df/dx_i`. Where the derivative contains the result itself (tanh, exp, sqrt, a quotient), the stored result is read
/// instead of being computed again.
fn vjp_map(e: &mut dyn Emit, f: &Dag, inputs: &[ValueId], output: ValueId, g: ValueId, i: usize) -> Option<ValueId> {
    let mut dag = Dag::new();
    let args: Vec<Id> = f.inputs().iter().map(|&ty| dag.input(ty)).collect();
    let cotangent = dag.input(Type::F32);
    let result = dag.inline(f, &args).ok()?[0];
    let partial = dag.derivative(result, i)?;
    let product = dag.binary(Binary::Mul, cotangent, partial).ok()?;
    let mut operands = inputs.to_vec();
    operands.push(g);
    let product = reuse_result(&mut dag, product, result, &mut operands, output);
    dag.output(product);
    Some(emit_map(e, &dag, &operands))
}

/// Reads `result`, a node of `dag` whose value is stored as `stored`, through a new input wherever `root` uses it.
pub fn reuse_result(dag: &mut Dag, root: Id, result: Id, operands: &mut Vec<ValueId>, stored: ValueId) -> Id {
    if matches!(dag.node(result), Node::Input(_) | Node::Const(_)) {
        return root;
    }
    let input = dag.input(dag.ty(result));
    operands.push(stored);
    dag.replace(root, result, input)
}

/// `(x == extremum) / number of ties`: the derivative of max and min, shared evenly among equal elements.
pub fn extremum_weights(e: &mut dyn Emit, x: ValueId, extremum: ValueId, axes: &[usize]) -> ValueId {
    let shape: Shape = e.spec(x).shape.clone();
    let level = expand(e, extremum, &shape, axes);
    let hit = map(e, &[x, level], |dag, a| {
        let equal = dag.binary(Binary::Eq, a[0], a[1])?;
        Ok(dag.cast(Type::F32, equal))
    });
    let ties = sum(e, hit, axes.to_vec());
    let ties = expand(e, ties, &shape, axes);
    binary(e, Binary::Div, hit, ties)
}

fn vjp_matmul(
    e: &mut dyn Emit,
    ta: bool,
    tb: bool,
    inputs: &[ValueId],
    g: ValueId,
    wanted: &[bool],
) -> Vec<Option<Cotangent>> {
    let (a, b) = (inputs[0], inputs[1]);
    let mut product = |transpose_a, transpose_b, x, y| {
        Some(Cotangent::Whole(e.emit(Op::MatMul { transpose_a, transpose_b }, &[x, y])))
    };
    // C = A' B' with A' = A or A^T: dA' = g B'^T and dB' = A'^T g, each transposed back where the operand was.
    let da = match (wanted[0], ta) {
        (false, _) => None,
        (true, false) => product(false, !tb, g, b),
        (true, true) => product(tb, true, b, g),
    };
    let db = match (wanted[1], tb) {
        (false, _) => None,
        (true, false) => product(!ta, false, a, g),
        (true, true) => product(true, ta, g, a),
    };
    vec![da, db]
}
