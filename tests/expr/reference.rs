//! A second, slow evaluator with a running bound on its rounding errors.
//!
//! Each value carries a bound on how far an exact evaluation could be from it: the errors of the operands through the
//! slope of the operation, and the rounding of the operation itself, eps |v| for IEEE operations and 4 eps |v| for
//! functions of the C library (which promise less than 2 units in the last place). The bound is infinite where it says
//! nothing: at a jump that lies within the error, and where the result depends on the sign of a zero, which the
//! simplifier may change.

use fieldline::expr::{Binary, Dag, Id, Node, Type, Unary, Value};

const EPS: f64 = f64::EPSILON;

/// A value and the bound on its error; integers and bools are exact (0) or unsure (infinite).
#[derive(Clone, Copy, Debug)]
pub struct Bounded {
    pub value: Value,
    pub error: f64,
}

/// What a step of a program does.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Unary(Unary),
    Binary(Binary),
    Select,
    Cast(Type),
}

impl Bounded {
    pub fn exact(value: Value) -> Bounded {
        Bounded { value, error: 0.0 }
    }

    pub fn real(self) -> f64 {
        match self.value {
            Value::F32(v) => v,
            v => panic!("expected an f32, got {v:?}"),
        }
    }

    /// Whether two evaluations of one quantity may differ as they do.
    pub fn agrees(self, other: Bounded) -> bool {
        if self.error == f64::INFINITY || other.error == f64::INFINITY {
            return true;
        }
        match (self.value, other.value) {
            (Value::F32(a), Value::F32(b)) if a.is_finite() && b.is_finite() => {
                (a - b).abs() <= self.error + other.error
            }
            (Value::F32(a), Value::F32(b)) => a == b || (a.is_nan() && b.is_nan()),
            (a, b) => a == b,
        }
    }
}

/// Values of all needed nodes of a DAG without calls.
pub fn all(dag: &Dag, inputs: &[Value]) -> Vec<Option<Bounded>> {
    let needed = dag.needed();
    let mut values: Vec<Option<Bounded>> = vec![None; dag.len()];
    for (i, node) in dag.nodes().iter().enumerate().filter(|(i, _)| needed[*i]) {
        let at = |id: &Id| values[id.index()].expect("operands come first");
        values[i] = Some(match node {
            Node::Const(c) => Bounded::exact(c.value()),
            Node::Input(n) => Bounded::exact(inputs[*n as usize]),
            Node::Unary(op, x) => step(Op::Unary(*op), &[at(x)]),
            Node::Binary(op, a, b) => step(Op::Binary(*op), &[at(a), at(b)]),
            Node::Select { condition, then, otherwise } => step(Op::Select, &[at(condition), at(then), at(otherwise)]),
            Node::Cast(ty, x) => step(Op::Cast(*ty), &[at(x)]),
            Node::Call(f, _) => panic!("inline `{}` first", f.name()),
        });
    }
    values
}

/// Values of the outputs.
pub fn outputs(dag: &Dag, inputs: &[Value]) -> Vec<Bounded> {
    let dag = dag.inlined();
    let values = all(&dag, inputs);
    dag.outputs().iter().map(|o| values[o.index()].expect("outputs are needed")).collect()
}

/// One operation.
pub fn step(op: Op, x: &[Bounded]) -> Bounded {
    let value = match op {
        Op::Unary(op) => unary(op, x[0].value),
        Op::Binary(op) => binary(op, x[0].value, x[1].value),
        Op::Select => return select(x[0], x[1], x[2]),
        Op::Cast(ty) => cast(ty, x[0].value),
    };
    if x.iter().any(|x| x.error == f64::INFINITY) {
        return Bounded { value, error: f64::INFINITY };
    }
    let error = match (op, x) {
        (Op::Unary(op), [x]) => unary_error(op, *x, value),
        (Op::Binary(op), [a, b]) => binary_error(op, *a, *b, value),
        (Op::Cast(ty), [x]) => match (ty, x.value) {
            (Type::F32, _) => x.error,
            (_, Value::F32(_)) => jump(*x, |v| cast(ty, Value::F32(v))),
            _ => 0.0,
        },
        _ => 0.0,
    };
    Bounded { value, error: if error.is_nan() { f64::INFINITY } else { error } }
}

fn select(condition: Bounded, then: Bounded, otherwise: Bounded) -> Bounded {
    let chosen = if condition.value == Value::Bool(true) { then } else { otherwise };
    Bounded { error: if condition.error > 0.0 { f64::INFINITY } else { chosen.error }, ..chosen }
}

/// 0 where the function has one value around `x`, else infinite.
fn jump(x: Bounded, f: impl Fn(f64) -> Value) -> f64 {
    let v = x.real();
    let around = [f(v - x.error), f(v + x.error)];
    let same = |a: Value, b: Value| a == b || (a.as_f64().is_nan() && b.as_f64().is_nan());
    if x.error == 0.0 || same(around[0], around[1]) { 0.0 } else { f64::INFINITY }
}

fn unary_error(op: Unary, x: Bounded, result: Value) -> f64 {
    let Value::F32(v) = x.value else { return 0.0 };
    let e = x.error;
    let r = result.as_f64().abs();
    if !v.is_finite() || !r.is_finite() {
        return 0.0;
    }
    match op {
        Unary::Neg | Unary::Abs => e,
        Unary::Sqrt => e / (v - e).max(0.0).sqrt() * f64::from(u8::from(e > 0.0)) + EPS * r,
        Unary::Exp => r * e.exp_m1() + 4.0 * EPS * r,
        Unary::Log if e > 0.0 && v <= 2.0 * e => f64::INFINITY,
        Unary::Log => e / (v - e) + 4.0 * EPS * r,
        // Slopes at most 1, and 2/sqrt(pi) < 1.13.
        Unary::Sin | Unary::Cos | Unary::Tanh => e + 4.0 * EPS * r,
        Unary::Erf => 1.13 * e + 4.0 * EPS * r,
        // The sign of a zero shows in the bits.
        Unary::Bits if v == 0.0 => f64::INFINITY,
        op => jump(x, |v| unary(op, Value::F32(v))),
    }
}

fn binary_error(op: Binary, x: Bounded, y: Bounded, result: Value) -> f64 {
    let (Value::F32(a), Value::F32(b)) = (x.value, y.value) else { return 0.0 };
    let (ea, eb) = (x.error, y.error);
    let r = result.as_f64().abs();
    // The sign of a zero divisor decides the sign of the infinity.
    if (op == Binary::Div && b == 0.0) || (op == Binary::Pow && a == 0.0 && b < 0.0) {
        return f64::INFINITY;
    }
    // sqrt(-inf), which `x^0.5` becomes, is NaN.
    if op == Binary::Pow && a == f64::NEG_INFINITY && b.abs() == 0.5 {
        return f64::INFINITY;
    }
    if ea == 0.0 && eb == 0.0 && matches!(op, Binary::Rem | Binary::Min | Binary::Max) {
        return 0.0;
    }
    if !a.is_finite() || !b.is_finite() || !r.is_finite() {
        let unsure = (ea > 0.0 && a.abs() <= ea) || (eb > 0.0 && b.abs() <= eb);
        return if unsure { f64::INFINITY } else { 0.0 };
    }
    match op {
        Binary::Add | Binary::Sub => ea + eb + EPS * r,
        // The smallest number: products may underflow.
        Binary::Mul => a.abs() * eb + b.abs() * ea + ea * eb + EPS * r + f64::MIN_POSITIVE,
        Binary::Div if eb > 0.0 && b.abs() <= 2.0 * eb => f64::INFINITY,
        Binary::Div => (ea + r * eb) / (b.abs() - eb) + EPS * r + f64::MIN_POSITIVE,
        Binary::Rem => {
            let (low, high) = ((a.abs() - ea) / (b.abs() + eb), (a.abs() + ea) / (b.abs() - eb));
            if low.floor() == high.floor() { ea + high * eb } else { f64::INFINITY }
        }
        Binary::Pow if a == 0.0 || (ea > 0.0 && a.abs() <= 2.0 * ea) || (a < 0.0 && eb > 0.0) => {
            if ea == 0.0 && eb == 0.0 { 4.0 * EPS * r } else { f64::INFINITY }
        }
        Binary::Pow => {
            // Relative change of a^b = exp(b ln a); four roundings for the products that small whole powers become.
            let relative = b.abs() * ea / (a.abs() - ea) + (a.abs().ln().abs() + 1.0) * eb;
            r * relative.exp_m1() + 4.0 * EPS * r + f64::MIN_POSITIVE
        }
        Binary::Min | Binary::Max => ea.max(eb),
        // Comparisons
        _ if (a - b).abs() <= ea + eb && ea + eb > 0.0 => f64::INFINITY,
        _ => 0.0,
    }
}

/// `op(x)`, written anew.
fn unary(op: Unary, x: Value) -> Value {
    match (op, x) {
        (Unary::Neg, Value::I32(v)) => Value::I32((-i64::from(v)) as i32),
        (Unary::Neg, Value::U32(v)) => Value::U32((-i64::from(v)) as u32),
        (Unary::Abs, Value::I32(v)) => Value::I32(i64::from(v).abs() as i32),
        (Unary::Abs, Value::U32(v)) => Value::U32(v),
        (Unary::Sign, Value::I32(v)) => Value::I32(i32::from(v > 0) - i32::from(v < 0)),
        (Unary::BitNot, Value::I32(v)) => Value::I32(-1 - v),
        (Unary::BitNot, Value::U32(v)) => Value::U32(u32::MAX - v),
        (Unary::Not, Value::Bool(v)) => Value::Bool(!v),
        (Unary::FromBits, Value::U32(v)) => Value::F32(f32::from_bits(v).into()),
        (Unary::IsFinite, Value::F32(v)) => Value::Bool(v.abs() < f64::INFINITY),
        (Unary::IsNan, Value::F32(v)) => Value::Bool(v.is_nan()),
        (Unary::Bits, Value::F32(v)) => Value::U32((v as f32).to_bits()),
        (op, Value::F32(v)) => Value::F32(match op {
            Unary::Neg => -v,
            Unary::Abs => v.abs(),
            Unary::Sign if v > 0.0 => 1.0,
            Unary::Sign if v < 0.0 => -1.0,
            Unary::Sign => v,
            Unary::Floor => v.floor(),
            Unary::Ceil => v.ceil(),
            Unary::Trunc => v.trunc(),
            Unary::Round => libm::rint(v),
            Unary::Sqrt => v.sqrt(),
            Unary::Exp => v.exp(),
            Unary::Log => v.ln(),
            Unary::Sin => v.sin(),
            Unary::Cos => v.cos(),
            Unary::Tanh => v.tanh(),
            Unary::Erf => libm::erf(v),
            op => panic!("{op:?} of an f32"),
        }),
        (op, x) => panic!("{op:?} of {x:?}"),
    }
}

/// `op(a, b)`, written anew: integers in wide arithmetic.
fn binary(op: Binary, a: Value, b: Value) -> Value {
    if let Some(result) = comparison(op, a, b) {
        return Value::Bool(result);
    }
    match (a, b) {
        (Value::F32(x), Value::F32(y)) => Value::F32(match op {
            Binary::Add => x + y,
            Binary::Sub => x - y,
            Binary::Mul => x * y,
            Binary::Div => x / y,
            Binary::Rem => libm::fmod(x, y),
            Binary::Pow => x.powf(y),
            Binary::Min => x.min(y),
            Binary::Max => x.max(y),
            op => panic!("{op:?} of f32"),
        }),
        (Value::Bool(x), Value::Bool(y)) => Value::Bool(match op {
            Binary::And => x && y,
            Binary::Or => x || y,
            Binary::Xor => x != y,
            op => panic!("{op:?} of bool"),
        }),
        (Value::I32(x), _) => Value::I32(integer(op, x.into(), wide(b)) as i32),
        (Value::U32(x), _) => Value::U32(integer(op, x.into(), wide(b)) as u32),
        (a, b) => panic!("{op:?} of {a:?} and {b:?}"),
    }
}

fn wide(v: Value) -> i128 {
    match v {
        Value::I32(v) => v.into(),
        Value::U32(v) => v.into(),
        v => panic!("expected an integer, got {v:?}"),
    }
}

fn integer(op: Binary, x: i128, y: i128) -> i128 {
    match op {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div => {
            if y == 0 {
                x
            } else {
                x / y
            }
        }
        Binary::Rem => {
            if y == 0 {
                0
            } else {
                x % y
            }
        }
        Binary::Min => x.min(y),
        Binary::Max => x.max(y),
        Binary::And => x & y,
        Binary::Or => x | y,
        Binary::Xor => x ^ y,
        Binary::Shl => x << (y & 31),
        Binary::Shr => x >> (y & 31),
        Binary::MulHi => (x * y) >> 32,
        op => panic!("{op:?} of integers"),
    }
}

fn comparison(op: Binary, a: Value, b: Value) -> Option<bool> {
    // All types fit in f64, NaN included.
    let (x, y) = (a.as_f64(), b.as_f64());
    Some(match op {
        Binary::Eq => x == y,
        Binary::Ne => x != y,
        Binary::Lt => x < y,
        Binary::Le => x <= y,
        Binary::Gt => x > y,
        Binary::Ge => x >= y,
        _ => return None,
    })
}

fn cast(ty: Type, x: Value) -> Value {
    match (ty, x) {
        (Type::F32, x) => Value::F32(x.as_f64()),
        (Type::Bool, x) => Value::Bool(x.as_f64() != 0.0),
        (Type::I32, Value::F32(v)) if v.is_nan() => Value::I32(0),
        (Type::U32, Value::F32(v)) if v.is_nan() => Value::U32(0),
        // 2^31 - 2^7 and 2^32 - 2^8: the largest f32 below the ends.
        (Type::I32, Value::F32(v)) => Value::I32(v.trunc().max(-(2f64.powi(31))).min(2f64.powi(31) - 128.0) as i32),
        (Type::U32, Value::F32(v)) => Value::U32(v.trunc().max(0.0).min(2f64.powi(32) - 256.0) as u32),
        (Type::I32, x) => Value::I32(x.as_f64() as i64 as i32),
        (Type::U32, x) => Value::U32(x.as_f64() as i64 as u32),
    }
}
