//! Reads the directives of a WGSL template (lines whose first character is `#`) into a tree; nothing is evaluated here.

use std::ops::Range;

/// One piece of a template. `line` is 0-based.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A line of WGSL.
    Text {
        /// Its number.
        line: usize,
    },
    /// `#if` .. `#elif` .. `#else` .. `#endif`: the arms in order.
    If {
        /// One for each of `#if`, `#elif`, `#else`.
        arms: Vec<Arm>,
    },
    /// `#for name in low..high` .. `#endfor`.
    For {
        /// Line of `#for`.
        line: usize,
        /// The loop's name.
        name: String,
        /// The two bounds as expressions.
        bounds: Range<String>,
        /// What is repeated.
        body: Vec<Node>,
    },
    /// All directives that stand alone: `#import`, `#insert`, `#require`, `#params`, `#default`.
    Word {
        /// Its line.
        line: usize,
        /// Which.
        directive: Directive,
        /// The rest of the line.
        rest: String,
    },
}

/// One arm of an `#if`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arm {
    /// The line of its directive.
    pub line: usize,
    /// When it is taken; `None` for `#else`.
    pub condition: Option<String>,
    /// What it holds.
    pub body: Vec<Node>,
}

/// A directive that stands alone on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// `#import lib/math/exp`: another embedded file, once.
    Import,
    /// `#insert NAME`: a block of text given by the caller.
    Insert,
    /// `#require f16`: a feature of the device.
    Require,
    /// `#params Params`: the parameter block.
    Params,
    /// `#default NAME value`: the value of a name that the caller did not define.
    Default,
}

/// What is wrong, and on which 0-based line.
pub type Problem = (usize, String);

/// Parses the whole text of a template.
pub fn parse(text: &str) -> Result<Vec<Node>, Problem> {
    let lines: Vec<&str> = text.lines().collect();
    let mut reader = Reader { lines: &lines, at: 0 };
    let nodes = reader.block()?;
    match reader.peek() {
        None => Ok(nodes),
        Some((word, _)) => Err((reader.at, format!("`#{word}` without its beginning"))),
    }
}

struct Reader<'a> {
    lines: &'a [&'a str],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Directive name and rest of the current line, where it is a directive; comments and blanks removed.
    fn peek(&self) -> Option<(&'a str, &'a str)> {
        let line = self.lines.get(self.at)?.trim_start().strip_prefix('#')?;
        let line = line.split("//").next().unwrap_or_default().trim();
        Some(line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim())))
    }

    /// Nodes up to a directive that ends or parts a block, or the end of the text.
    fn block(&mut self) -> Result<Vec<Node>, Problem> {
        let mut nodes = Vec::new();
        while self.at < self.lines.len() {
            let line = self.at;
            let Some((word, rest)) = self.peek() else {
                nodes.push(Node::Text { line });
                self.at += 1;
                continue;
            };
            let directive = match word {
                "elif" | "else" | "endif" | "endfor" => break,
                "if" => {
                    nodes.push(self.conditional()?);
                    continue;
                }
                "for" => {
                    nodes.push(self.repetition()?);
                    continue;
                }
                "import" => Directive::Import,
                "insert" => Directive::Insert,
                "require" => Directive::Require,
                "params" => Directive::Params,
                "default" => Directive::Default,
                _ => {
                    let known = "#import #insert #require #params #default #if #elif #else #endif #for #endfor";
                    return Err((line, format!("unknown directive `#{word}`; there are {known}")));
                }
            };
            if rest.is_empty() {
                return Err((line, format!("`#{word}` needs a name behind it")));
            }
            nodes.push(Node::Word { line, directive, rest: rest.into() });
            self.at += 1;
        }
        Ok(nodes)
    }

    fn conditional(&mut self) -> Result<Node, Problem> {
        let opened = self.at;
        let mut arms: Vec<Arm> = Vec::new();
        loop {
            let line = self.at;
            let Some((word, rest)) = self.peek() else {
                return Err((opened, "`#if` without `#endif`".into()));
            };
            let behind_else = arms.last().is_some_and(|arm| arm.condition.is_none());
            let condition = match word {
                "endif" => {
                    self.at += 1;
                    return Ok(Node::If { arms });
                }
                "if" | "elif" | "else" if behind_else => return Err((line, format!("`#{word}` behind `#else`"))),
                "if" | "elif" if rest.is_empty() => return Err((line, format!("`#{word}` needs a condition"))),
                "if" | "elif" => Some(rest.to_string()),
                "else" if rest.is_empty() => None,
                "else" => return Err((line, "`#else` takes no condition; use `#elif`".into())),
                _ => return Err((line, format!("`#{word}` inside the `#if` of line {}", opened + 1))),
            };
            self.at += 1;
            arms.push(Arm { line, condition, body: self.block()? });
        }
    }

    fn repetition(&mut self) -> Result<Node, Problem> {
        let line = self.at;
        let (_, rest) = self.peek().unwrap_or_default();
        let parts = rest.split_once(" in ").and_then(|(name, bounds)| Some((name.trim(), bounds.split_once("..")?)));
        let Some((name, (low, high))) = parts.filter(|(name, _)| is_name(name)) else {
            return Err((line, format!("expected `#for name in low..high`, got `#for {rest}`")));
        };
        self.at += 1;
        let body = self.block()?;
        match self.peek() {
            Some(("endfor", _)) => self.at += 1,
            Some((word, _)) => {
                return Err((self.at, format!("`#{word}` inside the `#for` of line {}", line + 1)));
            }
            None => return Err((line, "`#for` without `#endfor`".into())),
        }
        Ok(Node::For { line, name: name.into(), bounds: low.trim().into()..high.trim().into(), body })
    }
}

/// Whether `text` can be a name: a letter or `_`, then letters, digits and `_`.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
