//! Composes one WGSL module from templates: imports, variants, unrolled loops, inserted blocks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::composed::{Composed, Line, Requirement};
use super::directives::{Arm, Directive, Node, is_name, parse};
use super::embedded;
use super::expression::{Value, evaluate};
use crate::error::{Error, Place, Result};

/// Lines that one module may have: a runaway `#for` ends in an error instead of filling the memory.
const MAX_LINES: usize = 200_000;

/// Composes WGSL modules. Directives, one a line, recognised by a leading `#`:
///
/// - `#import lib/math/exp`: the embedded file of that name, once, with its own imports; placed in front of the importing file.
/// - `#if N == 4` / `#elif WIDE` / `#else` / `#endif`: conditions over the names given with [`define`](Self::define) and over
///   loops; a name that nobody defined is 0 there.
/// - `#for i in 0..N` / `#endfor`: unrolled. `{{i}}`, `{{N}}`, `{{i * 4 + 1}}` are replaced by their values everywhere.
/// - `#default N 4` / `#default T "f32"`: a value for a name that the caller did not define.
/// - `#insert NAME`: a block of text from [`insert`](Self::insert), or the text of a `#default`.
/// - `#require f16`: a feature of the device (see [`Requirement`]); the composer writes the `enable` line where there is one.
/// - `#params Params`: declares `params` of the struct `Params` (see [`KernelSpec`](crate::gpu::KernelSpec)).
#[derive(Debug, Clone, Default)]
pub struct Composer {
    names: HashMap<String, Value>,
    blocks: BTreeMap<String, String>,
}

impl Composer {
    /// A composer without names or blocks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `name` a value: an integer, a `bool` (1 or 0) or a text.
    #[must_use]
    pub fn define(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.names.insert(name.into(), value.into());
        self
    }

    /// Gives the block of text that `#insert name` places; it may hold directives itself. In conditions, `name` is 1.
    #[must_use]
    pub fn insert(mut self, name: &str, text: impl Into<String>) -> Self {
        self.blocks.insert(name.into(), text.into());
        self
    }

    /// Composes the embedded file `key`: its path under `shaders/` without extension (`matmul/lane`), or `kernels/name`.
    ///
    /// # Errors
    /// [`Error::Argument`] where there is no such file, [`Error::Parse`] for a directive that cannot be followed.
    pub fn compose(&self, key: &str) -> Result<Composed> {
        let Some(text) = embedded::text(key) else {
            return Err(Error::argument("shader", embedded::expectation(key), format!("`{key}`")));
        };
        self.run(key, &embedded::file_name(key), text)
    }

    /// Composes generated WGSL; `name` stands for the file in error messages.
    ///
    /// # Errors
    /// [`Error::Parse`] for a directive that cannot be followed.
    pub fn compose_text(&self, name: &str, text: &str) -> Result<Composed> {
        self.run(name, name, text)
    }

    fn run(&self, name: &str, file: &str, text: &str) -> Result<Composed> {
        let mut expansion = Expansion {
            composer: self,
            defaults: HashMap::new(),
            loops: Vec::new(),
            open: vec![name.to_string()],
            done: BTreeSet::new(),
            prelude: Vec::new(),
            lines: 0,
            requirements: BTreeSet::new(),
            params: None,
        };
        let own = expansion.file(file, text)?;
        let mut lines = expansion.prelude;
        lines.extend(own);
        Ok(Composed::new(name, lines, expansion.requirements, expansion.params))
    }
}

/// The state of one composition.
struct Expansion<'a> {
    composer: &'a Composer,
    defaults: HashMap<String, Value>,
    /// The loops around the current line, outermost first.
    loops: Vec<(String, i64)>,
    /// Files that are being expanded, outermost first: what a cycle is found by.
    open: Vec<String>,
    done: BTreeSet<String>,
    /// Lines of imported files. They stand in front of the importer, so that an import inside a function is harmless.
    prelude: Vec<Line>,
    lines: usize,
    requirements: BTreeSet<Requirement>,
    params: Option<String>,
}

/// A template that is being expanded.
struct Template<'a> {
    file: &'a str,
    lines: Vec<&'a str>,
}

impl Template<'_> {
    fn error(&self, line: usize, message: impl Into<String>) -> Error {
        let text = self.lines.get(line).copied().unwrap_or_default();
        let column = 1 + text.len() - text.trim_start().len();
        Error::Parse {
            message: message.into(),
            place: Place { source: self.file.into(), line: line + 1, column, text: text.into() },
        }
    }
}

impl Expansion<'_> {
    fn file(&mut self, file: &str, text: &str) -> Result<Vec<Line>> {
        let template = Template { file, lines: text.lines().collect() };
        let nodes = parse(text).map_err(|(line, message)| template.error(line, message))?;
        let mut out = Vec::new();
        self.nodes(&template, &nodes, &mut out)?;
        Ok(out)
    }

    fn nodes(&mut self, template: &Template, nodes: &[Node], out: &mut Vec<Line>) -> Result<()> {
        for node in nodes {
            match node {
                Node::Text { line } => self.text(template, *line, out)?,
                Node::If { arms } => self.conditional(template, arms, out)?,
                Node::For { line, name, bounds, body } => {
                    let bound = |text: &str| match self.value(text) {
                        Ok(Value::Int(number)) => Ok(number),
                        Ok(Value::Text(text)) => Err(template.error(*line, format!("\"{text}\" is no loop bound"))),
                        Err(message) => Err(template.error(*line, message)),
                    };
                    let range = bound(&bounds.start)?..bound(&bounds.end)?;
                    if self.loops.iter().any(|(other, _)| other == name) || self.composer.names.contains_key(name) {
                        return Err(template.error(*line, format!("the name `{name}` is taken already")));
                    }
                    for value in range {
                        self.loops.push((name.clone(), value));
                        let result = self.nodes(template, body, out);
                        self.loops.pop();
                        result?;
                        // An empty body adds no line but must end too.
                        self.count(template, *line)?;
                    }
                }
                Node::Word { line, directive, rest } => self.word(template, *line, *directive, rest, out)?,
            }
        }
        Ok(())
    }

    fn conditional(&mut self, template: &Template, arms: &[Arm], out: &mut Vec<Line>) -> Result<()> {
        for Arm { line, condition, body } in arms {
            let taken = match condition {
                None => true,
                Some(text) => evaluate(text, &|name| Ok(self.lookup(name).unwrap_or(Value::Int(0))))
                    .map_err(|message| template.error(*line, message))?
                    .is_true(),
            };
            if taken {
                return self.nodes(template, body, out);
            }
        }
        Ok(())
    }

    fn word(
        &mut self,
        template: &Template,
        line: usize,
        directive: Directive,
        rest: &str,
        out: &mut Vec<Line>,
    ) -> Result<()> {
        let fail = |message: String| Err(template.error(line, message));
        match directive {
            Directive::Import => self.import(template, line, rest),
            Directive::Insert => {
                let text = match (self.composer.blocks.get(rest), self.lookup(rest)) {
                    (Some(text), _) => text.clone(),
                    (None, Some(Value::Text(text))) => text,
                    _ => {
                        let given: Vec<_> = self.composer.blocks.keys().map(String::as_str).collect();
                        let given = if given.is_empty() { "none".into() } else { given.join(", ") };
                        return fail(format!("no text was given for `#insert {rest}`; given: {given}"));
                    }
                };
                if self.open.len() > 64 {
                    return fail(format!("`#insert {rest}` inserts itself"));
                }
                self.open.push(format!("#insert {rest}"));
                let lines = self.file(&format!("{rest} inserted in {}", template.file), &text)?;
                self.open.pop();
                out.extend(lines);
                Ok(())
            }
            Directive::Require => match Requirement::from_name(rest) {
                Some(requirement) => {
                    self.requirements.insert(requirement);
                    Ok(())
                }
                None => fail(format!("unknown feature `{rest}`; there are {}", Requirement::names())),
            },
            Directive::Params if !is_name(rest) => fail(format!("expected the name of a struct, got `{rest}`")),
            Directive::Params => match &self.params {
                Some(first) => fail(format!("a module has one parameter block; `#params {first}` came before")),
                None => {
                    self.params = Some(rest.into());
                    out.push(Line { text: String::new(), file: template.file.into(), number: line + 1, params: true });
                    self.count(template, line)
                }
            },
            Directive::Default => self.default_value(template, line, rest),
        }
    }

    fn default_value(&mut self, template: &Template, line: usize, rest: &str) -> Result<()> {
        let (name, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if !is_name(name) || text.trim().is_empty() {
            return Err(template.error(line, format!("expected `#default NAME value`, got `#default {rest}`")));
        }
        let value = self.value(text).map_err(|message| template.error(line, message))?;
        match self.defaults.insert(name.into(), value.clone()) {
            Some(other) if other != value && !self.composer.names.contains_key(name) => {
                Err(template.error(line, format!("`{name}` has the default `{other}` already")))
            }
            _ => Ok(()),
        }
    }

    fn import(&mut self, template: &Template, line: usize, key: &str) -> Result<()> {
        if self.done.contains(key) {
            return Ok(());
        }
        if let Some(first) = self.open.iter().position(|open| open == key) {
            let cycle = self.open[first..].join(" -> ");
            return Err(template.error(line, format!("imports go in a circle: {cycle} -> {key}")));
        }
        let Some(text) = embedded::text(key) else {
            return Err(template.error(line, format!("no shader `{key}`: expected {}", embedded::expectation(key))));
        };
        // The names of the loops around the directive are no business of the imported file.
        let loops = std::mem::take(&mut self.loops);
        self.open.push(key.into());
        let lines = self.file(&embedded::file_name(key), text)?;
        self.open.pop();
        self.loops = loops;
        self.prelude.extend(lines);
        self.done.insert(key.into());
        Ok(())
    }

    fn text(&mut self, template: &Template, line: usize, out: &mut Vec<Line>) -> Result<()> {
        let text = template.lines[line];
        if text.trim_start().starts_with("enable ") {
            return Err(template.error(line, "the composer writes `enable` lines; use `#require NAME`"));
        }
        let text = self.substitute(text).map_err(|message| template.error(line, message))?;
        // A text value may hold several lines; all of them come from this one.
        for text in text.split('\n') {
            out.push(Line { text: text.into(), file: template.file.into(), number: line + 1, params: false });
            self.count(template, line)?;
        }
        Ok(())
    }

    fn count(&mut self, template: &Template, line: usize) -> Result<()> {
        self.lines += 1;
        if self.lines > MAX_LINES {
            return Err(template.error(line, format!("the module passes {MAX_LINES} lines")));
        }
        Ok(())
    }

    /// Replaces every `{{expression}}`.
    fn substitute(&self, text: &str) -> Result<String, String> {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((expression, after)) = after.split_once("}}") else {
                return Err("`{{` without `}}`".into());
            };
            result.push_str(before);
            result.push_str(&self.value(expression)?.to_string());
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }

    fn value(&self, text: &str) -> Result<Value, String> {
        let known = |name: &str| {
            self.lookup(name).ok_or_else(|| format!("`{name}` is not defined (by the caller, a loop or a `#default`)"))
        };
        evaluate(text, &known)
    }

    fn lookup(&self, name: &str) -> Option<Value> {
        let of_loop = self.loops.iter().rev().find(|(other, _)| other == name).map(|(_, value)| Value::Int(*value));
        of_loop
            .or_else(|| self.composer.names.get(name).cloned())
            .or_else(|| self.composer.blocks.contains_key(name).then_some(Value::Int(1)))
            .or_else(|| self.defaults.get(name).cloned())
    }
}
