//! Printing as WGSL.

use super::{Binary, Const, Dag, Id, Node, Type, Unary};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A DAG as WGSL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wgsl {
    /// Statements `let v3 = ...;`, one a line, for the nodes that are used.
    pub body: String,
    /// For each output an expression (mostly a name) that is valid after `body`.
    pub outputs: Vec<String>,
    /// Library files that `body` and `functions` call into, by composer key (`lib/math/tanh`).
    pub imports: BTreeSet<&'static str>,
    /// Declarations at module scope that `body` needs: all of `definitions`.
    pub functions: String,
    /// The same declarations by name. A name stands for one text only, so those of several DAGs can be merged.
    pub definitions: BTreeMap<String, String>,
}

/// Calling a function hides a value from the shader compiler's constant evaluation, which refuses infinities, NaNs and
/// overflow: those are for the program to meet at run time.
const BITS_NAME: &str = "fl_expr_f32";
const BITS: &str = "fn fl_expr_f32(bits: u32) -> f32 {\n    return bitcast<f32>(bits);\n}\n";

impl Dag {
    /// Prints the DAG with the given expressions as inputs (bools as WGSL `bool`) and names `v0, v1, ..`.
    pub fn to_wgsl(&self, inputs: &[String]) -> Wgsl {
        self.to_wgsl_prefixed(inputs, "v")
    }

    /// [`to_wgsl`](Dag::to_wgsl) with names `prefix0, prefix1, ..`, which must not be names of the surrounding code. A missing input is printed as `input_N`, which the
    /// shader compiler will report.
    pub fn to_wgsl_prefixed(&self, inputs: &[String], prefix: &str) -> Wgsl {
        let mut wgsl = Wgsl::default();
        let names = wgsl.print(self, inputs, prefix, "    ");
        wgsl.outputs = self.outputs().iter().map(|o| names[o.index()].clone()).collect();
        wgsl.functions = wgsl.definitions.values().map(String::as_str).collect();
        wgsl
    }
}

impl Wgsl {
    /// Appends the statements of `dag` to `body`; returns the expression of each node.
    fn print(&mut self, dag: &Dag, inputs: &[String], prefix: &str, indent: &str) -> Vec<String> {
        let needed = dag.needed();
        let mut names: Vec<String> = vec![String::new(); dag.len()];
        let mut count = 0;
        for (i, node) in dag.nodes().iter().enumerate().filter(|(i, _)| needed[*i]) {
            let expression = match node {
                Node::Input(n) => {
                    names[i] = inputs.get(*n as usize).cloned().unwrap_or_else(|| format!("input_{n}"));
                    continue;
                }
                Node::Const(c) => {
                    names[i] = self.constant(*c);
                    continue;
                }
                node => self.expression(dag, node, &names),
            };
            names[i] = format!("{prefix}{count}");
            count += 1;
            writeln!(self.body, "{indent}let {} = {expression};", names[i]).expect("writing to a String succeeds");
        }
        names
    }

    /// The literal of a constant: the nearest f32 in the shortest decimal form that reads back exactly.
    fn constant(&mut self, value: Const) -> String {
        match value {
            Const::F32(v) => {
                let v = v.get() as f32;
                if v.is_finite() { signed(format!("{v:?}f")) } else { self.hidden(v) }
            }
            // The literal 2147483648 does not fit i32, so its negation cannot be written with a suffix.
            Const::I32(i32::MIN) => "i32(-2147483648)".into(),
            Const::I32(v) => signed(format!("{v}i")),
            Const::U32(v) => format!("{v}u"),
            Const::Bool(v) => v.to_string(),
        }
    }

    /// An f32 that constant evaluation does not see.
    fn hidden(&mut self, value: f32) -> String {
        self.definitions.insert(BITS_NAME.into(), BITS.into());
        format!("{BITS_NAME}({:#x}u)", value.to_bits())
    }

    fn expression(&mut self, dag: &Dag, node: &Node, names: &[String]) -> String {
        // Where all operands are constants the result was not folded because f32 cannot hold it.
        let all_constant = node.operands().all(|id| dag.constant(id).is_some());
        let hide = all_constant && !matches!(node, Node::Call(..));
        let mut at = |id: Id| match dag.real(id) {
            Some(v) if hide => self.hidden(v as f32),
            _ => names[id.index()].clone(),
        };
        match node {
            Node::Const(_) | Node::Input(_) => unreachable!("printed by their users"),
            Node::Unary(op, x) => {
                let name = at(*x);
                if *op == Unary::FromBits && hide {
                    self.definitions.insert(BITS_NAME.into(), BITS.into());
                    return format!("{BITS_NAME}({name})");
                }
                self.unary(*op, dag.ty(*x), &name)
            }
            Node::Binary(op, a, b) => {
                let (x, y) = (at(*a), at(*b));
                self.binary(*op, dag, (*a, &x), (*b, &y))
            }
            Node::Select { condition, then, otherwise } => {
                format!("select({}, {}, {})", at(*otherwise), at(*then), at(*condition))
            }
            Node::Cast(ty, x) => format!("{ty}({})", at(*x)),
            Node::Call(f, args) => {
                let args: Vec<String> = args.iter().map(|&a| at(a)).collect();
                self.define(f);
                format!("{}({})", f.wgsl_name(), args.join(", "))
            }
        }
    }

    fn unary(&mut self, op: Unary, ty: Type, x: &str) -> String {
        let name = match op {
            Unary::Neg if ty == Type::U32 => return format!("0u - {x}"),
            Unary::Neg => return format!("-{x}"),
            Unary::Not => return format!("!{x}"),
            Unary::BitNot => return format!("~{x}"),
            Unary::IsFinite => return format!("(bitcast<u32>({x}) & 0x7f800000u) != 0x7f800000u"),
            Unary::IsNan => return format!("(bitcast<u32>({x}) & 0x7fffffffu) > 0x7f800000u"),
            Unary::Bits => "bitcast<u32>",
            Unary::FromBits => "bitcast<f32>",
            Unary::Abs => "abs",
            Unary::Sign => "sign",
            Unary::Floor => "floor",
            Unary::Ceil => "ceil",
            Unary::Trunc => "trunc",
            Unary::Round => "round",
            Unary::Sqrt => "sqrt",
            Unary::Exp => self.library("fl_exp", "lib/math/exp"),
            Unary::Log => self.library("fl_log", "lib/math/log"),
            Unary::Sin => self.library("fl_sin", "lib/math/sin"),
            Unary::Cos => self.library("fl_cos", "lib/math/cos"),
            Unary::Tanh => self.library("fl_tanh", "lib/math/tanh"),
            Unary::Erf => self.library("fl_erf", "lib/math/erf"),
        };
        format!("{name}({x})")
    }

    fn binary(&mut self, op: Binary, dag: &Dag, (a, x): (Id, &str), (b, y): (Id, &str)) -> String {
        let boolean = dag.ty(a) == Type::Bool;
        if matches!(op, Binary::Div | Binary::Rem) && dag.ty(a).is_integer() {
            let sign = if op == Binary::Div { "/" } else { "%" };
            return format!("{x} {sign} {}", divisor(dag, (a, x), (b, y)));
        }
        let sign = match op {
            Binary::Pow => return format!("{}({x}, {y})", self.library("fl_pow", "lib/math/pow")),
            Binary::MulHi => return format!("{}({x}, {y})", self.library("fl_mulhi", "lib/math/mulhi")),
            Binary::Min => return format!("min({x}, {y})"),
            Binary::Max => return format!("max({x}, {y})"),
            Binary::Shl | Binary::Shr => {
                let sign = if op == Binary::Shl { "<<" } else { ">>" };
                let amount = match (dag.constant(b), dag.ty(b)) {
                    (Some(Const::U32(v)), _) => format!("{}u", v & 31),
                    (Some(Const::I32(v)), _) => format!("{}u", v & 31),
                    (_, Type::I32) => format!("(u32({y}) & 31u)"),
                    _ => format!("({y} & 31u)"),
                };
                return format!("{x} {sign} {amount}");
            }
            Binary::Add => "+",
            Binary::Sub => "-",
            Binary::Mul => "*",
            Binary::Div => "/",
            Binary::Rem => "%",
            Binary::Eq => "==",
            Binary::Ne => "!=",
            Binary::Lt => "<",
            Binary::Le => "<=",
            Binary::Gt => ">",
            Binary::Ge => ">=",
            Binary::And if boolean => "&&",
            Binary::Or if boolean => "||",
            Binary::Xor if boolean => "!=",
            Binary::And => "&",
            Binary::Or => "|",
            Binary::Xor => "^",
        };
        format!("{x} {sign} {y}")
    }

    fn library(&mut self, name: &'static str, import: &'static str) -> &'static str {
        self.imports.insert(import);
        name
    }

    /// Declares a function and those that it calls.
    fn define(&mut self, function: &super::Function) {
        let name = function.wgsl_name();
        if self.definitions.contains_key(&name) {
            return;
        }
        let body = function.body();
        let parameters: Vec<String> = (0..body.inputs().len()).map(|k| format!("p{k}")).collect();
        let list: Vec<String> = parameters.iter().zip(body.inputs()).map(|(p, ty)| format!("{p}: {ty}")).collect();
        let mut inner = Wgsl::default();
        let names = inner.print(body, &parameters, "v", "    ");
        let result = &names[body.outputs()[0].index()];
        let text =
            format!("fn {name}({}) -> {} {{\n{}    return {result};\n}}\n", list.join(", "), function.ty(), inner.body);
        self.definitions.insert(name, text);
        self.definitions.extend(inner.definitions);
        self.imports.extend(inner.imports);
    }
}

/// An integer divisor by which the hardware may divide: where the quotient is not defined (by zero, or the smallest number by -1)
/// it is 1, which gives what WGSL says, `x / 0 = x`, `x % 0 = 0` and wrapping. Modules that are compiled without checks do not do
/// this by themselves.
fn divisor(dag: &Dag, (a, x): (Id, &str), (b, y): (Id, &str)) -> String {
    match dag.constant(b) {
        Some(Const::U32(v)) if v != 0 => return y.to_string(),
        Some(Const::I32(v)) if v != 0 && v != -1 => return y.to_string(),
        _ => {}
    }
    if dag.ty(a) == Type::U32 {
        return format!("select({y}, 1u, {y} == 0u)");
    }
    format!("select({y}, 1i, {y} == 0i || (bitcast<u32>({x}) == 0x80000000u && {y} == -1i))")
}

/// A literal in parentheses where it is negative: `a - -1f` and `--1f` do not read well, or at all.
fn signed(literal: String) -> String {
    if literal.starts_with('-') { format!("({literal})") } else { literal }
}
