//! Functions of real operands.

use super::super::eval::unary;
use super::super::{Binary, Unary, Value};
use super::{HUGE, Item, Operand, TINY, U, certain, is_comparison, rounded};

/// Rounding of our functions: 4 ULP.
const FUNCTION: f64 = 8.0;
/// Rounding of a division: 2.5 ULP.
const DIVISION: f64 = 5.0;
/// Rounding of a square root: 3.5 ULP.
const ROOT: f64 = 7.0;

/// Functions of a real operand with a finite bound.
pub(super) fn real_unary(op: Unary, item: Item, value: Value) -> Item {
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

/// `op(x, y)`; `same` where both are one node, `folds` where one is a constant that may be merged with another.
pub(super) fn real_binary(op: Binary, x: Item, y: Item, value: Value, same: bool, folds: bool) -> Item {
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
