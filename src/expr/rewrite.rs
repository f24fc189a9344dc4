//! Rewriting: the same function with one of its nodes given from outside.

use super::streams::Rules;
use super::{Const, Dag, Id, Node, Streams};

impl Dag {
    /// A constant node.
    pub fn literal(&mut self, constant: Const) -> Id {
        self.constant_node(constant)
    }

    /// `root` with `target`, one of the nodes below it, replaced by `with`.
    pub fn replace(&mut self, root: Id, target: Id, with: Id) -> Id {
        let needed = self.needed_for(&[root]);
        let mut map: Vec<Id> = Vec::with_capacity(root.index() + 1);
        for (i, &needed) in needed.iter().enumerate().take(root.index() + 1) {
            let id = Id(i as u32);
            if id == target {
                map.push(with);
                continue;
            }
            let node = self.node(id).clone();
            if !needed || node.operands().all(|o| map[o.index()] == o) {
                map.push(id);
                continue;
            }
            let at = |id: &Id| map[id.index()];
            let moved = match &node {
                Node::Const(_) | Node::Input(_) => id,
                Node::Unary(op, x) => self.un(*op, at(x)),
                Node::Binary(op, a, b) => self.bin(*op, at(a), at(b)),
                Node::Select { condition, then, otherwise } => self.sel(at(condition), at(then), at(otherwise)),
                Node::Cast(ty, x) => self.cast(*ty, at(x)),
                Node::Call(f, xs) => {
                    let xs: Vec<Id> = xs.iter().map(at).collect();
                    self.push(Node::Call(f.clone(), xs), f.ty())
                }
            };
            map.push(moved);
        }
        map[root.index()]
    }
}

impl Streams {
    /// The terms of Leibniz' formula of stream `s` of a product `f g`: `(weight, stream of f, stream of g)`.
    pub fn product_terms(&self, s: usize) -> Vec<(f64, usize, usize)> {
        Rules::new(self).product[s].iter().map(|t| (t.weight, t.left, t.right)).collect()
    }
}
