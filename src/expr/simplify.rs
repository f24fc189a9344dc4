//! Simplification of each node as it is added: constant folding and identities.
//!
//! No rule may hide a NaN or an infinity of the inputs: `x * 0` and `x - x` stay as they are on floats. What a rule may
//! change is the last bits of a result and the sign of a zero, neither of which WGSL fixes; and `x^0.5`, which becomes
//! `sqrt(x)`, is NaN instead of infinite at minus infinity. Constants are folded in f64; a result that f32 cannot hold is
//! left to the device.

use super::eval::{binary, unary};
use super::{Binary, Const, Dag, Id, Node, Type, Unary, Value};

/// Whether a folded value may replace the operation.
fn foldable(value: Value) -> bool {
    match value {
        Value::F32(v) => (v as f32).is_finite(),
        _ => true,
    }
}

/// Whether f32 holds `v` with full relative precision.
fn normal(v: f64) -> bool {
    (v as f32).is_normal()
}

impl Dag {
    /// Adds `op(x)` for an operand of a fitting type.
    pub(super) fn un(&mut self, op: Unary, x: Id) -> Id {
        if let Some(c) = self.constant(x) {
            let value = unary(op, c.value());
            if foldable(value) {
                return self.constant_node(value.into());
            }
        }
        let ty = op.result(self.ty(x)).expect("Dag::unary has checked the operand");
        match (op, self.node(x).clone()) {
            (Unary::Neg, Node::Unary(Unary::Neg, y))
            | (Unary::Not, Node::Unary(Unary::Not, y))
            | (Unary::BitNot, Node::Unary(Unary::BitNot, y)) => return y,
            (Unary::Neg, Node::Binary(Binary::Sub, a, b)) => return self.bin(Binary::Sub, b, a),
            (Unary::Neg, Node::Binary(Binary::Mul, a, c)) if self.negatable(c) => {
                let c = self.un(Unary::Neg, c);
                return self.bin(Binary::Mul, a, c);
            }
            (Unary::Neg, Node::Binary(Binary::Div, c, b)) if ty == Type::F32 && self.negatable(c) => {
                let c = self.un(Unary::Neg, c);
                return self.bin(Binary::Div, c, b);
            }
            (Unary::Abs, _) if ty == Type::U32 => return x,
            (Unary::Abs, Node::Unary(Unary::Neg, y)) => return self.un(Unary::Abs, y),
            (Unary::Abs, Node::Unary(Unary::Abs | Unary::Sqrt | Unary::Exp, _)) => return x,
            (
                Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Round,
                Node::Unary(Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Round | Unary::Sign, _),
            ) => return x,
            (Unary::Not, Node::Binary(Binary::Eq, a, b)) => return self.bin(Binary::Ne, a, b),
            (Unary::Not, Node::Binary(Binary::Ne, a, b)) => return self.bin(Binary::Eq, a, b),
            _ => {}
        }
        self.push(Node::Unary(op, x), ty)
    }

    /// Adds `op(a, b)` for operands of fitting types.
    pub(super) fn bin(&mut self, op: Binary, a: Id, b: Id) -> Id {
        if let (Some(x), Some(y)) = (self.constant(a), self.constant(b)) {
            let value = binary(op, x.value(), y.value());
            if foldable(value) {
                return self.constant_node(value.into());
            }
        }
        let ty = self.ty(a);
        let Node::Binary(_, a, b) = self.ordered(op, a, b) else { unreachable!("`ordered` gives a binary node") };
        let simpler = match ty {
            Type::F32 => self.simplify_real(op, a, b),
            Type::I32 | Type::U32 => self.simplify_integer(op, a, b),
            Type::Bool => self.simplify_bool(op, a, b),
        };
        let result = op.result(ty, self.ty(b)).expect("Dag::binary has checked the operands");
        simpler.unwrap_or_else(|| self.push(Node::Binary(op, a, b), result))
    }

    /// The binary node with its operands in canonical order: constants last, else the smaller index first.
    pub(super) fn ordered(&self, op: Binary, a: Id, b: Id) -> Node {
        let key = |id: Id| (self.constant(id).is_some(), id);
        let swap = op.commutes(self.ty(a)) && key(b) < key(a);
        if swap { Node::Binary(op, b, a) } else { Node::Binary(op, a, b) }
    }

    /// Whether the node is a constant whose negation is folded: not so for infinities and NaN.
    fn negatable(&self, id: Id) -> bool {
        self.constant(id).is_some_and(|c| foldable(c.value()))
    }

    /// The operand of a float negation.
    fn negated(&self, id: Id) -> Option<Id> {
        match self.node(id) {
            Node::Unary(Unary::Neg, x) => Some(*x),
            _ => None,
        }
    }

    fn neg(&mut self, id: Id) -> Id {
        self.un(Unary::Neg, id)
    }

    fn simplify_real(&mut self, op: Binary, a: Id, b: Id) -> Option<Id> {
        let (na, nb) = (self.negated(a), self.negated(b));
        let (ca, cb) = (self.real(a), self.real(b));
        Some(match op {
            Binary::Add if cb == Some(0.0) => a,
            Binary::Add if a == b => {
                let two = self.f32(2.0);
                self.bin(Binary::Mul, a, two)
            }
            Binary::Add if nb.is_some() => self.bin(Binary::Sub, a, nb?),
            Binary::Add if na.is_some() => self.bin(Binary::Sub, b, na?),
            Binary::Sub if cb == Some(0.0) => a,
            Binary::Sub if ca == Some(0.0) => self.neg(b),
            Binary::Sub if nb.is_some() => self.bin(Binary::Add, a, nb?),
            Binary::Mul => return self.simplify_product(a, b),
            Binary::Div if cb == Some(1.0) => a,
            Binary::Div if cb == Some(-1.0) => self.neg(a),
            // The reciprocal of a power of two is exact.
            Binary::Div if cb.is_some_and(|c| c.to_bits() << 12 == 0 && normal(c) && normal(1.0 / c)) => {
                let reciprocal = self.f32(1.0 / cb?);
                self.bin(Binary::Mul, a, reciprocal)
            }
            Binary::Div if na.is_some() || nb.is_some() => {
                let quotient = self.bin(Binary::Div, na.unwrap_or(a), nb.unwrap_or(b));
                if na.is_some() && nb.is_some() { quotient } else { self.neg(quotient) }
            }
            Binary::Pow => return self.simplify_power(a, b),
            Binary::Min | Binary::Max if a == b => a,
            // False for NaN as well; `==` and `<=` of a value with itself are true only where it is no NaN.
            Binary::Lt | Binary::Gt if a == b => self.bool(false),
            _ => return None,
        })
    }

    fn simplify_product(&mut self, a: Id, b: Id) -> Option<Id> {
        let (na, nb) = (self.negated(a), self.negated(b));
        if let Some(c) = self.real(b) {
            if c == 1.0 {
                return Some(a);
            }
            if c == -1.0 {
                return Some(self.neg(a));
            }
            if let Some(x) = na {
                let c = self.f32(-c);
                return Some(self.bin(Binary::Mul, x, c));
            }
            // (x k) c = x (k c): one rounding less, and only where no factor leaves the normal range.
            if let Node::Binary(Binary::Mul, x, k) = *self.node(a)
                && let Some(k) = self.real(k)
                && normal(k)
                && normal(c)
                && normal(k * c)
            {
                let c = self.f32(k * c);
                return Some(self.bin(Binary::Mul, x, c));
            }
            return None;
        }
        if na.is_none() && nb.is_none() {
            return None;
        }
        let product = self.bin(Binary::Mul, na.unwrap_or(a), nb.unwrap_or(b));
        Some(if na.is_some() && nb.is_some() { product } else { self.neg(product) })
    }

    /// Small whole exponents become products (at most 3 roundings), halves square roots.
    fn simplify_power(&mut self, x: Id, y: Id) -> Option<Id> {
        if self.real(x) == Some(1.0) {
            return Some(x);
        }
        let exponent = self.real(y)?;
        if exponent == 0.0 {
            return Some(self.f32(1.0));
        }
        let positive = if exponent.abs() == 0.5 {
            self.un(Unary::Sqrt, x)
        } else if [1.0, 2.0, 3.0, 4.0].contains(&exponent.abs()) {
            self.power_chain(x, exponent.abs() as u32)
        } else {
            return None;
        };
        Some(if exponent > 0.0 { positive } else { self.reciprocal(positive) })
    }

    /// `x^n` for n >= 1 by repeated squaring.
    pub(super) fn power_chain(&mut self, x: Id, n: u32) -> Id {
        let (mut square, mut rest, mut product) = (x, n, None);
        loop {
            if rest & 1 == 1 {
                product = Some(product.map_or(square, |p| self.bin(Binary::Mul, p, square)));
            }
            rest >>= 1;
            match (rest, product) {
                (0, Some(product)) => return product,
                (0, None) => return self.f32(1.0),
                _ => square = self.bin(Binary::Mul, square, square),
            }
        }
    }

    /// `1 / x`.
    pub(super) fn reciprocal(&mut self, x: Id) -> Id {
        let one = self.f32(1.0);
        self.bin(Binary::Div, one, x)
    }

    fn simplify_integer(&mut self, op: Binary, a: Id, b: Id) -> Option<Id> {
        let ty = self.ty(a);
        let constant = |dag: &Dag, id: Id| match dag.constant(id) {
            Some(Const::I32(v)) => Some(i64::from(v)),
            Some(Const::U32(v)) => Some(i64::from(v)),
            _ => None,
        };
        let (ca, cb) = (constant(self, a), constant(self, b));
        let all_ones = if ty == Type::I32 { -1 } else { i64::from(u32::MAX) };
        Some(match (op, cb) {
            (Binary::Add | Binary::Sub | Binary::Or | Binary::Xor | Binary::Shl | Binary::Shr, Some(0)) => a,
            (Binary::Mul | Binary::And | Binary::MulHi, Some(0)) => b,
            (Binary::MulHi, Some(1)) => self.zero(ty),
            (Binary::Mul | Binary::Div, Some(1)) => a,
            // WGSL: a zero divisor gives the dividend and remainder zero; a constant one does not even compile.
            (Binary::Div, Some(0)) => a,
            (Binary::Rem, Some(0 | 1)) => self.zero(ty),
            (Binary::Rem, Some(-1)) => self.zero(ty),
            (Binary::Mul | Binary::Div, Some(-1)) => self.neg(a),
            (Binary::And, Some(c)) if c == all_ones => a,
            (Binary::Or, Some(c)) if c == all_ones => b,
            (Binary::Xor, Some(c)) if c == all_ones => self.un(Unary::BitNot, a),
            // The masked amount, so that a constant shift is in range as WGSL demands.
            (Binary::Shl | Binary::Shr, Some(c)) if !(0..32).contains(&c) => {
                let amount = self.u32((c & 31) as u32);
                self.bin(op, a, amount)
            }
            (Binary::Sub, _) if ca == Some(0) => self.neg(b),
            (Binary::Sub | Binary::Xor, _) if a == b => self.zero(ty),
            (Binary::And | Binary::Or | Binary::Min | Binary::Max, _) if a == b => a,
            (Binary::Eq | Binary::Le | Binary::Ge, _) if a == b => self.bool(true),
            (Binary::Ne | Binary::Lt | Binary::Gt, _) if a == b => self.bool(false),
            _ => return None,
        })
    }

    fn simplify_bool(&mut self, op: Binary, a: Id, b: Id) -> Option<Id> {
        let constant = match self.constant(b) {
            Some(Const::Bool(v)) => Some(v),
            _ => None,
        };
        let opposite = *self.node(a) == Node::Unary(Unary::Not, b) || *self.node(b) == Node::Unary(Unary::Not, a);
        Some(match (op, constant) {
            (Binary::And, Some(true)) | (Binary::Or, Some(false)) => a,
            (Binary::And, Some(false)) | (Binary::Or, Some(true)) => b,
            (Binary::Eq, Some(true)) | (Binary::Xor | Binary::Ne, Some(false)) => a,
            (Binary::Eq, Some(false)) | (Binary::Xor | Binary::Ne, Some(true)) => self.un(Unary::Not, a),
            (Binary::And | Binary::Or, _) if a == b => a,
            (Binary::Eq, _) if a == b => self.bool(true),
            (Binary::Ne | Binary::Xor, _) if a == b => self.bool(false),
            (Binary::Or | Binary::Xor | Binary::Ne, _) if opposite => self.bool(true),
            (Binary::And | Binary::Eq, _) if opposite => self.bool(false),
            _ => return None,
        })
    }

    /// Adds a select whose operands have fitting types.
    pub(super) fn sel(&mut self, condition: Id, then: Id, otherwise: Id) -> Id {
        // An arm that selects by the same condition again has only one live arm of its own.
        let live = |dag: &Dag, arm: Id, side: bool| match *dag.node(arm) {
            Node::Select { condition: c, then, otherwise } if c == condition => {
                if side {
                    then
                } else {
                    otherwise
                }
            }
            _ => arm,
        };
        let (then, otherwise) = (live(self, then, true), live(self, otherwise, false));
        if then == otherwise {
            return then;
        }
        match *self.node(condition) {
            Node::Const(Const::Bool(true)) => return then,
            Node::Const(Const::Bool(false)) => return otherwise,
            Node::Unary(Unary::Not, c) => return self.sel(c, otherwise, then),
            _ => {}
        }
        let ty = self.ty(then);
        match (self.constant(then), self.constant(otherwise)) {
            (Some(Const::Bool(true)), Some(Const::Bool(false))) => condition,
            (Some(Const::Bool(false)), Some(Const::Bool(true))) => self.un(Unary::Not, condition),
            _ => self.push(Node::Select { condition, then, otherwise }, ty),
        }
    }

    /// Converts `x` to `ty` (see [`Node::Cast`]).
    pub fn cast(&mut self, ty: Type, x: Id) -> Id {
        if self.ty(x) == ty {
            return x;
        }
        if let Some(c) = self.constant(x) {
            let undefined = matches!(c, Const::F32(v) if v.get().is_nan() && ty.is_integer());
            if !undefined {
                return self.constant_node(c.value().cast(ty).into());
            }
        }
        self.push(Node::Cast(ty, x), ty)
    }
}
