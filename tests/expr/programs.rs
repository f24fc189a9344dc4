//! Random typed programs: as a DAG, and evaluated just as they were written.

use crate::reference::{self, Bounded, Op};
use fieldline::expr::{Binary, Dag, Id, Type, Unary, Value};

/// One line of a program; operands are positions of earlier lines.
#[derive(Clone, Debug)]
enum Line {
    Input(usize),
    Const(Value),
    Op(Op, Vec<usize>),
}

/// Lines with their types: first the inputs.
#[derive(Clone, Debug)]
pub struct Program {
    lines: Vec<(Line, Type)>,
}

pub const INPUTS: [Type; 8] = [Type::F32, Type::F32, Type::F32, Type::I32, Type::I32, Type::U32, Type::U32, Type::Bool];
pub const NAMES: [&str; 8] = ["x", "y", "u_xx", "n", "m", "k", "l", "flag"];

const REALS: [f64; 18] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    0.5,
    -0.5,
    3.0,
    -2.0,
    4.0,
    0.25,
    2.5,
    1e-30,
    1e30,
    0.1,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];
const I32S: [i32; 9] = [0, 1, -1, 2, 7, 31, 33, i32::MIN, i32::MAX];
const U32S: [u32; 8] = [0, 1, 2, 7, 31, 32, 0x7fc0_0000, u32::MAX];

const UNARY: [Unary; 20] = [
    Unary::Neg,
    Unary::Abs,
    Unary::Sign,
    Unary::Floor,
    Unary::Ceil,
    Unary::Trunc,
    Unary::Round,
    Unary::Sqrt,
    Unary::Exp,
    Unary::Log,
    Unary::Sin,
    Unary::Cos,
    Unary::Tanh,
    Unary::Erf,
    Unary::Not,
    Unary::BitNot,
    Unary::IsFinite,
    Unary::IsNan,
    Unary::Bits,
    Unary::FromBits,
];
const BINARY: [Binary; 20] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Rem,
    Binary::Pow,
    Binary::Min,
    Binary::Max,
    Binary::Eq,
    Binary::Ne,
    Binary::Lt,
    Binary::Le,
    Binary::Gt,
    Binary::Ge,
    Binary::And,
    Binary::Or,
    Binary::Xor,
    Binary::Shl,
    Binary::Shr,
    Binary::MulHi,
];
const TYPES: [Type; 4] = [Type::F32, Type::I32, Type::U32, Type::Bool];

/// All operations with the types of their operands and results.
fn operations() -> Vec<(Op, Vec<Type>, Type)> {
    let mut all = Vec::new();
    for ty in TYPES {
        for op in UNARY {
            all.extend(op.result(ty).map(|result| (Op::Unary(op), vec![ty], result)));
        }
        for op in BINARY {
            for other in TYPES {
                all.extend(op.result(ty, other).map(|result| (Op::Binary(op), vec![ty, other], result)));
            }
        }
        all.push((Op::Select, vec![Type::Bool, ty, ty], ty));
        all.extend(TYPES.map(|from| (Op::Cast(ty), vec![from], ty)));
    }
    // The float operations have the most identities: they come up more often.
    let floats: Vec<_> =
        all.iter().filter(|(_, from, to)| *to == Type::F32 && from.contains(&Type::F32)).cloned().collect();
    all.extend(floats.iter().cloned().chain(floats.iter().cloned()).chain(floats.iter().cloned()));
    all
}

fn pick<T: Copy>(list: &[T], byte: u8) -> T {
    list[usize::from(byte) % list.len()]
}

impl Program {
    /// A program of one line for each group of bytes.
    pub fn new(bytes: &[[u8; 5]]) -> Program {
        let operations = operations();
        let mut lines: Vec<(Line, Type)> = INPUTS.iter().enumerate().map(|(k, &ty)| (Line::Input(k), ty)).collect();
        for &[kind, which, a, b, c] in bytes {
            let line = if kind < 64 {
                let value = match kind % 8 {
                    0 => Value::I32(pick(&I32S, which)),
                    1 => Value::U32(pick(&U32S, which)),
                    2 => Value::Bool(which % 2 == 0),
                    _ => Value::F32(pick(&REALS, which)),
                };
                (Line::Const(value), value.ty())
            } else {
                let (op, from, to) = &operations[(usize::from(kind) * 256 + usize::from(which)) % operations.len()];
                let operand = |(&ty, byte): (&Type, u8)| {
                    let fitting: Vec<usize> = (0..lines.len()).filter(|&i| lines[i].1 == ty).collect();
                    // Mostly late lines, so that programs get deep.
                    fitting[fitting.len() - 1 - usize::from(byte) % fitting.len().min(6)]
                };
                (Line::Op(*op, from.iter().zip([a, b, c]).map(operand).collect()), *to)
            };
            lines.push(line);
        }
        Program { lines }
    }

    /// The program as a DAG; every line is an output.
    pub fn dag(&self) -> Dag {
        let mut dag = Dag::new();
        let mut ids: Vec<Id> = Vec::new();
        for (line, ty) in &self.lines {
            let at = |k: usize, from: &[usize]| ids[from[k]];
            let id = match line {
                Line::Input(_) => dag.input(*ty),
                Line::Const(Value::F32(v)) => dag.f32(*v),
                Line::Const(Value::I32(v)) => dag.i32(*v),
                Line::Const(Value::U32(v)) => dag.u32(*v),
                Line::Const(Value::Bool(v)) => dag.bool(*v),
                Line::Op(Op::Unary(op), from) => dag.unary(*op, at(0, from)).unwrap(),
                Line::Op(Op::Binary(op), from) => dag.binary(*op, at(0, from), at(1, from)).unwrap(),
                Line::Op(Op::Select, from) => dag.select(at(0, from), at(1, from), at(2, from)).unwrap(),
                Line::Op(Op::Cast(ty), from) => dag.cast(*ty, at(0, from)),
            };
            assert_eq!(dag.ty(id), *ty, "{line:?}");
            ids.push(id);
        }
        ids.iter().for_each(|&id| dag.output(id));
        dag
    }

    /// Values of all lines, without any simplification.
    pub fn values(&self, inputs: &[Value]) -> Vec<Bounded> {
        let mut values: Vec<Bounded> = Vec::new();
        for (line, _) in &self.lines {
            values.push(match line {
                Line::Input(k) => Bounded::exact(inputs[*k]),
                Line::Const(v) => Bounded::exact(*v),
                Line::Op(op, from) => {
                    let operands: Vec<Bounded> = from.iter().map(|&i| values[i]).collect();
                    reference::step(*op, &operands)
                }
            });
        }
        values
    }
}

impl Program {
    /// Values of the lines that a device must give bit for bit: those that only exact operations lead to.
    pub fn exact_on_device(&self, inputs: &[Value]) -> Vec<Option<Value>> {
        let values = self.values(inputs);
        let mut exact: Vec<Option<Value>> = Vec::new();
        for (k, (line, _)) in self.lines.iter().enumerate() {
            let value = values[k].value;
            let certain = match line {
                Line::Input(_) | Line::Const(_) => portable(value),
                Line::Op(op, from) => {
                    let operands: Option<Vec<Value>> = from.iter().map(|&i| exact[i]).collect();
                    operands.is_some_and(|operands| is_exact(*op, &operands)) && portable(value)
                }
            };
            // An infinite bound: the result may depend on the sign of a zero.
            exact.push((certain && values[k].error < f64::INFINITY).then_some(value));
        }
        exact
    }
}

/// Whether a device handles the value as it is: an f32 that is neither NaN, infinite nor subnormal.
fn portable(value: Value) -> bool {
    match value {
        Value::F32(v) => f64::from(v as f32) == v && (v == 0.0 || (v as f32).is_normal()),
        _ => true,
    }
}

/// Whether WGSL fixes every bit of a portable result. Sums and products are rounded correctly, so a result that is an f32 in
/// exact arithmetic is met.
fn is_exact(op: Op, operands: &[Value]) -> bool {
    let float = matches!(operands[0], Value::F32(_));
    match op {
        Op::Select => true,
        Op::Cast(_) => true,
        Op::Unary(op) => {
            use Unary::{Cos, Erf, Exp, Log, Sin, Sqrt, Tanh};
            !matches!(op, Sqrt | Exp | Log | Sin | Cos | Tanh | Erf)
        }
        Op::Binary(op) => {
            use Binary::{Div, Pow, Rem};
            !(float && matches!(op, Div | Rem | Pow))
        }
    }
}

/// Inputs from bytes: special values and ordinary ones.
pub fn inputs(bytes: [u8; 8]) -> Vec<Value> {
    let value = |(&ty, byte): (&Type, u8)| match ty {
        // Half of them specials, half of them between -8 and 8.
        Type::F32 if byte < 128 => Value::F32(pick(&REALS, byte)),
        Type::F32 => Value::F32((f64::from(byte) - 191.5) / 8.0),
        Type::I32 if byte < 128 => Value::I32(pick(&I32S, byte)),
        Type::I32 => Value::I32(i32::from(byte) - 192),
        Type::U32 if byte < 128 => Value::U32(pick(&U32S, byte)),
        Type::U32 => Value::U32(u32::from(byte).wrapping_mul(0x9e37_79b9)),
        Type::Bool => Value::Bool(byte % 2 == 0),
    };
    INPUTS.iter().zip(bytes).map(value).collect()
}
