//! The program between tape and kernels: the tape's nodes plus the copies that kernels need, so that every operand lies in a
//! form its kernel accepts.

use crate::expr::Dag;
use crate::ops::{Op, Spec, scalar_type};
use crate::tape::{Action, Tape};
use crate::tensor::Layout;
use std::sync::Arc;

/// One value.
#[derive(Debug, Clone)]
pub(super) struct IrNode {
    pub action: Action,
    pub inputs: Vec<usize>,
    pub spec: Spec,
}

impl IrNode {
    pub fn op(&self) -> Option<&Op> {
        match &self.action {
            Action::Op(op) => Some(op),
            Action::Custom(_) => None,
        }
    }

    pub fn map(&self) -> Option<&Arc<Dag>> {
        match self.op() {
            Some(Op::Map(dag)) => Some(dag),
            _ => None,
        }
    }

    /// A change of layout that moves nothing.
    pub fn is_view(&self) -> bool {
        use Op::*;
        matches!(self.op(), Some(Reshape { .. } | Permute { .. } | Broadcast { .. } | Slice { .. } | StopGradient))
    }

    /// Elements that are there before the program runs.
    pub fn is_leaf(&self) -> bool {
        matches!(self.op(), Some(Op::Input { .. } | Op::Constant(_)))
    }

    pub fn is_concat(&self) -> bool {
        matches!(self.op(), Some(Op::Concat { .. }))
    }

    /// Computed by a kernel of its own, not a fused map.
    pub fn is_kernel(&self) -> bool {
        !self.is_view() && !self.is_leaf() && !self.is_concat() && self.map().is_none()
    }
}

/// The program.
#[derive(Debug, Clone)]
pub(super) struct Ir {
    pub nodes: Vec<IrNode>,
    pub inputs: Vec<(String, usize)>,
    pub outputs: Vec<(String, usize)>,
}

impl Ir {
    /// The users of every value.
    pub fn users(&self) -> Vec<Vec<usize>> {
        let mut users = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for &input in &node.inputs {
                if users[input].last() != Some(&index) {
                    users[input].push(index);
                }
            }
        }
        users
    }

    /// The value whose elements a chain of views shows.
    pub fn root(&self, mut value: usize) -> usize {
        while self.nodes[value].is_view() {
            value = self.nodes[value].inputs[0];
        }
        value
    }

    fn push(&mut self, action: Action, inputs: Vec<usize>, spec: Spec) -> usize {
        self.nodes.push(IrNode { action, inputs, spec });
        self.nodes.len() - 1
    }

    /// A copy of `value` in row-major order.
    fn materialise(&mut self, value: usize) -> usize {
        let spec = self.nodes[value].spec.clone();
        self.push(Action::Op(Op::Map(Arc::new(identity(&spec)))), vec![value], spec)
    }

    /// The same program with a copy before each of the given operands (node, position).
    pub fn with_copies(&self, operands: &[(usize, usize)]) -> Ir {
        let mut copied = Ir { nodes: Vec::new(), inputs: self.inputs.clone(), outputs: self.outputs.clone() };
        let mut moved = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let mut inputs: Vec<usize> = node.inputs.iter().map(|&i| moved[i]).collect();
            for &(_, position) in operands.iter().filter(|(at, _)| *at == index) {
                inputs[position] = copied.materialise(inputs[position]);
            }
            moved.push(copied.push(node.action.clone(), inputs, node.spec.clone()));
        }
        copied.inputs.iter_mut().chain(&mut copied.outputs).for_each(|(_, v)| *v = moved[*v]);
        copied
    }
}

/// `x -> x` for elements of the spec's dtype.
pub(super) fn identity(spec: &Spec) -> Dag {
    let mut dag = Dag::new();
    let x = dag.input(scalar_type(spec.dtype));
    dag.output(x);
    dag
}

/// The layout of a view of something that lies as `source`; none when strides cannot express it.
pub(super) fn view_layout(op: &Op, source: &Layout) -> Option<Layout> {
    match op {
        Op::Reshape { shape } => source.reshape(shape),
        Op::Permute { axes } => Some(source.permute(axes)),
        Op::Broadcast { shape, axes } => Some(source.broadcast(shape, axes)),
        Op::Slice { start, shape } => Some(source.slice(start, shape)),
        Op::StopGradient => Some(source.clone()),
        _ => None,
    }
}

/// Views a matrix operand `[b.., rows, columns]` as `[batch, rows, columns]`.
pub(super) fn matrix_layout(layout: &Layout) -> Option<Layout> {
    let rank = layout.shape.rank();
    let batch: usize = layout.shape[..rank - 2].iter().product();
    layout.reshape(&[batch, layout.shape[rank - 2], layout.shape[rank - 1]].into())
}

/// Splits axes for a reduction: `[outer, axis, inner]` when the reduced axes are neighbours.
pub(super) fn reduce_view(layout: &Layout, axes: &[usize]) -> Option<Layout> {
    let neighbours = axes.windows(2).all(|w| w[1] == w[0] + 1);
    let (&first, &last) = (axes.first()?, axes.last()?);
    let size = |range: std::ops::Range<usize>| layout.shape[range].iter().product::<usize>();
    let split = [size(0..first), size(first..last + 1), size(last + 1..layout.shape.rank())];
    if neighbours { layout.reshape(&split.into()) } else { None }
}

/// True when the kernel of `node` can read operand `position` that lies as `layout`.
pub(super) fn accepts(node: &IrNode, position: usize, layout: &Layout) -> bool {
    let unit = |l: &Layout| l.shape.last().is_none_or(|&n| n == 1) || l.strides.last() == Some(&1);
    match node.op() {
        Some(Op::Map(_) | Op::Concat { .. }) => true,
        Some(Op::MatMul { transpose_a, transpose_b }) => {
            let transposed = if position == 0 { *transpose_a } else { *transpose_b };
            let Some(matrix) = matrix_layout(layout) else { return false };
            let matrix = if transposed { matrix.permute(&[0, 2, 1]) } else { matrix };
            position == 0 || unit(&matrix)
        }
        Some(Op::Reduce { axes, .. }) => reduce_view(layout, axes).is_some_and(|l| l.shape[2] == 1 || unit(&l)),
        Some(_) => layout.is_contiguous(),
        // A fused kernel knows no offsets.
        None => layout.is_contiguous() && layout.offset == 0,
    }
}

/// Brings a tape into the form that kernels accept, as if every computed value lay row-major in a buffer of its own.
pub(super) fn legalise(tape: &Tape) -> Ir {
    let mut ir = Ir { nodes: Vec::new(), inputs: Vec::new(), outputs: Vec::new() };
    let mut layouts: Vec<Layout> = Vec::new();
    let mut moved: Vec<usize> = Vec::with_capacity(tape.nodes().len());
    let contiguous = |spec: &Spec| Layout::contiguous(&spec.shape);
    for node in tape.nodes() {
        let mut next = IrNode {
            action: node.action.clone(),
            inputs: node.inputs.iter().map(|i| moved[i.index()]).collect(),
            spec: node.spec.clone(),
        };
        let mut layout = contiguous(&node.spec);
        if next.is_view() {
            let source = next.inputs[0];
            match next.op().and_then(|op| view_layout(op, &layouts[source])) {
                Some(view) => layout = view,
                None => {
                    next.inputs[0] = ir.materialise(source);
                    layouts.push(contiguous(&ir.nodes[source].spec));
                }
            }
        } else {
            for position in 0..next.inputs.len() {
                let source = next.inputs[position];
                if accepts(&next, position, &layouts[source]) {
                    continue;
                }
                let source = bring_reduced_axes_together(&mut ir, &mut layouts, &mut next, source);
                let source = turn_transposed_right(&mut ir, &mut layouts, &mut next, position, source);
                if !accepts(&next, position, &layouts[source]) {
                    next.inputs[position] = ir.materialise(source);
                    layouts.push(contiguous(&ir.nodes[source].spec));
                } else {
                    next.inputs[position] = source;
                }
            }
        }
        moved.push(ir.push(next.action, next.inputs, next.spec));
        layouts.push(layout);
    }
    let rename = |list: &[(String, crate::ops::ValueId)]| {
        list.iter().map(|(name, v)| (name.clone(), moved[v.index()])).collect::<Vec<_>>()
    };
    ir.inputs = rename(tape.input_ids());
    ir.outputs = rename(tape.output_ids());
    // A result that is an argument or a constant gets elements of its own, so that results never share memory with them.
    for at in 0..ir.outputs.len() {
        let value = ir.outputs[at].1;
        if ir.nodes[ir.root(value)].is_leaf() {
            ir.outputs[at].1 = ir.materialise(value);
        }
    }
    ir
}

/// A reduction over axes that are not neighbours reads its operand with those axes last.
fn bring_reduced_axes_together(ir: &mut Ir, layouts: &mut Vec<Layout>, node: &mut IrNode, source: usize) -> usize {
    let Some(Op::Reduce { reduction, axes }) = node.op() else { return source };
    if axes.windows(2).all(|w| w[1] == w[0] + 1) {
        return source;
    }
    let spec = ir.nodes[source].spec.clone();
    let rank = spec.shape.rank();
    let order: Vec<usize> = (0..rank).filter(|a| !axes.contains(a)).chain(axes.iter().copied()).collect();
    let op = Op::Reduce { reduction: *reduction, axes: (rank - axes.len()..rank).collect() };
    let shape: Vec<usize> = order.iter().map(|&a| spec.shape[a]).collect();
    layouts.push(layouts[source].permute(&order));
    let permuted = ir.push(Action::Op(Op::Permute { axes: order }), vec![source], Spec::new(shape, spec.dtype));
    node.action = Action::Op(op);
    permuted
}

/// The columns of a second factor must lie side by side: one that is given transposed is read through a view with its last axes
/// exchanged, of which a copy is made.
fn turn_transposed_right(
    ir: &mut Ir,
    layouts: &mut Vec<Layout>,
    node: &mut IrNode,
    position: usize,
    source: usize,
) -> usize {
    let Some(&Op::MatMul { transpose_a, transpose_b: true }) = node.op() else { return source };
    if position == 0 {
        return source;
    }
    let spec = ir.nodes[source].spec.clone();
    let mut order: Vec<usize> = (0..spec.shape.rank()).collect();
    let last = order.len() - 1;
    order.swap(last - 1, last);
    let shape: Vec<usize> = order.iter().map(|&a| spec.shape[a]).collect();
    layouts.push(layouts[source].permute(&order));
    node.action = Action::Op(Op::MatMul { transpose_a, transpose_b: false });
    ir.push(Action::Op(Op::Permute { axes: order }), vec![source], Spec::new(shape, spec.dtype))
}
