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

use super::eval::{binary, unary};
use super::{Binary, Dag, Node, Type, Unary, Value};

/// Unit roundoff of f32 with room for the rounding of the f64 evaluation itself.
const U: f64 = (1.0 + 9.5367431640625e-7) / 16_777_216.0;
/// Rounding of our functions: 4 ULP.
const FUNCTION: f64 = 8.0;
/// Rounding of a division: 2.5 ULP.
const DIVISION: f64 = 5.0;
/// Rounding of a square root: 3.5 ULP.
const ROOT: f64 = 7.0;
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

/// Functions of a real operand with a finite bound.
fn real_unary(op: Unary, item: Item, value: Value) -> Item {
    let (x, v) = (item.real(), value.as_f64());
    let Operand { v: a, e, .. } = x;
    match op {
        Unary::Neg => return Item { nonnegative: x.high() <= 0.0, ..Item::new(value, e) },
        Unary::Abs => return Item::new(value, e).with_sign(!a.is_nan()),
        Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Round => return steps(op, x, v),
        // WGSL does not say what the sign of a NaN is.
        Unary::Sign => return if a.is_nan() { Item::unbounded(value) } else { steps(op, x, v) },
        _ => {}
    }
    if !a.is_finite() || (!v.is_finite() && e == 0.0) {
        return Item::exact(value).with_sign(v >= 0.0);
    }
    // How far the function moves over the operand's interval.
    let p = match op {
        // Monotone: the ends say all.
        Unary::Sqrt if x.low() < 0.0 => f64::INFINITY,
        Unary::Sqrt => (x.high().sqrt() - v).max(v - x.low().sqrt()),
        // Steepest at the upper end.
        Unary::Exp => v * e.exp_m1(),
        // Steepest at the lower end.
        Unary::Log if x.low() <= 0.0 => f64::INFINITY,
        Unary::Log => -(-e / a).ln_1p(),
        // |f'| at a, |f''| <= 1; and f in [-1, 1].
        Unary::Sin => (e * (a.cos().abs() + 0.5 * e).min(1.0)).min(2.0),
        Unary::Cos => (e * (a.sin().abs() + 0.5 * e).min(1.0)).min(2.0),
        // f' = sech^2 <= min(1, 4 exp(-2 |x|)), steepest nearest to 0.
        Unary::Tanh => (e * (4.0 * (-2.0 * x.least()).exp()).min(1.0)).min(2.0),
        Unary::Erf => (e * std::f64::consts::FRAC_2_SQRT_PI * (-x.least() * x.least()).exp()).min(2.0),
        _ => f64::INFINITY,
    };
    let units = if op == Unary::Sqrt { ROOT } else { FUNCTION };
    let positive = matches!(op, Unary::Sqrt | Unary::Exp) || (matches!(op, Unary::Tanh | Unary::Erf) && x.low() >= 0.0);
    rounded(v, if p.is_nan() { f64::INFINITY } else { p }, units).with_sign(positive)
}

/// Functions that are exact and rise in steps.
fn steps(op: Unary, x: Operand, v: f64) -> Item {
    if !x.v.is_finite() {
        return Item::exact(Value::F32(v));
    }
    let at = |a: f64| unary(op, Value::F32(a)).as_f64();
    Item::new(Value::F32(v), (at(x.high()) - v).abs().max((v - at(x.v - x.e)).abs())).with_sign(at(x.low()) >= 0.0)
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

fn real_binary(op: Binary, x: Item, y: Item, value: Value, same: bool, folds: bool) -> Item {
    let (a, b) = (x.real(), y.real());
    if is_comparison(op) {
        let open = op == Binary::Ne && (a.v.is_nan() || b.v.is_nan());
        return Item::truth(value, !open && certain(a, b, same));
    }
    if a.e.is_infinite() || b.e.is_infinite() {
        return Item::unbounded(value);
    }
    let v = value.as_f64();
    let both = a.nonnegative && b.nonnegative;
    if matches!(op, Binary::Min | Binary::Max) {
        if a.v.is_nan() || b.v.is_nan() {
            return Item::unbounded(value);
        }
        let sign = both || (op == Binary::Max && (a.nonnegative || b.nonnegative));
        return Item::new(value, if v.is_infinite() { 0.0 } else { a.e.max(b.e) }).with_sign(sign);
    }
    if !a.v.is_finite() || !b.v.is_finite() {
        return if special(op, a, b) { Item::exact(value) } else { Item::unbounded(value) };
    }
    // Round to nearest is exact where the result is an f32. A product with a constant may have its constant merged with
    // another one, so its rounding may take place elsewhere.
    let exact = a.e == 0.0 && b.e == 0.0 && f64::from(v as f32) == v;
    let units = if exact && !(op == Binary::Mul && folds) { 0.0 } else { 1.0 };
    match op {
        Binary::Add => rounded(v, a.e + b.e, units).with_sign(both),
        Binary::Sub => rounded(v, if same { 0.0 } else { a.e + b.e }, units),
        Binary::Mul if same => rounded(v, 2.0 * a.v.abs() * a.e + a.e * a.e, units).with_sign(true),
        Binary::Mul => rounded(v, a.v.abs() * b.e + b.v.abs() * a.e + a.e * b.e, units).with_sign(both),
        Binary::Div => divide(a, b, v).with_sign(both),
        Binary::Rem => remainder(a, b, v),
        Binary::Pow => power(a, b, v).with_sign(a.nonnegative),
        _ => Item::unbounded(value),
    }
}

/// Whether the class (NaN or which infinity, or the exact zero) of a result is certain when an operand is infinite or NaN.
fn special(op: Binary, a: Operand, b: Operand) -> bool {
    // A factor that is surely zero, or surely neither zero nor flushed to it.
    let clear = |x: Operand| x.v.is_infinite() || (x.v == 0.0 && x.e == 0.0) || x.least() >= TINY;
    match op {
        Binary::Pow => a.e == 0.0 && b.e == 0.0,
        _ if a.v.is_nan() || b.v.is_nan() => true,
        Binary::Add | Binary::Sub => true,
        Binary::Mul => clear(a) && clear(b),
        Binary::Div => b.v.is_infinite() || b.least() >= TINY,
        _ => false,
    }
}

/// `a'/b' - a/b = ((a' - a) - (a/b) (b' - b)) / b'`
fn divide(a: Operand, b: Operand, v: f64) -> Item {
    if b.v == 0.0 && b.e == 0.0 && a.v == 0.0 && a.e == 0.0 {
        return Item::exact(Value::F32(f64::NAN));
    }
    if b.least() < TINY {
        return Item::unbounded(Value::F32(v));
    }
    let p = (a.e + v.abs() * b.e) / b.least();
    // Above 2^126 WGSL promises nothing; a reciprocal that underflows may take the quotient with it.
    let lost = if b.most() > 2f64.powi(126) { v.abs() + p } else { 0.0 };
    rounded(v, p + lost, DIVISION)
}

/// WGSL: `a - b trunc(a / b)`.
fn remainder(a: Operand, b: Operand, v: f64) -> Item {
    let quotient = a.v / b.v;
    let error = divide(a, b, quotient).error;
    if !error.is_finite() {
        return Item::unbounded(Value::F32(v));
    }
    let jumps = (quotient + error).trunc() - (quotient - error).trunc();
    let times = quotient.abs().trunc() + jumps;
    // The product overflows where the dividend is next to the largest f32.
    if times * b.most() * (1.0 + U) > HUGE {
        return Item::unbounded(Value::F32(v));
    }
    let p = a.e + times * b.e + jumps * b.most() + U * times * b.most();
    rounded(v, p, 1.0)
}

/// `x^y = exp(y log x)`, monotone in each of `x > 0` and `y`.
fn power(x: Operand, y: Operand, v: f64) -> Item {
    if x.e == 0.0 && y.e == 0.0 {
        // The sign of a zero base is not fixed, and so that of its pole.
        let pole = x.v == 0.0 && v.is_infinite();
        return match v.is_finite() {
            true => rounded(v, 0.0, FUNCTION),
            false if pole => Item::unbounded(Value::F32(v)),
            false => Item::exact(Value::F32(v)),
        };
    }
    let whole = y.e == 0.0 && y.v == y.v.trunc();
    let p = if x.e >= x.v.abs() && whole && y.v >= 1.0 {
        // |d x^n| <= n max|x|^(n-1) |dx|
        y.v * x.most().powf(y.v - 1.0) * x.e
    } else if (x.v > 0.0 || whole) && x.e < x.v.abs() {
        let spread = y.most() * -(-x.e / x.v.abs()).ln_1p() + y.e * x.v.abs().ln().abs();
        v.abs() * spread.exp_m1()
    } else {
        f64::INFINITY
    };
    rounded(v, if p.is_nan() { f64::INFINITY } else { p }, FUNCTION)
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
