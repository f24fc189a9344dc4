//! A tape as text: one line a value, `%3 = matmul(%1, %2) : f32[8, 4]`.

use super::{Action, Tape};
use crate::ops::Op;
use std::fmt;

impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, node) in self.nodes.iter().enumerate() {
            write!(f, "%{index} = {}", node.action.name())?;
            let operands: Vec<String> = node.inputs.iter().map(|i| format!("%{}", i.index())).collect();
            if let Action::Op(op) = &node.action {
                attributes(f, op, &operands)?;
            } else {
                write!(f, "({})", operands.join(", "))?;
            }
            write!(f, " : {}", node.spec)?;
            if let Some((name, _)) = self.inputs.iter().find(|(_, v)| v.index() == index) {
                write!(f, "  <- {name}")?;
            }
            for (name, _) in self.outputs.iter().filter(|(_, v)| v.index() == index) {
                write!(f, "  -> {name}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// The operands and what else determines the op.
fn attributes(f: &mut fmt::Formatter<'_>, op: &Op, operands: &[String]) -> fmt::Result {
    let list = operands.join(", ");
    match op {
        Op::Map(dag) => write!(f, " {}", dag.to_text(operands)),
        Op::Constant(array) if array.shape().rank() == 0 => write!(f, " {:?}", array.data()),
        Op::Constant(array) => {
            let mut hasher = std::hash::DefaultHasher::new();
            std::hash::Hash::hash(&**array, &mut hasher);
            write!(f, " #{:016x}", std::hash::Hasher::finish(&hasher))
        }
        Op::Iota { axis, .. } => write!(f, "(axis {axis})"),
        Op::Reduce { axes, .. } | Op::Permute { axes } | Op::Broadcast { axes, .. } => write!(f, "({list}; {axes:?})"),
        Op::Slice { start, .. } => write!(f, "({list}; from {start:?})"),
        Op::Pad { before, value, .. } => write!(f, "({list}; before {before:?}, value {value:#x})"),
        Op::Concat { axis } => write!(f, "({list}; axis {axis})"),
        Op::Gather { batch } => write!(f, "({list}; batch {batch})"),
        Op::ScatterAdd { batch, size } => write!(f, "({list}; batch {batch}, size {size})"),
        Op::MatMul { transpose_a, transpose_b } => {
            let mark = |t: &bool| if *t { "^T" } else { "" };
            write!(f, "({}{}, {}{})", operands[0], mark(transpose_a), operands[1], mark(transpose_b))
        }
        _ => write!(f, "({list})"),
    }
}
