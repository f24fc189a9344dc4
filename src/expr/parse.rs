//! Text to DAG: names and types on top of the grammar in [`syntax`](super::syntax).

use super::lexer::Text;
use super::syntax::{Syntax, tree};
use super::{Binary, Dag, Id, Type, Unary, words};
use crate::error::{Error, Place, Result};
use std::collections::{HashMap, HashSet};

/// A name in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// The name.
    pub name: String,
    /// Where it stands first.
    pub place: Place,
}

/// Parses an expression of the given names, such as `u_t + u*u_x - 0.01*u_xx`, into a DAG with one output. Its inputs are
/// `names` in their order, also those that the text does not use. `source` says in messages what the text is.
///
/// The language: `+ - * / %`, `^` or `**`, comparisons, `and or not` (`&& || !`), `if(condition, a, b)` or `where(..)`,
/// functions (`sin`, `gelu`, `max`, ..), the constants `pi e tau true false` (a name given by the caller comes first),
/// and definitions `a = ..;` in front. Numbers are f32; `3i` and `3u` are integers.
///
/// Errors: [`Error::Parse`] with the place of whatever is wrong; [`Error::Argument`] for a name that is given twice.
pub fn parse(text: &str, source: &str, names: &[(&str, Type)]) -> Result<Dag> {
    let text = Text::new(text, source);
    let tree = tree(&text)?;
    let mut dag = Dag::new();
    let mut inputs = HashMap::new();
    for &(name, ty) in names {
        if inputs.insert(name, dag.input(ty)).is_some() {
            return Err(Error::argument("names", "each name once", format!("`{name}` twice")));
        }
    }
    if let Some((name, at)) = tree.bindings.iter().find(|(name, _)| inputs.contains_key(name.as_str())) {
        return Err(text.error(*at, format!("`{name}` cannot be defined here: it is the name of an input")));
    }
    let mut lowering = Lowering { text: &text, dag, inputs, names, values: Vec::with_capacity(tree.nodes.len()) };
    for (node, at) in &tree.nodes {
        let value = lowering.lower(node, *at)?;
        lowering.values.push(value);
    }
    let root = lowering.values[tree.root];
    lowering.dag.output(root);
    Ok(lowering.dag)
}

/// The distinct names of a text in the order of their first appearance, without functions, constants and names that the
/// text defines. Errors: [`Error::Parse`] where the text is no expression.
pub fn identifiers(text: &str, source: &str) -> Result<Vec<Identifier>> {
    let text = Text::new(text, source);
    let mut seen = HashSet::new();
    let mut found: Vec<(&str, usize)> = Vec::new();
    let tree = tree(&text)?;
    for (node, at) in &tree.nodes {
        if let Syntax::Name(name) = node
            && !words::is_constant(name)
            && seen.insert(name)
        {
            found.push((name, *at));
        }
    }
    Ok(found.into_iter().map(|(name, at)| Identifier { name: name.to_string(), place: text.place(at) }).collect())
}

/// Turns a tree into nodes.
struct Lowering<'a> {
    text: &'a Text<'a>,
    dag: Dag,
    inputs: HashMap<&'a str, Id>,
    names: &'a [(&'a str, Type)],
    /// Node of each part of the tree so far.
    values: Vec<Id>,
}

impl Lowering<'_> {
    fn lower(&mut self, node: &Syntax, at: usize) -> Result<Id> {
        match node {
            Syntax::Number(v) => Ok(self.dag.f32(*v)),
            Syntax::I32(v) => Ok(self.dag.i32(*v)),
            Syntax::U32(v) => Ok(self.dag.u32(*v)),
            Syntax::Name(name) => self.name(name, at),
            Syntax::Prefix("-", x) => self.unary("-", Unary::Neg, self.values[*x], at),
            Syntax::Prefix(_, x) => self.unary("not", Unary::Not, self.values[*x], at),
            Syntax::Infix(sign, a, b) => {
                let op = words::find(&words::INFIX, sign).expect("the grammar knows no other operators");
                self.binary(sign, op, self.values[*a], self.values[*b], at)
            }
            Syntax::Call(name, arguments) => {
                let arguments: Vec<Id> = arguments.iter().map(|&x| self.values[x]).collect();
                self.call(name, &arguments, at)
            }
        }
    }

    fn name(&mut self, name: &str, at: usize) -> Result<Id> {
        if let Some(&id) = self.inputs.get(name) {
            return Ok(id);
        }
        if let Some(value) = words::find(&words::CONSTANTS, name) {
            return Ok(self.dag.f32(value));
        }
        if let Some(value) = words::find(&words::TRUTHS, name) {
            return Ok(self.dag.bool(value));
        }
        if words::arity(name).is_some() {
            return Err(self.text.error(at, format!("`{name}` is a function: write `{name}(..)`")));
        }
        let known: Vec<&str> = self.names.iter().map(|(name, _)| *name).collect();
        let mut message = format!("unknown name `{name}`");
        if let Some(near) = nearest(name, known.iter().copied().chain(words::CONSTANTS.iter().map(|(n, _)| *n))) {
            message += &format!("; did you mean `{near}`?");
        }
        message += &match known.len() {
            0 => " (no names are known here)".to_string(),
            _ => format!(" (known: {})", known.join(", ")),
        };
        Err(self.text.error(at, message))
    }

    fn call(&mut self, name: &str, arguments: &[Id], at: usize) -> Result<Id> {
        let Some(arity) = words::arity(name) else {
            let mut message = format!("unknown function `{name}`");
            if self.inputs.contains_key(name) {
                message = format!("`{name}` is no function; a product is written `{name}*(..)`");
            } else if let Some(near) = nearest(name, words::functions()) {
                message += &format!("; did you mean `{near}`?");
            }
            return Err(self.text.error(at, message));
        };
        if arguments.len() != arity {
            let s = if arity == 1 { "" } else { "s" };
            let message = format!("`{name}` takes {arity} argument{s}, got {}", arguments.len());
            return Err(self.text.error(at, message));
        }
        if let Some(op) = words::find(&words::UNARY, name) {
            return self.unary(name, op, arguments[0], at);
        }
        if let Some(op) = words::find(&words::BINARY, name) {
            return self.binary(name, op, arguments[0], arguments[1], at);
        }
        if let Some(ty) = words::find(&words::CASTS, name) {
            return Ok(self.dag.cast(ty, arguments[0]));
        }
        if words::SELECTS.contains(&name) {
            return self.select(name, arguments, at);
        }
        self.composed(name, arguments[0], at)
    }

    fn unary(&mut self, name: &str, op: Unary, x: Id, at: usize) -> Result<Id> {
        let ty = self.dag.ty(x);
        let takes = match op {
            Unary::Not => "a bool (a comparison, say)",
            Unary::BitNot => "an integer",
            Unary::FromBits => "a u32",
            Unary::Neg | Unary::Abs | Unary::Sign => "a number",
            _ => "an f32",
        };
        self.dag.unary(op, x).map_err(|_| self.text.error(at, format!("`{name}` takes {takes}, got {ty}")))
    }

    fn binary(&mut self, name: &str, op: Binary, a: Id, b: Id, at: usize) -> Result<Id> {
        let (ta, tb) = (self.dag.ty(a), self.dag.ty(b));
        self.dag.binary(op, a, b).map_err(|_| {
            use Binary::{And, Eq, MulHi, Ne, Or, Pow, Shl, Shr, Xor};
            let takes = match op {
                And | Or | Xor => "two bools or two integers of one type",
                Shl | Shr => "an integer and an integer",
                MulHi => "two u32",
                Eq | Ne => "two values of one type",
                Pow => "two f32",
                _ => "two numbers of one type",
            };
            let mut message = format!("`{name}` takes {takes}, got {ta} and {tb}");
            if ta.is_integer() != tb.is_integer() && ta != Type::Bool && tb != Type::Bool {
                message += " (an integer is written `3i` or `3u`, and converted by `f32(..)`)";
            }
            self.text.error(at, message)
        })
    }

    fn select(&mut self, name: &str, arguments: &[Id], at: usize) -> Result<Id> {
        let [condition, then, otherwise] = [arguments[0], arguments[1], arguments[2]];
        self.dag.select(condition, then, otherwise).map_err(|_| {
            let types: Vec<&str> = arguments.iter().map(|&x| self.dag.ty(x).name()).collect();
            let message = format!("`{name}` takes a bool and two values of one type, got {}", types.join(", "));
            self.text.error(at, message)
        })
    }

    fn composed(&mut self, name: &str, x: Id, at: usize) -> Result<Id> {
        let ty = self.dag.ty(x);
        if ty != Type::F32 {
            return Err(self.text.error(at, format!("`{name}` takes an f32, got {ty}")));
        }
        let dag = &mut self.dag;
        match name {
            "tan" => dag.tan(x),
            "sinh" => dag.sinh(x),
            "cosh" => dag.cosh(x),
            "log10" => dag.log10(x),
            "sigmoid" => dag.sigmoid(x),
            "erfc" => dag.erfc(x),
            "gelu" => dag.gelu(x),
            "silu" => dag.silu(x),
            "softplus" => dag.softplus(x),
            "relu" => dag.relu(x),
            "square" => dag.square(x),
            "recip" => dag.recip(x),
            _ => unreachable!("`{name}` is in words::COMPOSED and must be built here"),
        }
    }
}

/// The candidate with the least edit distance to `name`, if that is small beside the length of the name.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates.map(|c| (distance(name, c), c)).filter(|(d, _)| *d <= limit).min_by_key(|(d, _)| *d).map(|(_, c)| c)
}

/// Edits (insertions, deletions, replacements) between two words; a change of case counts nothing.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replace = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
