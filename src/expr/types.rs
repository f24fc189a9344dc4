//! Types, constants, operators and nodes of a scalar DAG.

use super::{Dag, Value};
use crate::error::{Error, Result};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Type of a scalar.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Type {
    /// Single precision on the device; evaluated in f64 on the host.
    F32,
    /// Signed 32-bit integer; arithmetic wraps.
    I32,
    /// Unsigned 32-bit integer; arithmetic wraps.
    U32,
    /// Truth value.
    Bool,
}

impl Type {
    /// Name in WGSL and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Type::F32 => "f32",
            Type::I32 => "i32",
            Type::U32 => "u32",
            Type::Bool => "bool",
        }
    }

    /// Whether this is one of the two integer types.
    pub fn is_integer(self) -> bool {
        matches!(self, Type::I32 | Type::U32)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Index of a node in its [`Dag`]. Operands always have a smaller index than the node that uses them.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Id(pub(super) u32);

impl Id {
    /// Position of the node in the arena.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An f64 compared and hashed by its bits, so that nodes can be hash-consed. All NaNs are one value; 0 and -0 are two.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct Real(u64);

impl Real {
    /// Stores `value`.
    pub fn new(value: f64) -> Self {
        Real(if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
    }

    /// The stored value.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl fmt::Debug for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.get())
    }
}

/// A constant.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Const {
    /// A real number, kept in f64 and rounded to f32 only when it is printed.
    F32(Real),
    /// A signed integer.
    I32(i32),
    /// An unsigned integer.
    U32(u32),
    /// A truth value.
    Bool(bool),
}

impl Const {
    /// Type of the constant.
    pub fn ty(self) -> Type {
        match self {
            Const::F32(_) => Type::F32,
            Const::I32(_) => Type::I32,
            Const::U32(_) => Type::U32,
            Const::Bool(_) => Type::Bool,
        }
    }

    /// Value for the evaluator.
    pub fn value(self) -> Value {
        match self {
            Const::F32(v) => Value::F32(v.get()),
            Const::I32(v) => Value::I32(v),
            Const::U32(v) => Value::U32(v),
            Const::Bool(v) => Value::Bool(v),
        }
    }
}

impl From<Value> for Const {
    fn from(value: Value) -> Self {
        match value {
            Value::F32(v) => Const::F32(Real::new(v)),
            Value::I32(v) => Const::I32(v),
            Value::U32(v) => Const::U32(v),
            Value::Bool(v) => Const::Bool(v),
        }
    }
}

/// Functions of one argument. Unless said otherwise they take and give f32.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Unary {
    /// `-x`; also of integers, where it wraps.
    Neg,
    /// `|x|`; also of integers (`i32::MIN` stays). Derivative `sign(x)`, so 0 at 0.
    Abs,
    /// -1, 0 or 1; also of i32. Derivative zero.
    Sign,
    /// Largest integer not above `x`. Derivative zero.
    Floor,
    /// Smallest integer not below `x`. Derivative zero.
    Ceil,
    /// Integer part, towards zero. Derivative zero.
    Trunc,
    /// Nearest integer, halves to even. Derivative zero.
    Round,
    /// Square root.
    Sqrt,
    /// `e^x`.
    Exp,
    /// Natural logarithm.
    Log,
    /// Sine of radians.
    Sin,
    /// Cosine of radians.
    Cos,
    /// Hyperbolic tangent.
    Tanh,
    /// Error function `2/sqrt(pi) * integral_0^x exp(-t^2) dt`.
    Erf,
    /// Logical negation of a bool.
    Not,
    /// Bitwise complement of an integer.
    BitNot,
    /// f32 -> bool: neither infinite nor NaN, by a test of the exponent bits. The evaluator asks this of the f64 value.
    IsFinite,
    /// f32 -> bool: NaN, by a test of the bits.
    IsNan,
    /// f32 -> u32: the bits of the value rounded to f32. Derivative zero.
    Bits,
    /// u32 -> f32: the f32 of these bits.
    FromBits,
}

impl Unary {
    /// Result type for an operand of type `ty`; `None` where the operator does not take it.
    pub fn result(self, ty: Type) -> Option<Type> {
        use Unary::*;
        match self {
            Neg | Abs => (ty != Type::Bool).then_some(ty),
            Sign => matches!(ty, Type::F32 | Type::I32).then_some(ty),
            Floor | Ceil | Trunc | Round | Sqrt | Exp | Log | Sin | Cos | Tanh | Erf => {
                (ty == Type::F32).then_some(Type::F32)
            }
            Not => (ty == Type::Bool).then_some(Type::Bool),
            BitNot => ty.is_integer().then_some(ty),
            IsFinite | IsNan => (ty == Type::F32).then_some(Type::Bool),
            Bits => (ty == Type::F32).then_some(Type::U32),
            FromBits => (ty == Type::U32).then_some(Type::F32),
        }
    }
}

/// Functions of two arguments of one type.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Binary {
    /// Sum of numbers.
    Add,
    /// Difference of numbers.
    Sub,
    /// Product of numbers.
    Mul,
    /// Quotient. Integers as in WGSL: towards zero; `x / 0 = x` and `i32::MIN / -1 = i32::MIN`.
    Div,
    /// Remainder with the sign of the dividend, `x - y trunc(x/y)`. Integers as in WGSL: `x % 0 = 0`, `i32::MIN % -1 = 0`.
    /// Derivatives: 1 by `x`, `-trunc(x/y)` by `y`.
    Rem,
    /// `x^y` of f32, IEEE `pow`: a negative base with a whole exponent is defined, `x^0 = 1`.
    /// Derivatives: `y x^(y-1)`, and `x^y log x`, which is 0 where `x = 0` and `y > 0`.
    Pow,
    /// The smaller number. A NaN loses (as in WGSL, where a backend may return either). Ties: derivative to the first argument.
    Min,
    /// The larger number; NaN and ties as for [`Binary::Min`].
    Max,
    /// Equal; numbers or bools -> bool.
    Eq,
    /// Not equal; numbers or bools -> bool.
    Ne,
    /// Less than; numbers -> bool.
    Lt,
    /// At most; numbers -> bool.
    Le,
    /// Greater than; numbers -> bool.
    Gt,
    /// At least; numbers -> bool.
    Ge,
    /// Logical of bools, bitwise of integers.
    And,
    /// Logical of bools, bitwise of integers.
    Or,
    /// Logical of bools, bitwise of integers.
    Xor,
    /// Shift left of an integer by an integer masked with 31.
    Shl,
    /// Shift right of an integer by an integer masked with 31; arithmetic for i32.
    Shr,
    /// u32: high 32 bits of the 64-bit product.
    MulHi,
}

impl Binary {
    /// Result type for operands of types `a` and `b`; `None` where the operator does not take them.
    pub fn result(self, a: Type, b: Type) -> Option<Type> {
        use Binary::*;
        let same = a == b;
        match self {
            Add | Sub | Mul | Div | Rem | Min | Max => (same && a != Type::Bool).then_some(a),
            Pow => (same && a == Type::F32).then_some(a),
            Eq | Ne => same.then_some(Type::Bool),
            Lt | Le | Gt | Ge => (same && a != Type::Bool).then_some(Type::Bool),
            And | Or | Xor => (same && a != Type::F32).then_some(a),
            Shl | Shr => (a.is_integer() && (b == a || b == Type::U32)).then_some(a),
            MulHi => (same && a == Type::U32).then_some(a),
        }
    }

    /// Whether operands of type `ty` are put into canonical order. Float `Min`/`Max` are not: their first argument wins ties.
    pub(super) fn commutes(self, ty: Type) -> bool {
        use Binary::*;
        match self {
            Add | Mul | Eq | Ne | And | Or | Xor | MulHi => true,
            Min | Max => ty.is_integer(),
            _ => false,
        }
    }
}

/// One operation of a [`Dag`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Node {
    /// A constant.
    Const(Const),
    /// The input of this position.
    Input(u32),
    /// A function of one argument.
    Unary(Unary, Id),
    /// A function of two arguments.
    Binary(Binary, Id, Id),
    /// `condition ? then : otherwise`; both arms are computed.
    Select {
        /// A bool.
        condition: Id,
        /// Value where the condition holds.
        then: Id,
        /// Value elsewhere; same type as `then`.
        otherwise: Id,
    },
    /// Conversion as in WGSL: numbers to bool by `!= 0`, bool to 0 or 1, i32 <-> u32 by bits, f32 to an integer towards
    /// zero and clamped to the integers that f32 holds exactly (NaN gives 0 in the evaluator, anything on a device).
    Cast(Type, Id),
    /// A call of a named function.
    Call(Arc<Function>, Vec<Id>),
}

impl Node {
    /// The operands in order.
    pub fn operands(&self) -> impl Iterator<Item = Id> + '_ {
        let (fixed, rest): ([Option<Id>; 3], &[Id]) = match self {
            Node::Const(_) | Node::Input(_) => ([None; 3], &[]),
            Node::Unary(_, x) | Node::Cast(_, x) => ([Some(*x), None, None], &[]),
            Node::Binary(_, a, b) => ([Some(*a), Some(*b), None], &[]),
            Node::Select { condition, then, otherwise } => ([Some(*condition), Some(*then), Some(*otherwise)], &[]),
            Node::Call(_, args) => ([None; 3], args),
        };
        fixed.into_iter().flatten().chain(rest.iter().copied())
    }
}

/// A named function with one output, printed once as a WGSL `fn`; derivatives, jets and evaluation go through its body.
#[derive(Clone, Debug)]
pub struct Function {
    name: String,
    body: Dag,
    /// Hash of name and body, computed once: every look-up of a call node would walk the body otherwise.
    digest: u64,
}

impl Function {
    /// A function of the inputs of `body`. The name must be a WGSL identifier and the body must have one output.
    pub fn new(name: impl Into<String>, body: &Dag) -> Result<Arc<Function>> {
        let name = name.into();
        let start = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
        if !start || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.contains("__") {
            let expected = "an identifier: an ASCII letter, then letters, digits and single underscores";
            return Err(Error::argument("function name", expected, format!("`{name}`")));
        }
        if body.outputs().len() != 1 {
            let got = format!("{} outputs", body.outputs().len());
            return Err(Error::argument(format!("body of function `{name}`"), "one output", got));
        }
        let body = body.compacted();
        let mut digest = Fnv(0xcbf2_9ce4_8422_2325);
        name.hash(&mut digest);
        body.hash(&mut digest);
        Ok(Arc::new(Function { name, body, digest: digest.0 }))
    }

    /// Name as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The body; its inputs are the parameters.
    pub fn body(&self) -> &Dag {
        &self.body
    }

    /// Type of the result.
    pub fn ty(&self) -> Type {
        self.body.ty(self.body.outputs()[0])
    }

    /// Name of the WGSL function: the given name and a digest of the body, so that equal names with different bodies can
    /// live in one module, and equal functions of several DAGs can be declared once.
    pub fn wgsl_name(&self) -> String {
        format!("{}_{:08x}", self.name, (self.digest ^ (self.digest >> 32)) as u32)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest && self.name == other.name && self.body == other.body
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

/// FNV-1a: unlike the standard hasher its result is fixed by its definition, so printed shaders are the same everywhere.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    // Lengths are hashed as usize; a fixed width keeps 32-bit and 64-bit hosts alike.
    fn write_usize(&mut self, value: usize) {
        self.write(&(value as u64).to_le_bytes());
    }

    fn write_u32(&mut self, value: u32) {
        self.write(&value.to_le_bytes());
    }

    fn write_u64(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }

    fn write_isize(&mut self, value: isize) {
        self.write(&(value as i64).to_le_bytes());
    }
}
