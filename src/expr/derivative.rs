//! First derivatives, symbolically, by one forward sweep over the nodes.

use super::{Binary, Dag, Function, Id, Node, Type, rules};
use std::collections::HashMap;
use std::sync::Arc;

impl Dag {
    /// d(of)/d(input), as new nodes. `None`: structurally zero, also for inputs and values that are no f32.
    ///
    /// Each node is visited once, so the cost is linear in the number of nodes. Conventions at kinks: `abs'(0) = 0`; ties
    /// of min and max go to the first argument; a select differentiates both arms under its condition; sign, floor, ceil,
    /// trunc, round and all integers have derivative zero.
    pub fn derivative(&mut self, of: Id, input: usize) -> Option<Id> {
        let root = *self.input_ids().get(input)?;
        if self.ty(root) != Type::F32 || self.ty(of) != Type::F32 {
            return None;
        }
        let needed = self.needed_for(&[of]);
        let mut slopes: Vec<Option<Id>> = vec![None; of.index() + 1];
        let mut functions = HashMap::new();
        for i in root.index()..=of.index() {
            let id = Id(i as u32);
            if !needed[i] || self.ty(id) != Type::F32 {
                continue;
            }
            slopes[i] = if id == root { Some(self.f32(1.0)) } else { self.slope(id, &slopes, &mut functions) };
        }
        slopes[of.index()]
    }

    /// Chain rule at one f32 node, given the derivatives of its operands.
    fn slope(&mut self, id: Id, slopes: &[Option<Id>], functions: &mut Slopes) -> Option<Id> {
        let node = self.node(id).clone();
        let of = |id: Id| slopes[id.index()];
        match node {
            Node::Const(_) | Node::Input(_) | Node::Cast(..) => None,
            Node::Unary(op, x) => {
                let dx = of(x)?;
                let rule = rules::unary(self, op, x, id, 1)[0]?;
                Some(self.times(dx, rule))
            }
            Node::Binary(op, a, b) => self.slope_of_binary(op, (a, of(a)), (b, of(b)), id),
            Node::Select { condition, then, otherwise } => self.chosen(condition, of(then), of(otherwise)),
            Node::Call(f, args) => {
                let mut sum = None;
                for (k, &arg) in args.iter().enumerate() {
                    if let Some(dx) = of(arg)
                        && let Some(slope) = functions.entry((f.clone(), k)).or_insert_with(|| f.derivative(k)).clone()
                    {
                        let partial = self.push(Node::Call(slope, args.clone()), Type::F32);
                        let term = self.times(dx, partial);
                        sum = self.plus(sum, Some(term));
                    }
                }
                sum
            }
        }
    }

    /// `condition ? a : b` where `None` is zero.
    pub(super) fn chosen(&mut self, condition: Id, a: Option<Id>, b: Option<Id>) -> Option<Id> {
        if a.is_none() && b.is_none() {
            return None;
        }
        let zero = self.f32(0.0);
        Some(self.sel(condition, a.unwrap_or(zero), b.unwrap_or(zero)))
    }

    /// Rules of two arguments; each argument comes with its derivative.
    fn slope_of_binary(
        &mut self,
        op: Binary,
        (a, da): (Id, Option<Id>),
        (b, db): (Id, Option<Id>),
        value: Id,
    ) -> Option<Id> {
        if da.is_none() && db.is_none() {
            return None;
        }
        match op {
            Binary::Add => self.plus(da, db),
            Binary::Sub => self.minus(da, db),
            Binary::Mul => {
                let first = da.map(|da| self.times(da, b));
                let second = db.map(|db| self.times(db, a));
                self.plus(first, second)
            }
            Binary::Div => {
                // (a/b)' = (a' - (a/b) b') / b
                let second = db.map(|db| self.times(db, value));
                let numerator = self.minus(da, second)?;
                Some(self.bin(Binary::Div, numerator, b))
            }
            Binary::Rem => {
                let second = db.map(|db| {
                    let whole = rules::whole_quotient(self, a, b);
                    self.times(db, whole)
                });
                self.minus(da, second)
            }
            Binary::Pow => {
                let first = da.and_then(|da| {
                    let rule = rules::power(self, a, b, 1)[0]?;
                    Some(self.times(da, rule))
                });
                let second = db.map(|db| {
                    let rule = rules::power_by_exponent(self, a, b, value);
                    self.times(db, rule)
                });
                self.plus(first, second)
            }
            Binary::Min | Binary::Max => {
                let first = rules::chooses_first(self, op, a, b);
                self.chosen(first, da, db)
            }
            // Comparisons, logic and bits give no f32.
            _ => None,
        }
    }
}

/// Derivatives of functions that one sweep has made: (function, parameter) -> function.
type Slopes = HashMap<(Arc<Function>, usize), Option<Arc<Function>>>;

impl Function {
    /// The function `d(body)/d(parameter)` of the same parameters, named `NAME_dK`; `None` where it is structurally zero.
    pub fn derivative(&self, parameter: usize) -> Option<Arc<Function>> {
        let mut body = self.body().clone();
        let value = body.take_outputs()[0];
        let slope = body.derivative(value, parameter)?;
        body.output(slope);
        let name = format!("{}_d{parameter}", self.name().trim_end_matches('_'));
        Some(Function::new(name, &body).expect("an identifier and one output, like the function itself"))
    }
}
