//! Formulas and equations of a problem file as scalar DAGs with the constants folded in.

use super::names::{MOST_ORDERS, Partial, Reading, partial};
use super::table::{Table, text};
use super::tree::{Node, Value};
use crate::error::{Error, Place, Result};
use crate::expr::{self, Binary, Dag, Type};

/// The names that a formula may use.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// Coordinates in order.
    pub coordinates: Vec<String>,
    /// Unknowns in order; empty where a formula must not mention them.
    pub unknowns: Vec<String>,
    /// Constants with their values.
    pub constants: Vec<(String, f64)>,
}

/// A function of the coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// As written.
    pub text: String,
    /// Inputs: the coordinates, in order. One output.
    pub dag: Dag,
}

impl Formula {
    /// Values at row-major points `[n, coordinates]`, in f64.
    pub fn values<'a>(&self, points: impl IntoIterator<Item = &'a [f64]>) -> Vec<f64> {
        let mut evaluator = self.dag.evaluator();
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        let mut value = |point: &[f64]| {
            inputs.clear();
            inputs.extend(point.iter().map(|&x| expr::Value::F32(x)));
            evaluator.eval(&inputs, &mut outputs);
            outputs[0].as_f64()
        };
        points.into_iter().map(&mut value).collect()
    }
}

/// A differential equation, `dag = 0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// The key in the file, used in logs and plots.
    pub name: String,
    /// As written.
    pub text: String,
    /// Factor of the mean square of this residual in the loss.
    pub weight: f64,
    /// The derivatives that occur, in the order of the DAG's inputs after the coordinates.
    pub partials: Vec<Partial>,
    /// Inputs: the coordinates in order, then `partials`. One output.
    pub dag: Dag,
}

impl Residual {
    /// The derivative of the residual by its partial number `index`, with the same inputs; `None` where it is structurally
    /// zero.
    pub fn slope(&self, index: usize) -> Option<Dag> {
        let mut dag = self.dag.clone();
        let inputs = dag.inputs().len();
        let output = dag.take_outputs()[0];
        let slope = dag.derivative(output, inputs - self.partials.len() + index)?;
        dag.output(slope);
        Some(dag)
    }
}

impl Scope {
    /// The value of a number or of a text that uses constants only (`"0.01/pi"`).
    pub fn constant(&self, node: &Node, path: &str) -> Result<f64> {
        let value = match &node.value {
            Value::Number(v) => *v,
            Value::Integer(v) => *v as f64,
            Value::Text(_) => {
                let scope = Scope { constants: self.constants.clone(), ..Scope::default() };
                scope.formula(node, path)?.dag.eval(&[])[0].as_f64()
            }
            other => {
                let expected = "a number or a text such as \"0.01/pi\"";
                return Err(node.error(format!("`{path}`: expected {expected}, got {}", other.describe())));
            }
        };
        match value.is_finite() {
            true => Ok(value),
            false => Err(node.error(format!("`{path}`: expected a finite number, got {value}"))),
        }
    }

    /// A function of the coordinates: a text or a number.
    pub fn formula(&self, node: &Node, path: &str) -> Result<Formula> {
        let written = match &node.value {
            Value::Number(v) if !v.is_finite() => {
                return Err(node.error(format!("`{path}`: expected a finite number, got {v}")));
            }
            Value::Number(v) => format!("{v:?}"),
            Value::Integer(v) => format!("{v}.0"),
            _ => text(node, path)?.to_string(),
        };
        let scope = Scope { unknowns: Vec::new(), ..self.clone() };
        let (dag, _) = scope.compile(&written, path).map_err(|e| node.relocate(e))?;
        Ok(Formula { text: written, dag })
    }

    /// A residual: the text of an expression that should vanish or of an equation `left = right`, or a table
    /// `{ equation = "...", weight = 1 }`.
    pub fn residual(&self, name: &str, node: &Node, path: &str) -> Result<Residual> {
        let (node, weight) = match &node.value {
            Value::Table(_) => {
                let mut table = Table::new(node, path)?;
                let equation = table.require("equation", "equation = \"u_t - u_xx\"")?;
                let weight = table.number("weight", 1.0, "a positive number", |w| w > 0.0)?;
                table.finish()?;
                (equation, weight)
            }
            _ => (node, 1.0),
        };
        let written = text(node, path)?.to_string();
        let (dag, partials) = self.compile(&written, path).map_err(|e| node.relocate(e))?;
        if partials.is_empty() {
            let unknowns = self.unknowns.join(", ");
            return Err(
                node.error(format!("`{path}`: the equation mentions no unknown ({unknowns}): nothing to solve"))
            );
        }
        Ok(Residual { name: name.to_string(), text: written, weight, partials, dag })
    }

    /// Parses an expression or `left = right` (as left - right). The DAG's inputs are the coordinates, then the partials.
    fn compile(&self, written: &str, path: &str) -> Result<(Dag, Vec<Partial>)> {
        let (left, right) = sides(written);
        let sides: Vec<&str> = std::iter::once(left.as_str()).chain(right.as_deref()).collect();
        let whole = |error| whole_line(error, written);
        let mut partials: Vec<Partial> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for side in &sides {
            for identifier in expr::identifiers(side, path).map_err(whole)? {
                if let Some(p) = self.identify(&identifier.name, &identifier.place).map_err(whole)?
                    && !names.contains(&identifier.name)
                {
                    names.push(identifier.name.clone());
                    partials.push(p);
                }
            }
        }
        // `u_xt` and `u_tx` are two names of one input.
        let mut distinct = partials.clone();
        distinct.sort();
        distinct.dedup();
        let mut dag = Dag::new();
        let mut arguments: Vec<_> = self.coordinates.iter().map(|_| dag.input(Type::F32)).collect();
        let inputs: Vec<_> = distinct.iter().map(|_| dag.input(Type::F32)).collect();
        arguments.extend(self.constants.iter().map(|(_, value)| dag.f32(*value)));
        arguments.extend(partials.iter().map(|p| inputs[distinct.iter().position(|q| q == p).unwrap_or(0)]));
        // Unknowns that do not occur are still names that could be meant: the parser lists them. Nothing reads their value.
        let absent: Vec<&String> = self.unknowns.iter().filter(|u| !names.contains(u)).collect();
        arguments.extend(absent.iter().map(|_| dag.f32(0.0)));
        let known: Vec<(&str, Type)> = self
            .coordinates
            .iter()
            .chain(self.constants.iter().map(|(name, _)| name))
            .chain(&names)
            .chain(absent)
            .map(|name| (name.as_str(), Type::F32))
            .collect();
        let mut values = Vec::new();
        for side in sides {
            let parsed = expr::parse(side, path, &known).map_err(|e| self.explain(whole(e)))?;
            let value = dag.inline(&parsed, &arguments)?[0];
            if dag.ty(value) != Type::F32 {
                let place = Place { source: path.into(), line: 1, column: 1, text: written.into() };
                let message = format!("`{path}`: expected a real number, got a value of type {}", dag.ty(value));
                return Err(Error::Parse { message, place });
            }
            values.push(value);
        }
        let output = match values[..] {
            [left, right] => dag.binary(Binary::Sub, left, right)?,
            _ => values[0],
        };
        dag.output(output);
        Ok((dag, distinct))
    }

    /// An error of the parser, with the rule for derivatives where a name is not known and there are unknowns.
    fn explain(&self, error: Error) -> Error {
        match (error, &self.unknowns[..], &self.coordinates[..]) {
            (Error::Parse { message, place }, [u, ..], [x, ..]) if message.starts_with("unknown name") => {
                let joint = if x.chars().count() == 1 { "" } else { "_" };
                let message = format!("{message}; derivatives are written {u}_{x}, {u}_{x}{joint}{x}");
                Error::Parse { message, place }
            }
            (other, ..) => other,
        }
    }

    /// The partial that a name means; `None` for coordinates, constants and names that only the parser can judge
    /// (functions, pi).
    fn identify(&self, name: &str, place: &Place) -> Result<Option<Partial>> {
        if self.coordinates.iter().any(|c| c == name) || self.constants.iter().any(|(c, _)| c == name) {
            return Ok(None);
        }
        let coordinates = self.coordinates.join(", ");
        let message = match partial(name, &self.unknowns, &self.coordinates) {
            Reading::Partial(p) => return Ok(Some(p)),
            Reading::Foreign => return Ok(None),
            Reading::NoCoordinates => {
                format!("`{name}` is no derivative: after the underscore come names of coordinates ({coordinates})")
            }
            Reading::Ambiguous => format!(
                "`{name}` can be read as more than one derivative: separate the coordinates ({coordinates}) by underscores"
            ),
            Reading::TooHigh(order) => {
                format!("`{name}` is a derivative of order {order}: expected an order of at most {MOST_ORDERS}")
            }
        };
        Err(Error::Parse { message, place: place.clone() })
    }

    /// All names, for messages and for checks of new names.
    pub fn names(&self) -> Vec<&str> {
        let constants = self.constants.iter().map(|(name, _)| name);
        self.coordinates.iter().chain(&self.unknowns).chain(constants).map(String::as_str).collect()
    }

    /// Checks a name that the file introduces: letters and digits, not yet taken, not a name of the expression language.
    pub fn check_new(&self, name: &str, what: &str) -> Result<(), String> {
        let plain = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || (c == '_' && what == "constant"));
        if !plain {
            let underscore = if what == "constant" { ", digits and underscores" } else { " and digits" };
            return Err(format!(
                "`{name}` cannot be the name of a {what}: expected a letter, then letters{underscore}"
            ));
        }
        if self.names().contains(&name) {
            return Err(format!("`{name}` is used twice: coordinates, unknowns and constants need different names"));
        }
        // A name that the language itself defines would be ambiguous, whichever meaning won.
        let uses = ["", "(1)", "(1, 1)", "(true, 1, 1)", "(1, 1, 1)"];
        if uses.iter().any(|arguments| expr::parse(&format!("{name}{arguments}"), what, &[]).is_ok()) {
            return Err(format!("`{name}` is a name of the expression language: choose another name for the {what}"));
        }
        Ok(())
    }
}

/// Splits at the first single `=` after the definitions (`a = 2*nu; ...`), which belong to both sides. The right side keeps
/// its column: what stands before it becomes blanks.
fn sides(text: &str) -> (String, Option<String>) {
    let chars: Vec<char> = text.chars().collect();
    let begin = chars.iter().rposition(|&c| c == ';').map_or(0, |i| i + 1);
    let beside = |i: usize| "=<>!".contains(chars[i]);
    let equals = (begin..chars.len())
        .find(|&i| chars[i] == '=' && !(i > begin && beside(i - 1)) && !(i + 1 < chars.len() && beside(i + 1)));
    match equals {
        None => (text.to_string(), None),
        Some(i) => {
            let blanks = std::iter::repeat_n(' ', i + 1 - begin);
            let right = chars[..begin].iter().copied().chain(blanks).chain(chars[i + 1..].iter().copied()).collect();
            (chars[..i].iter().collect(), Some(right))
        }
    }
}

/// An error inside one side of an equation, with the whole equation as the line that is shown.
fn whole_line(error: Error, written: &str) -> Error {
    match error {
        Error::Parse { message, mut place } if !written.contains('\n') => {
            place.text = written.to_string();
            Error::Parse { message, place }
        }
        other => other,
    }
}
