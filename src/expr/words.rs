//! Functions and constants of the expression language, for the parser and the printer.

use super::{Binary, Type, Unary};

/// Functions that are one node, of one argument.
pub(super) const UNARY: [(&str, Unary); 19] = [
    ("abs", Unary::Abs),
    ("sign", Unary::Sign),
    ("floor", Unary::Floor),
    ("ceil", Unary::Ceil),
    ("trunc", Unary::Trunc),
    ("round", Unary::Round),
    ("sqrt", Unary::Sqrt),
    ("exp", Unary::Exp),
    ("log", Unary::Log),
    ("ln", Unary::Log),
    ("sin", Unary::Sin),
    ("cos", Unary::Cos),
    ("tanh", Unary::Tanh),
    ("erf", Unary::Erf),
    ("bitnot", Unary::BitNot),
    ("isfinite", Unary::IsFinite),
    ("isnan", Unary::IsNan),
    ("bits", Unary::Bits),
    ("frombits", Unary::FromBits),
];

/// Functions that are one node, of two arguments.
pub(super) const BINARY: [(&str, Binary); 7] = [
    ("pow", Binary::Pow),
    ("min", Binary::Min),
    ("max", Binary::Max),
    ("xor", Binary::Xor),
    ("shl", Binary::Shl),
    ("shr", Binary::Shr),
    ("mulhi", Binary::MulHi),
];

/// Conversions, named for the type that they give.
pub(super) const CASTS: [(&str, Type); 4] =
    [("f32", Type::F32), ("i32", Type::I32), ("u32", Type::U32), ("bool", Type::Bool)];

/// Functions that are composed of others, all of one argument.
pub(super) const COMPOSED: [&str; 12] =
    ["tan", "sinh", "cosh", "log10", "sigmoid", "erfc", "gelu", "silu", "softplus", "relu", "square", "recip"];

/// Selects: condition, value where it holds, value elsewhere.
pub(super) const SELECTS: [&str; 2] = ["if", "where"];

/// Operators written between their operands.
pub(super) const INFIX: [(&str, Binary); 14] = [
    ("+", Binary::Add),
    ("-", Binary::Sub),
    ("*", Binary::Mul),
    ("/", Binary::Div),
    ("%", Binary::Rem),
    ("^", Binary::Pow),
    ("==", Binary::Eq),
    ("!=", Binary::Ne),
    ("<", Binary::Lt),
    ("<=", Binary::Le),
    (">", Binary::Gt),
    (">=", Binary::Ge),
    ("and", Binary::And),
    ("or", Binary::Or),
];

/// Named real constants.
pub(super) const CONSTANTS: [(&str, f64); 3] =
    [("pi", std::f64::consts::PI), ("e", std::f64::consts::E), ("tau", std::f64::consts::TAU)];

/// Named truth values.
pub(super) const TRUTHS: [(&str, bool); 2] = [("true", true), ("false", false)];

/// The entry of a table.
pub(super) fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
}

/// The first name of an entry.
pub(super) fn name_of<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> Option<&'static str> {
    table.iter().find(|(_, v)| *v == value).map(|(name, _)| *name)
}

/// Number of arguments of a function; `None` for an unknown one.
pub(super) fn arity(name: &str) -> Option<usize> {
    if find(&UNARY, name).is_some() || find(&CASTS, name).is_some() || COMPOSED.contains(&name) {
        Some(1)
    } else if find(&BINARY, name).is_some() {
        Some(2)
    } else {
        SELECTS.contains(&name).then_some(3)
    }
}

/// Names of all functions.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    let nodes =
        UNARY.iter().map(|(n, _)| *n).chain(BINARY.iter().map(|(n, _)| *n)).chain(CASTS.iter().map(|(n, _)| *n));
    nodes.chain(COMPOSED).chain(SELECTS)
}

/// Whether a name stands for a constant of the language.
pub(super) fn is_constant(name: &str) -> bool {
    find(&CONSTANTS, name).is_some() || find(&TRUTHS, name).is_some()
}
