//! Integer expressions of the WGSL templates: conditions of `#if`, bounds of `#for`, and what stands between `{{` and `}}`.
//!
//! Operators by rising precedence, as in C: `||`, `&&`, comparisons, `<< >>`, `+ -`, `* / %`, unary `! -`. A comparison or a
//! logical operator gives 1 or 0. Texts (`"f32"`) can be compared with `==` and `!=` only.

use std::fmt;

/// The value of a name in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A whole number; 0 is false, all else true.
    Int(i64),
    /// A piece of text, such as the name of a type.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(number) => write!(f, "{number}"),
            Value::Text(text) => f.write_str(text),
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Int(flag.into())
    }
}
impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Value::Int(number.into())
    }
}
impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Value::Int(number.into())
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}
impl From<usize> for Value {
    /// Saturates at `i64::MAX`, which no template can unroll to.
    fn from(number: usize) -> Self {
        Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl Value {
    /// Whether an `#if` on this value is taken: numbers other than 0, texts that are not empty.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Int(number) => *number != 0,
            Value::Text(text) => !text.is_empty(),
        }
    }

    fn int(self) -> Result<i64, String> {
        match self {
            Value::Int(number) => Ok(number),
            Value::Text(text) => Err(format!("expected a number, got the text \"{text}\"")),
        }
    }
}

/// Evaluates `text`; `lookup` gives the value of a name or says why there is none.
pub fn evaluate(text: &str, lookup: &dyn Fn(&str) -> Result<Value, String>) -> Result<Value, String> {
    let mut parser = Parser { rest: text.trim(), lookup };
    let value = parser.binary(0)?;
    if parser.rest.is_empty() { Ok(value) } else { Err(format!("cannot read `{}` in `{text}`", parser.rest)) }
}

/// Binary operators by rising precedence; where one is the beginning of another, the longer stands first.
const LEVELS: [&[&str]; 6] =
    [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">"], &["<<", ">>"], &["+", "-"], &["*", "/", "%"]];

struct Parser<'a> {
    rest: &'a str,
    lookup: &'a dyn Fn(&str) -> Result<Value, String>,
}

impl<'a> Parser<'a> {
    fn binary(&mut self, level: usize) -> Result<Value, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.at_operator(operator)) {
            self.rest = self.rest[operator.len()..].trim_start();
            left = apply(operator, left, self.binary(level + 1)?)?;
        }
        Ok(left)
    }

    /// `<` must not take the first half of `<<`; `LEVELS` reads comparisons before shifts.
    fn at_operator(&self, operator: &str) -> bool {
        let shift = self.rest.starts_with("<<") || self.rest.starts_with(">>");
        self.rest.starts_with(operator) && !(shift && operator.len() == 1)
    }

    fn unary(&mut self) -> Result<Value, String> {
        if let Some(rest) = self.rest.strip_prefix('!') {
            self.rest = rest.trim_start();
            return Ok(Value::from(!self.unary()?.is_true()));
        }
        if let Some(rest) = self.rest.strip_prefix('-') {
            self.rest = rest.trim_start();
            let number = self.unary()?.int()?;
            return number.checked_neg().map(Value::Int).ok_or_else(overflow);
        }
        self.atom()
    }

    fn atom(&mut self) -> Result<Value, String> {
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest.trim_start();
            let value = self.binary(0)?;
            let Some(rest) = self.rest.strip_prefix(')') else { return Err("missing `)`".into()) };
            self.rest = rest.trim_start();
            return Ok(value);
        }
        if let Some(rest) = self.rest.strip_prefix('"') {
            let Some((text, rest)) = rest.split_once('"') else { return Err("missing closing `\"`".into()) };
            self.rest = rest.trim_start();
            return Ok(Value::Text(text.into()));
        }
        let word = self.word();
        match word.chars().next() {
            None if self.rest.is_empty() => Err("expected a number or a name, got the end".into()),
            None => Err(format!("expected a number or a name, got `{}`", self.rest)),
            Some(first) if first.is_ascii_digit() => {
                word.parse().map(Value::Int).map_err(|_| format!("`{word}` is no whole number"))
            }
            Some(_) => (self.lookup)(word),
        }
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }
}

fn overflow() -> String {
    "the number is too large".into()
}

fn apply(operator: &str, left: Value, right: Value) -> Result<Value, String> {
    match operator {
        "||" => return Ok(Value::from(left.is_true() || right.is_true())),
        "&&" => return Ok(Value::from(left.is_true() && right.is_true())),
        "==" | "!=" => {
            if std::mem::discriminant(&left) != std::mem::discriminant(&right) {
                return Err(format!("cannot compare `{left}` with `{right}`: one is a number, one a text"));
            }
            return Ok(Value::from((left == right) == (operator == "==")));
        }
        _ => {}
    }
    let (left, right) = (left.int()?, right.int()?);
    let shift = || u32::try_from(right).ok().filter(|by| *by < 63).ok_or_else(|| format!("cannot shift by {right}"));
    let number = match operator {
        "<" => return Ok(Value::from(left < right)),
        "<=" => return Ok(Value::from(left <= right)),
        ">" => return Ok(Value::from(left > right)),
        ">=" => return Ok(Value::from(left >= right)),
        // A shift to the left is a product, so that bits that leave the number are an error too.
        "<<" => left.checked_mul(1 << shift()?),
        ">>" => Some(left >> shift()?),
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" | "%" if right == 0 => return Err(format!("`{left} {operator} 0` has no value")),
        "/" => left.checked_div(right),
        "%" => left.checked_rem(right),
        _ => return Err(format!("unknown operator `{operator}`")),
    };
    number.map(Value::Int).ok_or_else(overflow)
}
