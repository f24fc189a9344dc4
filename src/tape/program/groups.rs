//! Which maps run together: one kernel a level and shape, split where it would bind more buffers than the adapter takes.

use super::ir::Ir;
use super::levels::Levels;
use super::place::Places;
use crate::tensor::Shape;
use std::collections::{BTreeMap, BTreeSet};

/// Maps computed by one kernel, in dependency order, and which of them are written to memory.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub level: i32,
    pub shape: Shape,
    pub members: Vec<usize>,
    pub stored: Vec<usize>,
}

impl Group {
    fn new(ir: &Ir, users: &[Vec<usize>], level: i32, shape: &Shape, members: Vec<usize>) -> Self {
        let inside: BTreeSet<usize> = members.iter().copied().collect();
        let leaves =
            |v: &usize| ir.outputs.iter().any(|(_, o)| o == v) || !users[*v].iter().all(|u| inside.contains(u));
        let stored = members.iter().copied().filter(leaves).collect();
        Group { level, shape: shape.clone(), members, stored }
    }

    /// Values read from memory, each once, in order of first use.
    pub fn loads(&self, ir: &Ir) -> Vec<usize> {
        let mut loads: Vec<usize> = Vec::new();
        for &member in &self.members {
            for &input in &ir.nodes[member].inputs {
                if !self.members.contains(&input) && !loads.contains(&input) {
                    loads.push(input);
                }
            }
        }
        loads
    }

    /// Distinct buffers that the kernel binds.
    pub fn buffers(&self, ir: &Ir, places: &Places) -> BTreeSet<usize> {
        self.loads(ir).iter().chain(&self.stored).map(|&v| places.of[v].buffer).collect()
    }
}

/// All groups. `bindings`: how many buffers one kernel may bind.
pub(super) fn groups(ir: &Ir, levels: &Levels, places: &Places, bindings: usize) -> Vec<Group> {
    let mut by_key: BTreeMap<(i32, Vec<usize>), Vec<usize>> = BTreeMap::new();
    for (index, node) in ir.nodes.iter().enumerate() {
        if node.map().is_some() && node.spec.shape.elements() > 0 {
            by_key.entry((levels.runs[index], node.spec.shape.to_vec())).or_default().push(index);
        }
    }
    let users = ir.users();
    let mut groups = Vec::new();
    for ((level, shape), members) in by_key {
        let mut pending = vec![Group::new(ir, &users, level, &shape.into(), members)];
        // Halves, in dependency order, until every part fits; a map that binds too many buffers alone is refused by the device
        // layer with a clear error.
        while let Some(group) = pending.pop() {
            if group.members.len() == 1 || group.buffers(ir, places).len() <= bindings {
                groups.push(group);
                continue;
            }
            let (first, second) = group.members.split_at(group.members.len() / 2);
            pending.push(Group::new(ir, &users, level, &group.shape, second.to_vec()));
            pending.push(Group::new(ir, &users, level, &group.shape, first.to_vec()));
        }
    }
    groups
}
