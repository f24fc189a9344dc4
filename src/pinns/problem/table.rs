//! Reading tables of a problem file: typed values with bounds, and a complaint about every key that nobody asked for.

use super::names::nearest;
use super::tree::{Key, Node, Value};
use crate::error::Result;

/// One table while it is being read.
pub(super) struct Table<'a> {
    path: String,
    node: &'a Node,
    entries: &'a [(Key, Node)],
    asked: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// The table at `path` (empty for the whole file). Errors: the value is no table.
    pub fn new(node: &'a Node, path: &str) -> Result<Self> {
        match &node.value {
            Value::Table(entries) => Ok(Table { path: path.to_string(), node, entries, asked: Vec::new() }),
            other => Err(node.error(format!("`{path}`: expected a table, got {}", other.describe()))),
        }
    }

    /// Full name of a key of this table.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key, if it is there; the key counts as known from now on.
    pub fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.entries.iter().find(|(k, _)| k.name == key).map(|(_, v)| v)
    }

    /// The value of a key that must be there; `example` shows what to write.
    pub fn require(&mut self, key: &'static str, example: &str) -> Result<&'a Node> {
        let path = self.path(key);
        self.get(key).ok_or_else(|| self.node.error(format!("`{path}` is missing: add {example}")))
    }

    /// All entries in the order of the text, for tables whose keys are the user's own names.
    pub fn entries(&self) -> &'a [(Key, Node)] {
        self.entries
    }

    /// The table itself, for complaints about it as a whole.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Complains about the first key that was never asked for.
    pub fn finish(self) -> Result<()> {
        let Some((key, _)) = self.entries.iter().find(|(k, _)| !self.asked.contains(&k.name.as_str())) else {
            return Ok(());
        };
        let place = if self.path.is_empty() { "the file".to_string() } else { format!("`{}`", self.path) };
        let hint = nearest(&key.name, &self.asked).map(|n| format!(" Did you mean `{n}`?")).unwrap_or_default();
        Err(key.error(format!("unknown key `{}` in {place}.{hint} Allowed: {}", key.name, self.asked.join(", "))))
    }

    /// A text.
    pub fn text(&mut self, key: &'static str) -> Result<Option<&'a str>> {
        let path = self.path(key);
        self.get(key).map(|node| text(node, &path)).transpose()
    }

    /// A truth value, or `default`.
    pub fn truth(&mut self, key: &'static str, default: bool) -> Result<bool> {
        let path = self.path(key);
        match self.get(key) {
            None => Ok(default),
            Some(Node { value: Value::Truth(v), .. }) => Ok(*v),
            Some(node) => Err(node.error(format!("`{path}`: expected true or false, got {}", node.value.describe()))),
        }
    }

    /// A finite number with `ok`, or `default`; `expected` says in words what `ok` asks.
    pub fn number(&mut self, key: &'static str, default: f64, expected: &str, ok: fn(f64) -> bool) -> Result<f64> {
        let path = self.path(key);
        self.get(key).map_or(Ok(default), |node| number(node, &path, expected, ok))
    }

    /// A whole number of at least `least`, or `default`.
    pub fn count(&mut self, key: &'static str, default: usize, least: usize) -> Result<usize> {
        let path = self.path(key);
        self.get(key).map_or(Ok(default), |node| count(node, &path, least))
    }

    /// One of the names of `table`, or `default`.
    pub fn choice<T: Copy>(&mut self, key: &'static str, default: T, table: &[(&'static str, T)]) -> Result<T> {
        let path = self.path(key);
        self.get(key).map_or(Ok(default), |node| choice(node, &path, table))
    }
}

/// The text of a value.
pub(super) fn text<'a>(node: &'a Node, path: &str) -> Result<&'a str> {
    match &node.value {
        Value::Text(s) => Ok(s),
        other => Err(node.error(format!("`{path}`: expected a text in quotes, got {}", other.describe()))),
    }
}

/// The finite number of a value, whole or not.
pub(super) fn number(node: &Node, path: &str, expected: &str, ok: fn(f64) -> bool) -> Result<f64> {
    let value = match node.value {
        Value::Number(v) => Some(v),
        Value::Integer(v) => Some(v as f64),
        _ => None,
    };
    value
        .filter(|v| v.is_finite() && ok(*v))
        .ok_or_else(|| node.error(format!("`{path}`: expected {expected}, got {}", node.value.describe())))
}

/// The whole number of a value.
pub(super) fn count(node: &Node, path: &str, least: usize) -> Result<usize> {
    // Above 2^31 a count is a typing error, and products of counts would not fit.
    let value = match node.value {
        Value::Integer(v) => usize::try_from(v).ok().filter(|v| (least..=1 << 31).contains(v)),
        _ => None,
    };
    value.ok_or_else(|| {
        let got = node.value.describe();
        node.error(format!("`{path}`: expected a whole number of at least {least} (at most 2^31), got {got}"))
    })
}

/// The list of a value, with at least one item.
pub(super) fn list<'a>(node: &'a Node, path: &str, expected: &str) -> Result<&'a [Node]> {
    match &node.value {
        Value::List(items) if !items.is_empty() => Ok(items),
        other => Err(node.error(format!("`{path}`: expected {expected}, got {}", other.describe()))),
    }
}

/// One of a few names.
pub(super) fn choice<T: Copy>(node: &Node, path: &str, table: &[(&'static str, T)]) -> Result<T> {
    let name = text(node, path)?;
    table.iter().find(|(n, _)| *n == name).map(|(_, v)| *v).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(n, _)| *n).collect();
        let hint = nearest(name, &names).map(|n| format!(" (did you mean {n:?}?)")).unwrap_or_default();
        let names: Vec<String> = names.iter().map(|n| format!("{n:?}")).collect();
        node.error(format!("`{path}`: expected one of {}, got {name:?}{hint}", names.join(", ")))
    })
}
