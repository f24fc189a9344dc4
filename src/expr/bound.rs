//! Evaluation in f64 with a bound on how far f32 on a device may lie from it.
//!
//! Running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.3): every node carries its
//! f64 value `v` and a bound `e` on `|device - v|`. A node of exact function `f` that is computed with relative error `c u` gives
//! `e = p + c u (|v| + p)`, where `p` bounds `|f(x') - f(x)|` over all `x'` within the bounds of its operands: terms of all orders
//! are kept, so nothing is left to a "first order" remainder.
//!
//! What is assumed of the device (`u = 2^-24`, 1 ULP at most `2 u` relative):
//! - `+ - *` round to nearest (`u`), exactly where the exact result is an f32. WGSL only asks for one of the two neighbours; every
//!   known device rounds to nearest, and the derivations in the headers of `shaders` assume the same.
//! - `x / y` within 2.5 ULP (WGSL) for `|y| <= 2^126`; above, its reciprocal may underflow, and the quotient with it. `sqrt` is
//!   the reciprocal of `inverseSqrt` (2 ULP) by a division: 3.5 ULP with 2.5 u of slack for the second order and the rounding.
//! - `exp log sin cos tanh erf pow` are ours and within 4 ULP (`shaders/lib/math` derives less, `tests/math.rs` measures it).
//! - Subnormal operands and results may be replaced by zero; a value of which this may happen gets `2^-126` more.
//! - A compiler may contract `a b + c` and may reassociate where the result is no less accurate (WGSL, "Reassociation and
//!   fusion"); the simplifier's own `(x k) c = x (k c)` is covered by charging a rounding to each product with a constant.
//! - Infinities and NaNs follow IEEE 754, but the sign of a zero is not fixed, so `x / 0` is unbounded; `min`, `max`, `sign`,
//!   `!=` and the truth value of a NaN are unbounded, as WGSL leaves them open (`!=` is printed as an ordered comparison for
//!   Vulkan, which is false there). `IsNan`, a test of bits, is certain.
//!
//! The f64 arithmetic itself errs by `2^-53` where f32 errs by `2^-24`; `U` is larger than `u` by `2^-20` for that.

mod real;

use super::eval::{binary, unary};
use super::{Binary, Dag, Node, Type, Unary, Value};
use real::{real_binary, real_unary};

/// Unit roundoff of f32 with room for the rounding of the f64 evaluation itself.
const U: f64 = (1.0 + 9.5367431640625e-7) / 16_777_216.0;
/// Smallest normal f32.
const TINY: f64 = f32::MIN_POSITIVE as f64;
/// Largest f32.
const HUGE: f64 = f32::MAX as f64;

/// The bound of `value`, known to `error`, once subnormals may be replaced by zero.
pub fn flushed(value: f64, error: f64) -> f64 {
    let touches = value.abs() - error < TINY && !(value == 0.0 && error == 0.0);
    if touches { error + TINY.min(value.abs() + error) } else { error }
}

/// A value, the bound of its error, and whether the device's value is certainly not negative (which the bound, being
/// symmetric, cannot say).
#[derive(Clone, Copy, Debug)]
struct Item {
    value: Value,
    error: f64,
    nonnegative: bool,
}

/// A real operand.
#[derive(Clone, Copy)]
struct Operand {
    v: f64,
    e: f64,
    nonnegative: bool,
}

impl Operand {
    fn low(self) -> f64 {
        if self.nonnegative { (self.v - self.e).max(0.0) } else { self.v - self.e }
    }

    fn high(self) -> f64 {
        self.v + self.e
    }

    /// Smallest magnitude.
    fn least(self) -> f64 {
        (self.v.abs() - self.e).max(0.0)
    }

    /// Largest magnitude.
    fn most(self) -> f64 {
        self.v.abs() + self.e
    }
}

impl Item {
    /// A value that the device has exactly.
    fn exact(value: Value) -> Item {
        Item::new(value, 0.0)
    }

    fn new(value: Value, error: f64) -> Item {
        let error = if error.is_nan() { f64::INFINITY } else { error };
        Item { value, error, nonnegative: value.as_f64() - error >= 0.0 }
    }

    /// Anything may come.
    fn unbounded(value: Value) -> Item {
        Item::new(value, f64::INFINITY)
    }

    fn with_sign(self, nonnegative: bool) -> Item {
        Item { nonnegative: self.nonnegative || nonnegative, ..self }
    }

    fn real(self) -> Operand {
        Operand { v: self.value.as_f64(), e: self.error, nonnegative: self.nonnegative }
    }

    /// A bool that is known (`error` 0) or may be either (1).
    fn truth(value: Value, certain: bool) -> Item {
        Item { value, error: if certain { 0.0 } else { 1.0 }, nonnegative: true }
    }
}

/// The result `v` of a function that its operands' errors move by up to `p` and that is computed to `units` u.
fn rounded(v: f64, p: f64, units: f64) -> Item {
    let value = Value::F32(v);
    let error = p + units * U * (v.abs() + p);
    if error.is_nan() || v.abs() + error > HUGE {
        return Item::unbounded(value);
    }
    let item = Item::new(value, error);
    Item { error: flushed(v, error), ..item }
}

/// Evaluates a DAG with bounds, many times.
#[derive(Clone, Debug)]
pub struct BoundEvaluator {
    dag: Dag,
    needed: Vec<bool>,
    items: Vec<Item>,
}

impl BoundEvaluator {
    /// Values and bounds of the outputs at inputs of known values and bounds; see [`Dag::eval_with_bound`].
    ///
    /// # Panics
    /// If the number of values is not the number of inputs.
    pub fn eval(&mut self, inputs: &[(Value, f64)], outputs: &mut Vec<(Value, f64)>) {
        assert_eq!(inputs.len(), self.dag.inputs().len(), "number of values given to a scalar DAG");
        for i in 0..self.dag.len() {
            if self.needed[i] {
                self.items[i] = self.node(i, inputs);
            }
        }
        outputs.clear();
        outputs.extend(self.dag.outputs().iter().map(|o| {
            let item = self.items[o.index()];
            (item.value, item.error)
        }));
    }

    fn node(&self, index: usize, inputs: &[(Value, f64)]) -> Item {
        let at = |id: &super::Id| self.items[id.index()];
        match &self.dag.nodes()[index] {
            Node::Input(n) => input(inputs[*n as usize], self.dag.inputs()[*n as usize]),
            Node::Const(c) => constant(c.value()),
            Node::Unary(Unary::Bits, x) => {
                // Only what no arithmetic has touched has a zero of known sign.
                let raw =
                    matches!(self.dag.node(*x), Node::Input(_) | Node::Const(_) | Node::Unary(Unary::FromBits, _));
                bits(at(x), raw)
            }
            Node::Unary(op, x) => unary_item(*op, at(x)),
            Node::Binary(op, a, b) => {
                let (x, y) = (at(a), at(b));
                let value = binary(*op, x.value, y.value);
                match (x.value, y.value) {
                    (Value::F32(_), Value::F32(_)) => {
                        let folds = [a, b].iter().any(|id| self.dag.real(**id).is_some_and(|c| !is_power_of_two(c)));
                        real_binary(*op, x, y, value, a == b, folds)
                    }
                    (Value::Bool(_), Value::Bool(_)) => bool_binary(*op, x, y, value),
                    _ => integer_binary(*op, x, y, value, a == b),
                }
            }
            Node::Select { condition, then, otherwise } => select(at(condition), at(then), at(otherwise)),
            Node::Cast(ty, x) => cast(*ty, at(x)),
            Node::Call(f, _) => unreachable!("call of `{}` was expanded by Dag::inlined", f.name()),
        }
    }
}

impl Dag {
    /// For each output its value in f64 (as [`Dag::eval`]) and a bound on the distance of a device's f32 result from it, when
    /// the inputs lie within the given bounds of theirs. An integer's bound is absolute too; a bool's is 0 where it is certain,
    /// 1 where it may be either. An infinite bound says that anything may come, NaN included; a finite one with a value that is
    /// infinite or NaN says that the device gives the same infinity, or NaN. The module's head states the assumptions.
    ///
    /// # Panics
    /// If the number of values is not the number of inputs.
    pub fn eval_with_bound(&self, inputs: &[(Value, f64)]) -> Vec<(Value, f64)> {
        let mut outputs = Vec::new();
        self.bound_evaluator().eval(inputs, &mut outputs);
        outputs
    }

    /// As [`Dag::eval_with_bound`], made ready for many elements.
    pub fn bound_evaluator(&self) -> BoundEvaluator {
        let dag = self.inlined();
        let items = vec![Item::exact(Value::Bool(false)); dag.len()];
        BoundEvaluator { needed: dag.needed(), dag, items }
    }
}

fn is_power_of_two(c: f64) -> bool {
    c.is_normal() && c.to_bits() << 12 == 0
}

fn input((value, error): (Value, f64), ty: Type) -> Item {
    let item = Item::new(value.cast(ty), error);
    match item.value {
        Value::F32(v) => Item { error: flushed(v, item.error), ..item },
        _ => item,
    }
}

/// A constant is rounded to f32 when it is printed.
fn constant(value: Value) -> Item {
    let Value::F32(v) = value else { return Item::exact(value) };
    let printed = f64::from(v as f32);
    if !v.is_finite() {
        return Item::exact(value);
    }
    if !printed.is_finite() {
        return Item::unbounded(value);
    }
    let item = Item::new(value, (printed - v).abs());
    Item { error: flushed(v, item.error), ..item }.with_sign(v >= 0.0)
}

fn bits(x: Item, raw: bool) -> Item {
    let value = unary(Unary::Bits, x.value);
    let v = x.value.as_f64();
    let known = x.error == 0.0 && f64::from(v as f32) == v && (v != 0.0 || raw);
    if known { Item::exact(value) } else { Item::unbounded(value) }
}

fn unary_item(op: Unary, x: Item) -> Item {
    let value = unary(op, x.value);
    match (op, x.value) {
        (Unary::Not, _) => Item::truth(value, x.error == 0.0),
        (Unary::FromBits, _) if x.error == 0.0 => input((value, 0.0), Type::F32),
        (Unary::IsNan, _) => Item::truth(value, x.error.is_finite()),
        (Unary::IsFinite, _) => Item::truth(value, x.error.is_finite() && (x.real().most() <= HUGE || x.error == 0.0)),
        (_, Value::F32(_)) if x.error.is_infinite() => Item::unbounded(value),
        (_, Value::F32(_)) => real_unary(op, x, value),
        (Unary::Abs | Unary::Neg, Value::I32(v)) if v != i32::MIN => Item::new(value, x.error),
        (Unary::Sign, Value::I32(v)) => Item::new(value, if x.error < f64::from(v).abs() { 0.0 } else { 2.0 }),
        _ if x.error == 0.0 => Item::exact(value),
        _ => Item::unbounded(value),
    }
}

fn is_comparison(op: Binary) -> bool {
    matches!(op, Binary::Eq | Binary::Ne | Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge)
}

/// Whether a comparison comes out the same for all values within the bounds.
fn certain(a: Operand, b: Operand, same: bool) -> bool {
    let errors = a.e + b.e;
    if errors.is_infinite() {
        return false;
    }
    // A NaN or an infinity is certain; two errors of 0 are, too.
    let apart = (a.v - b.v).abs() > errors || !a.v.is_finite() || !b.v.is_finite();
    (same && a.v.is_finite()) || errors == 0.0 || apart
}

fn bool_binary(op: Binary, x: Item, y: Item, value: Value) -> Item {
    let sure = |item: Item, wanted: bool| item.error == 0.0 && item.value == Value::Bool(wanted);
    let decided = match op {
        Binary::And => sure(x, false) || sure(y, false),
        Binary::Or => sure(x, true) || sure(y, true),
        _ => false,
    };
    Item::truth(value, decided || (x.error == 0.0 && y.error == 0.0))
}

fn integer_binary(op: Binary, x: Item, y: Item, value: Value, same: bool) -> Item {
    let (a, b) = (x.real(), y.real());
    if is_comparison(op) {
        return Item::truth(value, certain(a, b, same));
    }
    if a.e == 0.0 && b.e == 0.0 {
        return Item::exact(value);
    }
    let (exact, error) = match op {
        Binary::Add => (a.v + b.v, a.e + b.e),
        Binary::Sub => (a.v - b.v, a.e + b.e),
        Binary::Mul => (a.v * b.v, a.v.abs() * b.e + b.v.abs() * a.e + a.e * b.e),
        Binary::Min | Binary::Max => (value.as_f64(), a.e.max(b.e)),
        _ => return Item::unbounded(value),
    };
    let (least, most) = integer_range(value.ty());
    // Where it may wrap, it may be anything.
    if exact - error < least || exact + error > most { Item::unbounded(value) } else { Item::new(value, error) }
}

fn integer_range(ty: Type) -> (f64, f64) {
    match ty {
        Type::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        _ => (0.0, f64::from(u32::MAX)),
    }
}

fn select(condition: Item, then: Item, otherwise: Item) -> Item {
    let (taken, other) = if condition.value == Value::Bool(true) { (then, otherwise) } else { (otherwise, then) };
    if condition.error == 0.0 {
        return taken;
    }
    let (a, b) = (taken.value.as_f64(), other.value.as_f64());
    let error = match taken.value.ty() {
        Type::Bool if a == b && taken.error + other.error == 0.0 => 0.0,
        Type::Bool => 1.0,
        _ if a == b || (a.is_nan() && b.is_nan()) => taken.error.max(other.error),
        _ if a.is_finite() && b.is_finite() => taken.error.max((a - b).abs() + other.error),
        _ => f64::INFINITY,
    };
    Item { nonnegative: taken.nonnegative && other.nonnegative, ..Item::new(taken.value, error) }
}

fn cast(ty: Type, x: Item) -> Item {
    let (from, value) = (x.value.ty(), x.value.cast(ty));
    let v = x.value.as_f64();
    match (from, ty) {
        _ if from == ty => x,
        (_, Type::Bool) => Item::truth(value, !v.is_nan() && (x.error == 0.0 || v.abs() > x.error)),
        (Type::Bool, _) => Item::new(value, x.error).with_sign(true),
        (Type::F32, _) if v.is_nan() || x.error.is_infinite() => Item::unbounded(value),
        (Type::F32, _) => {
            let at = |a: f64| Value::F32(a).cast(ty).as_f64();
            let r = value.as_f64();
            Item::new(value, (at(v + x.error) - r).abs().max((r - at(v - x.error)).abs()))
        }
        // One of the two neighbours.
        (_, Type::F32) if x.error == 0.0 && f64::from(v as f32) == v => Item::exact(value),
        (_, Type::F32) => rounded(v, x.error, 2.0).with_sign(x.nonnegative),
        // Between the integers by bits: uncertain where the sign is.
        _ if x.error == 0.0 => Item::exact(value),
        _ => {
            let top = f64::from(i32::MAX);
            let fits = v - x.error >= 0.0 && v + x.error <= top;
            Item::new(value, if fits { x.error } else { f64::INFINITY })
        }
    }
}
