//! Operation counts for cost models.

use super::{Binary, Dag, Node, Unary};
use std::ops::{Add, AddAssign};

/// Operations that one evaluation takes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Additions, products, comparisons, selects and the like, divisions and roots included: one instruction each.
    pub arithmetic: usize,
    /// Calls of exp, log, sin, cos, tanh, erf and pow: some twenty instructions each.
    pub transcendental: usize,
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost {
            arithmetic: self.arithmetic + other.arithmetic,
            transcendental: self.transcendental + other.transcendental,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        *self = *self + other;
    }
}

impl Dag {
    /// Operations of the nodes that the outputs need, bodies of called functions included at each call.
    pub fn flops(&self) -> Cost {
        let needed = self.needed();
        let mut cost = Cost::default();
        for (node, _) in self.nodes().iter().zip(needed).filter(|(_, needed)| *needed) {
            use Unary::{Cos, Erf, Exp, Log, Sin, Tanh};
            match node {
                Node::Const(_) | Node::Input(_) => {}
                Node::Unary(Exp | Log | Sin | Cos | Tanh | Erf, _) | Node::Binary(Binary::Pow, ..) => {
                    cost.transcendental += 1;
                }
                Node::Call(f, _) => cost += f.body().flops(),
                _ => cost.arithmetic += 1,
            }
        }
        cost
    }
}
