//! When each value can be computed. Values of one level do not wait for each other, so maps of one level and shape become one
//! kernel: a map may read another map of its level from a register, anything else from memory one level later.

use super::ir::Ir;

/// The level of each kernel and map, and the level after which each value (a view and a join included) is complete.
#[derive(Debug)]
pub(super) struct Levels {
    /// Level at which a map or kernel runs; -1 for anything else.
    pub runs: Vec<i32>,
    /// Level after which the value is complete; -1 for leaves.
    pub complete: Vec<i32>,
}

pub(super) fn levels(ir: &Ir) -> Levels {
    let n = ir.nodes.len();
    let mut levels = Levels { runs: vec![-1; n], complete: vec![-1; n] };
    for (index, node) in ir.nodes.iter().enumerate() {
        let complete = |v: &usize| levels.complete[*v];
        if node.is_leaf() {
            continue;
        }
        if node.is_view() || node.is_concat() {
            levels.complete[index] = node.inputs.iter().map(complete).max().unwrap_or(-1);
            continue;
        }
        let register = |v: &usize| node.map().is_some() && ir.nodes[*v].map().is_some();
        let ready = node.inputs.iter().map(|v| complete(v) + i32::from(!register(v))).max().unwrap_or(0).max(0);
        levels.runs[index] = ready;
        levels.complete[index] = ready;
    }
    levels
}
