//! The parsed TOML text as a tree in which every key and value knows its place, so that each complaint can point at it.
//! Values set on the command line join the same tree and are checked by the same rules.

use super::names::nearest;
use crate::error::{Error, Place, Result};
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// A text and its name; places point into it.
#[derive(Debug, Clone)]
pub(super) struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    fn new(name: &str, text: &str) -> Self {
        Source { name: name.into(), text: text.into() }
    }

    /// A complaint that points at a byte offset.
    fn error(&self, message: impl Into<String>, offset: usize) -> Error {
        Error::Parse { message: message.into(), place: self.place(offset) }
    }

    /// The place of a byte offset.
    fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let start = self.text[..offset].rfind('\n').map_or(0, |i| i + 1);
        Place {
            source: self.name.to_string(),
            line: self.text[..offset].matches('\n').count() + 1,
            column: self.text[start..offset].chars().count() + 1,
            text: self.text[start..].lines().next().unwrap_or("").to_string(),
        }
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub value: Value,
    source: Source,
    offset: usize,
}

/// A key with its place.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub name: String,
    source: Source,
    offset: usize,
}

/// A value of a problem file.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Number(f64),
    Integer(i64),
    Truth(bool),
    List(Vec<Node>),
    /// Entries in the order of the text.
    Table(Vec<(Key, Node)>),
}

impl Value {
    /// What it is, for "got ..." in messages.
    pub fn describe(&self) -> String {
        match self {
            Value::Text(s) => format!("the text {s:?}"),
            Value::Number(v) => format!("the number {v}"),
            Value::Integer(v) => format!("the number {v}"),
            Value::Truth(v) => format!("{v}"),
            Value::List(v) => format!("a list of {}", v.len()),
            Value::Table(_) => "a table".into(),
        }
    }
}

impl Key {
    /// A complaint that points at the key.
    pub fn error(&self, message: impl Into<String>) -> Error {
        self.source.error(message, self.offset)
    }
}

impl Node {
    /// A complaint that points at the value.
    pub fn error(&self, message: impl Into<String>) -> Error {
        self.source.error(message, self.offset)
    }

    fn place(&self) -> Place {
        self.source.place(self.offset)
    }

    /// A text that stands where `self` stands, such as a part of it.
    pub fn text_at(&self, text: &str) -> Node {
        Node { value: Value::Text(text.to_string()), source: self.source.clone(), offset: self.offset }
    }

    /// Turns an error inside the text of this value (an expression, counted from its own first character) into one that
    /// points into the file. Texts with escapes or several lines keep their own line under the file's name and line.
    pub fn relocate(&self, error: Error) -> Error {
        let (Error::Parse { message, place: inner }, Value::Text(text)) = (&error, &self.value) else { return error };
        // Where the text starts: after a quote in a file, at once on the command line.
        let starts = |skip: usize| {
            let rest = self.source.text.get(self.offset + skip..);
            !text.contains('\n') && rest.is_some_and(|rest| rest.starts_with(text.as_str()))
        };
        let mut place = self.place();
        if let Some(skip) = [0, 1].into_iter().find(|&skip| starts(skip)) {
            place.column += skip + inner.column - 1;
        } else {
            let at = format!("{} (line {} of the file)", place.source, place.line);
            place = Place { source: at, ..inner.clone() };
        }
        Error::Parse { message: message.clone(), place }
    }

    /// Builds the tree of a TOML value whose spans point into `source`.
    fn build(value: &toml::Spanned<DeValue<'_>>, source: &Source) -> Result<Node> {
        let offset = value.span().start;
        let wrong = |what: &str| source.error(what, offset);
        let value = match value.get_ref() {
            DeValue::String(s) => Value::Text(s.to_string()),
            DeValue::Boolean(b) => Value::Truth(*b),
            DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix())
                .map(Value::Integer)
                .map_err(|_| wrong("this integer does not fit 64 bits: write it as a float (1e20)"))?,
            DeValue::Float(f) => Value::Number(
                f.as_str().parse().map_err(|_| wrong("this is no number: expected digits such as 0.5, 1e-3"))?,
            ),
            DeValue::Datetime(_) => {
                return Err(wrong("a date is not used in problem files: quote it to make it a text"));
            }
            DeValue::Array(items) => {
                Value::List(items.iter().map(|v| Node::build(v, source)).collect::<Result<Vec<_>>>()?)
            }
            DeValue::Table(table) => {
                return Ok(Node { value: entries(table, source)?, source: source.clone(), offset });
            }
        };
        Ok(Node { value, source: source.clone(), offset })
    }
}

/// The entries of a table in the order of the text (the parser sorts them by name).
fn entries(table: &DeTable<'_>, source: &Source) -> Result<Value> {
    let mut list = table
        .iter()
        .map(|(key, value)| {
            let key = Key { name: key.get_ref().to_string(), source: source.clone(), offset: key.span().start };
            Ok((key, Node::build(value, source)?))
        })
        .collect::<Result<Vec<_>>>()?;
    list.sort_by_key(|(key, _)| key.offset);
    Ok(Value::Table(list))
}

/// Parses a whole document; `source` is the name in messages.
pub(super) fn parse(text: &str, source: &str) -> Result<Node> {
    let source = Source::new(source, text);
    match DeTable::parse(text) {
        Ok(table) => Ok(Node { value: entries(table.get_ref(), &source)?, source, offset: 0 }),
        Err(error) => {
            let offset = error.span().map_or(0, |s| s.start);
            Err(source.error(format!("this is no valid TOML: {}", error.message()), offset))
        }
    }
}

/// Tables whose keys are the user's own names. An override cannot add to them: it would be a slip more often than a wish.
const NAMED: [&str; 3] = ["coordinates", "constants", "residuals"];

/// Sets the value at `path` (`stages.0.steps`; lists are indexed from 0) to `text`, read as TOML or else as a plain text.
/// Tables that are missing are made; whether a key means anything is decided where the tree is read.
/// Errors: an index past a list's end, a key of something that is no table.
pub(super) fn set(root: &mut Node, path: &str, text: &str) -> Result<()> {
    let name = format!("--set {path}");
    let source = Source::new(&name, text);
    let value = match DeValue::parse(text) {
        Ok(value) => Node::build(&value, &source)?,
        Err(_) => Node { value: Value::Text(text.to_string()), source: source.clone(), offset: 0 },
    };
    let keys: Vec<&str> = path.split('.').collect();
    if keys.iter().any(|k| k.trim().is_empty()) {
        return Err(Error::argument("--set", "key.path=value, for example network.seed=3", format!("{path}={text}")));
    }
    let mut node = root;
    for (depth, key) in keys.iter().map(|k| k.trim()).enumerate() {
        let parent = if depth == 0 { "the file".to_string() } else { format!("`{}`", keys[..depth].join(".")) };
        node = match &mut node.value {
            Value::Table(list) => {
                if depth == 1 && NAMED.contains(&keys[0].trim()) && !list.iter().any(|(k, _)| k.name == key) {
                    let known: Vec<&str> = list.iter().map(|(k, _)| k.name.as_str()).collect();
                    let hint = nearest(key, &known).map(|n| format!(" Did you mean `{n}`?")).unwrap_or_default();
                    let known = known.join(", ");
                    let message = format!("unknown key `{key}` in {parent}.{hint} There are: {known}");
                    return Err(source.error(message, 0));
                }
                let at = list.iter().position(|(k, _)| k.name == key).unwrap_or_else(|| {
                    // The key's place is the override itself, so that an unknown key is reported there.
                    let key = Key { name: key.to_string(), source: Source::new(&name, text), offset: 0 };
                    let empty = Node { value: Value::Table(Vec::new()), source: source.clone(), offset: 0 };
                    list.push((key, empty));
                    list.len() - 1
                });
                &mut list[at].1
            }
            Value::List(items) => {
                let length = items.len();
                let expected = format!("an index below {length} into the list {parent}");
                let index = key.parse::<usize>().ok().filter(|&i| i < length);
                let index = index.ok_or_else(|| Error::argument(&name, expected, format!("`{key}`")))?;
                &mut items[index]
            }
            other => {
                let expected = format!("a key of a table, but {parent} is {}", other.describe());
                return Err(Error::argument(&name, expected, format!("`{key}`")));
            }
        };
    }
    *node = value;
    Ok(())
}
