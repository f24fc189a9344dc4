//! Every op by its name, with attributes as JSON: what `fieldline op` runs and the conformance suite walks.

use super::recorder::Recorder;
use super::var::{Var, concat};
use crate::error::{Error, Result};
use crate::expr::{self, Binary, Type, Unary};
use crate::ops::{Op, scalar_type};
use crate::tensor::DType;
use serde_json::{Map, Value};

/// An op that can be asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct NamedOp {
    /// Its name.
    pub name: &'static str,
    /// Operands, as shapes and dtypes, and attributes.
    pub signature: &'static str,
    /// What it computes.
    pub meaning: &'static str,
}

const fn op(name: &'static str, signature: &'static str, meaning: &'static str) -> NamedOp {
    NamedOp { name, signature, meaning }
}

/// All of them.
pub const OPS: &[NamedOp] = &[
    op("neg", "a0", "-x"),
    op("abs", "a0", "|x|"),
    op("sign", "a0", "-1, 0 or 1"),
    op("floor", "a0", "largest integer not above x"),
    op("ceil", "a0", "smallest integer not below x"),
    op("trunc", "a0", "integer part"),
    op("round", "a0", "nearest integer, halves to even"),
    op("sqrt", "a0", "square root"),
    op("exp", "a0", "exponential"),
    op("log", "a0", "natural logarithm"),
    op("sin", "a0", "sine"),
    op("cos", "a0", "cosine"),
    op("tanh", "a0", "hyperbolic tangent"),
    op("erf", "a0", "error function"),
    op("add", "a0, a1", "x + y"),
    op("sub", "a0, a1", "x - y"),
    op("mul", "a0, a1", "x y"),
    op("div", "a0, a1", "x / y"),
    op("rem", "a0, a1", "remainder of x / y with the sign of x"),
    op("pow", "a0, a1", "x to the power y"),
    op("maximum", "a0, a1", "larger of two"),
    op("minimum", "a0, a1", "smaller of two"),
    op("less", "a0, a1", "x < y, bool"),
    op("equal", "a0, a1", "x = y, bool"),
    op("select", "a0 (bool), a1, a2", "a1 where a0 is true, else a2"),
    op("cast", "a0; dtype", "converted to f32, i32, u32 or bool"),
    op("map", "a0, a1, ..; expr", "the expression of variables a0, a1, .. for each element"),
    op("sum", "a0; axes", "sum over axes (all by default)"),
    op("mean", "a0; axes", "mean over axes (all by default)"),
    op("max", "a0; axes", "largest element over axes (all by default)"),
    op("min", "a0; axes", "smallest element over axes (all by default)"),
    op("argmax", "a0; axis", "index of the first largest element along axis"),
    op("broadcast", "a0; shape", "repeated to shape by numpy's rule"),
    op("reshape", "a0; shape", "the same elements under another shape"),
    op("permute", "a0; axes", "axis i of the result is axis axes[i]"),
    op("slice", "a0; start, shape", "the box of shape that begins at start"),
    op("pad", "a0; before, shape, value", "surrounded by value to shape"),
    op("concat", "a0, a1, ..; axis", "joined along axis"),
    op("gather", "a0 [n, rest..], a1 u32 [k]", "rows of a0 by a1"),
    op("scatter_add", "a0 [k, rest..], a1 u32 [k]; size", "rows of a0 added into size rows by a1"),
    op("matmul", "a0 [.., m, k], a1 [.., k, n]; transpose_a, transpose_b", "matrix product"),
    op("random_bits", "a0 key u32 [2], a1 counter u32 [2]; shape", "Philox 4x32-10 words"),
    op("uniform", "a0 key u32 [2], a1 counter u32 [2]; shape", "uniform floats in (0, 1)"),
    op("normal", "a0 key u32 [2], a1 counter u32 [2]; shape", "standard normal floats"),
];

/// Attributes of one op; each is taken once, so that a wrong name is found.
struct Attributes<'a> {
    op: &'a str,
    left: Map<String, Value>,
}

impl Attributes<'_> {
    fn error(&self, key: &str, expected: &str, got: impl std::fmt::Display) -> Error {
        Error::argument(format!("op `{}`, attribute `{key}`", self.op), expected, got)
    }

    fn need(&mut self, key: &str, expected: &str) -> Result<Value> {
        self.left.remove(key).ok_or_else(|| self.error(key, expected, "nothing"))
    }

    fn sizes(&mut self, key: &str) -> Result<Option<Vec<usize>>> {
        let Some(value) = self.left.remove(key) else { return Ok(None) };
        let expected = "a list of whole numbers";
        let list = value.as_array().ok_or_else(|| self.error(key, expected, &value))?;
        let sizes = list.iter().map(|v| v.as_u64().and_then(|n| usize::try_from(n).ok()));
        sizes.collect::<Option<Vec<usize>>>().map(Some).ok_or_else(|| self.error(key, expected, &value))
    }

    fn need_sizes(&mut self, key: &str) -> Result<Vec<usize>> {
        self.sizes(key)?.ok_or_else(|| self.error(key, "a list of whole numbers", "nothing"))
    }

    fn need_size(&mut self, key: &str) -> Result<usize> {
        let value = self.need(key, "a whole number")?;
        let size = value.as_u64().and_then(|n| usize::try_from(n).ok());
        size.ok_or_else(|| self.error(key, "a whole number", &value))
    }

    fn number(&mut self, key: &str, default: f64) -> Result<f64> {
        match self.left.remove(key) {
            None => Ok(default),
            Some(value) => value.as_f64().ok_or_else(|| self.error(key, "a number", &value)),
        }
    }

    fn truth(&mut self, key: &str) -> Result<bool> {
        match self.left.remove(key) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.error(key, "true or false", &value)),
        }
    }

    fn text(&mut self, key: &str) -> Result<String> {
        let value = self.need(key, "a text")?;
        value.as_str().map(String::from).ok_or_else(|| self.error(key, "a text", &value))
    }

    fn finish(self) -> Result<()> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(key) => {
                let expected = "no attribute of this name (`fieldline list --ops` shows those there are)";
                Err(self.error(key, expected, &self.left[key]))
            }
        }
    }
}

/// Records the op called `name` on `inputs`.
///
/// # Errors
/// An unknown name, a wrong number of operands, a wrong attribute. Operands that do not fit end the recording as always.
#[track_caller]
pub fn record(r: &Recorder, name: &str, attributes: &Map<String, Value>, inputs: &[Var]) -> Result<Var> {
    let known = OPS.iter().find(|o| o.name == name).ok_or_else(|| {
        let names: Vec<&str> = OPS.iter().map(|o| o.name).collect();
        Error::argument("op", format!("one of {}", names.join(", ")), format!("`{name}`"))
    })?;
    check_arity(known, inputs.len())?;
    let mut attributes = Attributes { op: name, left: attributes.clone() };
    let value = match unary(name) {
        Some(op) => inputs[0].map_with(&[], |dag, x| dag.unary(op, x[0])),
        None => match binary(name) {
            Some(op) => inputs[0].map_with(&[&inputs[1]], |dag, x| dag.binary(op, x[0], x[1])),
            None => other(r, name, &mut attributes, inputs)?,
        },
    };
    attributes.finish()?;
    Ok(value)
}

fn check_arity(op: &NamedOp, got: usize) -> Result<()> {
    let operands = op.signature.split(';').next().unwrap_or("");
    let open = operands.contains("..,") || operands.trim_end().ends_with(", ..");
    let least = (0..4).filter(|i| operands.contains(&format!("a{i}"))).count();
    let (fits, expected) = if open {
        (got >= 1, "at least one operand".into())
    } else {
        (got == least, format!("{least} operand{}", if least == 1 { "" } else { "s" }))
    };
    if fits {
        Ok(())
    } else {
        Err(Error::argument(format!("op `{}`", op.name), format!("{expected} ({})", op.signature), got))
    }
}

fn unary(name: &str) -> Option<Unary> {
    Some(match name {
        "neg" => Unary::Neg,
        "abs" => Unary::Abs,
        "sign" => Unary::Sign,
        "floor" => Unary::Floor,
        "ceil" => Unary::Ceil,
        "trunc" => Unary::Trunc,
        "round" => Unary::Round,
        "sqrt" => Unary::Sqrt,
        "exp" => Unary::Exp,
        "log" => Unary::Log,
        "sin" => Unary::Sin,
        "cos" => Unary::Cos,
        "tanh" => Unary::Tanh,
        "erf" => Unary::Erf,
        _ => return None,
    })
}

fn binary(name: &str) -> Option<Binary> {
    Some(match name {
        "add" => Binary::Add,
        "sub" => Binary::Sub,
        "mul" => Binary::Mul,
        "div" => Binary::Div,
        "rem" => Binary::Rem,
        "pow" => Binary::Pow,
        "maximum" => Binary::Max,
        "minimum" => Binary::Min,
        "less" => Binary::Lt,
        "equal" => Binary::Eq,
        _ => return None,
    })
}

fn other(r: &Recorder, name: &str, attributes: &mut Attributes<'_>, inputs: &[Var]) -> Result<Var> {
    let x = &inputs[0];
    let axes = |attributes: &mut Attributes<'_>| -> Result<Vec<usize>> {
        Ok(attributes.sizes("axes")?.unwrap_or_else(|| (0..x.shape().rank()).collect()))
    };
    Ok(match name {
        "select" => x.select(&inputs[1], &inputs[2]),
        "cast" => x.cast(dtype(attributes)?),
        "map" => map(attributes, inputs)?,
        "sum" => x.sum(&axes(attributes)?),
        "mean" => x.mean(&axes(attributes)?),
        "max" => x.max(&axes(attributes)?),
        "min" => x.min(&axes(attributes)?),
        "argmax" => x.argmax(attributes.need_size("axis")?),
        "broadcast" => x.broadcast_to(attributes.need_sizes("shape")?),
        "reshape" => x.reshape(attributes.need_sizes("shape")?),
        "permute" => x.permute(&attributes.need_sizes("axes")?),
        "slice" => x.slice(&attributes.need_sizes("start")?, attributes.need_sizes("shape")?),
        "pad" => {
            let (before, shape) = (attributes.need_sizes("before")?, attributes.need_sizes("shape")?);
            x.pad(&before, shape, attributes.number("value", 0.0)? as f32)
        }
        "concat" => concat(&inputs.iter().collect::<Vec<_>>(), attributes.need_size("axis")?),
        "gather" => x.gather(&inputs[1]),
        "scatter_add" => x.scatter_add(&inputs[1], attributes.need_size("size")?),
        "matmul" => {
            let op = Op::MatMul {
                transpose_a: attributes.truth("transpose_a")?,
                transpose_b: attributes.truth("transpose_b")?,
            };
            r.op(op, &[x, &inputs[1]])
        }
        "random_bits" => r.random_bits(attributes.need_sizes("shape")?, x, &inputs[1]),
        "uniform" => r.random_bits(attributes.need_sizes("shape")?, x, &inputs[1]).uniform_from_bits(),
        "normal" => {
            let shape = attributes.need_sizes("shape")?;
            let words = r.random_bits([&[2], &shape[..]].concat(), x, &inputs[1]);
            let half = |which| words.slice_axis(0, which, 1).reshape(shape.clone());
            half(0).normal_from_bits(&half(1))
        }
        _ => return Err(Error::argument("op", "a name with a rule", format!("`{name}`"))),
    })
}

fn dtype(attributes: &mut Attributes<'_>) -> Result<DType> {
    let name = attributes.text("dtype")?;
    let all = [DType::F32, DType::U32, DType::I32, DType::Bool];
    all.into_iter().find(|d| d.name() == name).ok_or_else(|| attributes.error("dtype", "f32, u32, i32 or bool", &name))
}

fn map(attributes: &mut Attributes<'_>, inputs: &[Var]) -> Result<Var> {
    let text = attributes.text("expr")?;
    let names: Vec<String> = (0..inputs.len()).map(|i| format!("a{i}")).collect();
    let known: Vec<(&str, Type)> =
        names.iter().zip(inputs).map(|(name, v)| (name.as_str(), scalar_type(v.spec().dtype))).collect();
    let dag = expr::parse(&text, "expr", &known)?;
    Ok(inputs[0].map_dag(&inputs[1..].iter().collect::<Vec<_>>(), &dag))
}
