//! Evaluation on the host: f32 nodes in f64, integers and bools exactly as WGSL defines them.

use super::{Binary, Dag, Id, Node, Type, Unary};

/// A value of a node.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Value {
    /// Value of an f32 node, computed in f64.
    F32(f64),
    /// Value of an i32 node.
    I32(i32),
    /// Value of a u32 node.
    U32(u32),
    /// Value of a bool node.
    Bool(bool),
}

impl Value {
    /// Type of the value.
    pub fn ty(self) -> Type {
        match self {
            Value::F32(_) => Type::F32,
            Value::I32(_) => Type::I32,
            Value::U32(_) => Type::U32,
            Value::Bool(_) => Type::Bool,
        }
    }

    /// The value as f64 (bools as 0 or 1).
    pub fn as_f64(self) -> f64 {
        match self {
            Value::F32(v) => v,
            Value::I32(v) => f64::from(v),
            Value::U32(v) => f64::from(v),
            Value::Bool(v) => f64::from(u8::from(v)),
        }
    }

    /// Conversion as [`Node::Cast`] defines it.
    pub fn cast(self, ty: Type) -> Value {
        /// Largest f32 below 2^31 and 2^32: WGSL clamps to integers that both types hold.
        const I32_TOP: f64 = 2_147_483_520.0;
        const U32_TOP: f64 = 4_294_967_040.0;
        match (ty, self) {
            (Type::F32, v) => Value::F32(v.as_f64()),
            (Type::I32, Value::F32(v)) => Value::I32(v.clamp(-2_147_483_648.0, I32_TOP) as i32),
            (Type::U32, Value::F32(v)) => Value::U32(v.clamp(0.0, U32_TOP) as u32),
            (Type::I32, Value::U32(v)) => Value::I32(v as i32),
            (Type::U32, Value::I32(v)) => Value::U32(v as u32),
            (Type::I32, Value::Bool(v)) => Value::I32(i32::from(v)),
            (Type::U32, Value::Bool(v)) => Value::U32(u32::from(v)),
            (Type::Bool, Value::F32(v)) => Value::Bool(v != 0.0),
            (Type::Bool, Value::I32(v)) => Value::Bool(v != 0),
            (Type::Bool, Value::U32(v)) => Value::Bool(v != 0),
            (Type::I32, v @ Value::I32(_)) | (Type::U32, v @ Value::U32(_)) | (Type::Bool, v @ Value::Bool(_)) => v,
        }
    }
}

/// `op(x)`; `x` has a type that `op` takes, which the builder has checked.
pub(super) fn unary(op: Unary, x: Value) -> Value {
    use Value::{Bool, F32, I32, U32};
    match (op, x) {
        (Unary::Neg, F32(v)) => F32(-v),
        (Unary::Neg, I32(v)) => I32(v.wrapping_neg()),
        (Unary::Neg, U32(v)) => U32(v.wrapping_neg()),
        (Unary::Abs, F32(v)) => F32(v.abs()),
        (Unary::Abs, I32(v)) => I32(v.wrapping_abs()),
        (Unary::Abs, v) => v,
        // Not `signum`, which is 1 at 0.
        (Unary::Sign, F32(v)) => F32(if v == 0.0 || v.is_nan() { v } else { v.signum() }),
        (Unary::Sign, I32(v)) => I32(v.signum()),
        (Unary::Not, Bool(v)) => Bool(!v),
        (Unary::BitNot, I32(v)) => I32(!v),
        (Unary::BitNot, U32(v)) => U32(!v),
        (Unary::IsFinite, F32(v)) => Bool(v.is_finite()),
        (Unary::IsNan, F32(v)) => Bool(v.is_nan()),
        (Unary::Bits, F32(v)) => U32((v as f32).to_bits()),
        (Unary::FromBits, U32(v)) => F32(f64::from(f32::from_bits(v))),
        (op, F32(v)) => F32(real_function(op, v)),
        (op, v) => unreachable!("{op:?} of {v:?} is refused by Dag::unary"),
    }
}

/// The functions from real to real.
fn real_function(op: Unary, v: f64) -> f64 {
    match op {
        Unary::Floor => v.floor(),
        Unary::Ceil => v.ceil(),
        Unary::Trunc => v.trunc(),
        Unary::Round => v.round_ties_even(),
        Unary::Sqrt => v.sqrt(),
        Unary::Exp => v.exp(),
        Unary::Log => v.ln(),
        Unary::Sin => v.sin(),
        Unary::Cos => v.cos(),
        Unary::Tanh => v.tanh(),
        Unary::Erf => libm::erf(v),
        op => unreachable!("{op:?} of an f32 is refused by Dag::unary"),
    }
}

/// `op(a, b)`; the operands have types that `op` takes, which the builder has checked.
pub(super) fn binary(op: Binary, a: Value, b: Value) -> Value {
    use Value::{Bool, F32, I32, U32};
    match (a, b) {
        (F32(x), F32(y)) => real_binary(op, x, y),
        (I32(x), I32(y)) => i32_binary(op, x, y),
        (U32(x), U32(y)) => u32_binary(op, x, y),
        // Only shifts mix types.
        (I32(x), U32(y)) => i32_binary(op, x, y as i32),
        (Bool(x), Bool(y)) => Bool(match op {
            Binary::And => x & y,
            Binary::Or => x | y,
            Binary::Xor | Binary::Ne => x != y,
            Binary::Eq => x == y,
            op => unreachable!("{op:?} of bools is refused by Dag::binary"),
        }),
        (a, b) => unreachable!("{op:?} of {a:?} and {b:?} is refused by Dag::binary"),
    }
}

fn comparison<T: PartialOrd>(op: Binary, x: T, y: T) -> Option<Value> {
    Some(Value::Bool(match op {
        Binary::Eq => x == y,
        Binary::Ne => x != y,
        Binary::Lt => x < y,
        Binary::Le => x <= y,
        Binary::Gt => x > y,
        Binary::Ge => x >= y,
        _ => return None,
    }))
}

fn real_binary(op: Binary, x: f64, y: f64) -> Value {
    if let Some(value) = comparison(op, x, y) {
        return value;
    }
    Value::F32(match op {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div => x / y,
        Binary::Rem => x % y,
        Binary::Pow => x.powf(y),
        Binary::Min => x.min(y),
        Binary::Max => x.max(y),
        op => unreachable!("{op:?} of f32 is refused by Dag::binary"),
    })
}

fn i32_binary(op: Binary, x: i32, y: i32) -> Value {
    if let Some(value) = comparison(op, x, y) {
        return value;
    }
    Value::I32(match op {
        Binary::Add => x.wrapping_add(y),
        Binary::Sub => x.wrapping_sub(y),
        Binary::Mul => x.wrapping_mul(y),
        Binary::Div => x.checked_div(y).unwrap_or(x),
        Binary::Rem => x.checked_rem(y).unwrap_or(0),
        Binary::Min => x.min(y),
        Binary::Max => x.max(y),
        Binary::And => x & y,
        Binary::Or => x | y,
        Binary::Xor => x ^ y,
        // Rust masks the amount with 31 in both.
        Binary::Shl => x.wrapping_shl(y as u32),
        Binary::Shr => x.wrapping_shr(y as u32),
        op => unreachable!("{op:?} of i32 is refused by Dag::binary"),
    })
}

fn u32_binary(op: Binary, x: u32, y: u32) -> Value {
    if let Some(value) = comparison(op, x, y) {
        return value;
    }
    Value::U32(match op {
        Binary::Add => x.wrapping_add(y),
        Binary::Sub => x.wrapping_sub(y),
        Binary::Mul => x.wrapping_mul(y),
        Binary::MulHi => ((u64::from(x) * u64::from(y)) >> 32) as u32,
        Binary::Div => x.checked_div(y).unwrap_or(x),
        Binary::Rem => x.checked_rem(y).unwrap_or(0),
        Binary::Min => x.min(y),
        Binary::Max => x.max(y),
        Binary::And => x & y,
        Binary::Or => x | y,
        Binary::Xor => x ^ y,
        Binary::Shl => x.wrapping_shl(y),
        Binary::Shr => x.wrapping_shr(y),
        op => unreachable!("{op:?} of u32 is refused by Dag::binary"),
    })
}

/// One step of an [`Evaluator`]; operands are positions of registers.
#[derive(Clone, Copy, Debug)]
enum Step {
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
    Select(usize, usize, usize),
    Cast(Type, usize),
}

/// A DAG made ready to be evaluated many times: calls expanded, constants stored, scratch kept.
#[derive(Clone, Debug)]
pub struct Evaluator {
    inputs: Vec<Type>,
    /// Registers: first the inputs, then the constants, then one per step.
    registers: Vec<Value>,
    first_step: usize,
    steps: Vec<Step>,
    outputs: Vec<usize>,
}

impl Evaluator {
    fn new(dag: &Dag) -> Evaluator {
        let flat = dag.inlined();
        let needed = flat.needed();
        let inputs = flat.inputs().to_vec();
        let mut registers: Vec<Value> = inputs.iter().map(|&ty| Value::F32(0.0).cast(ty)).collect();
        let mut place = vec![usize::MAX; flat.len()];
        for (i, node) in flat.nodes().iter().enumerate() {
            match node {
                Node::Input(n) => place[i] = *n as usize,
                Node::Const(c) if needed[i] => {
                    place[i] = registers.len();
                    registers.push(c.value());
                }
                _ => {}
            }
        }
        let first_step = registers.len();
        let mut steps = Vec::new();
        for (i, node) in flat.nodes().iter().enumerate().filter(|(i, _)| needed[*i]) {
            let at = |id: &Id| place[id.index()];
            let step = match node {
                Node::Const(_) | Node::Input(_) => continue,
                Node::Unary(op, x) => Step::Unary(*op, at(x)),
                Node::Binary(op, a, b) => Step::Binary(*op, at(a), at(b)),
                Node::Select { condition, then, otherwise } => Step::Select(at(condition), at(then), at(otherwise)),
                Node::Cast(ty, x) => Step::Cast(*ty, at(x)),
                Node::Call(f, _) => unreachable!("call of `{}` was expanded by Dag::inlined", f.name()),
            };
            place[i] = first_step + steps.len();
            steps.push(step);
        }
        registers.resize(first_step + steps.len(), Value::Bool(false));
        let outputs = flat.outputs().iter().map(|o| place[o.index()]).collect();
        Evaluator { inputs, registers, first_step, steps, outputs }
    }

    /// Evaluates at `inputs` and replaces the contents of `outputs` by the values of the outputs. A value of another type
    /// than its input is converted as by [`Value::cast`].
    ///
    /// # Panics
    /// If the number of values is not the number of inputs.
    pub fn eval(&mut self, inputs: &[Value], outputs: &mut Vec<Value>) {
        assert_eq!(inputs.len(), self.inputs.len(), "number of values given to a scalar DAG");
        for ((register, &value), &ty) in self.registers.iter_mut().zip(inputs).zip(&self.inputs) {
            *register = value.cast(ty);
        }
        for (i, step) in self.steps.iter().enumerate() {
            let r = &self.registers;
            let value = match *step {
                Step::Unary(op, x) => unary(op, r[x]),
                Step::Binary(op, a, b) => binary(op, r[a], r[b]),
                Step::Select(condition, then, otherwise) => match r[condition] {
                    Value::Bool(true) => r[then],
                    _ => r[otherwise],
                },
                Step::Cast(ty, x) => r[x].cast(ty),
            };
            self.registers[self.first_step + i] = value;
        }
        outputs.clear();
        outputs.extend(self.outputs.iter().map(|&o| self.registers[o]));
    }
}

impl Dag {
    /// Values of the outputs at `inputs`; see [`Evaluator::eval`].
    pub fn eval(&self, inputs: &[Value]) -> Vec<Value> {
        let mut outputs = Vec::new();
        self.evaluator().eval(inputs, &mut outputs);
        outputs
    }

    /// An evaluator that keeps its scratch, for many elements.
    pub fn evaluator(&self) -> Evaluator {
        Evaluator::new(self)
    }
}
