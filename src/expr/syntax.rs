//! Grammar of the expression language: words to a tree without names resolved.
//!
//! Loosest first: `or ||` · `and &&` · `not` · comparisons (which do not chain) · `+ -` · `* / %` · unary `- + !` · `^ **`
//! (from the right; so `-x^2 = -(x^2)` and `2^-x` is allowed). In front of the expression may stand `name = expression;`
//! any number of times.

use super::lexer::{Text, Token, tokens};
use crate::error::Result;
use std::collections::HashMap;

/// Deepest nesting of parentheses, calls, signs and powers, so that a text cannot exhaust the stack.
pub const MAX_DEPTH: usize = 200;

/// A node of the tree; operands have smaller positions, so that passes over it need no recursion.
#[derive(Clone, Debug)]
pub(super) enum Syntax {
    Number(f64),
    I32(i32),
    U32(u32),
    Name(String),
    /// `-` or `not`.
    Prefix(&'static str, usize),
    Infix(&'static str, usize, usize),
    Call(String, Vec<usize>),
}

/// A parsed text.
pub(super) struct Tree {
    /// Nodes with the position of the character that an error in them is about.
    pub nodes: Vec<(Syntax, usize)>,
    pub root: usize,
    /// Names that the text itself defines, with their positions.
    pub bindings: Vec<(String, usize)>,
}

/// Binding powers.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARE: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const SIGN: u8 = 7;
const POWER: u8 = 8;

/// The operator between two operands that a word stands for, and its binding power.
fn infix(token: &Token) -> Option<(&'static str, u8)> {
    let word = match token {
        Token::Sign(sign) => *sign,
        Token::Name(name) => name.as_str(),
        _ => return None,
    };
    Some(match word {
        "or" | "||" => ("or", OR),
        "and" | "&&" => ("and", AND),
        "==" => ("==", COMPARE),
        "!=" | "≠" => ("!=", COMPARE),
        "<" => ("<", COMPARE),
        "<=" | "≤" => ("<=", COMPARE),
        ">" => (">", COMPARE),
        ">=" | "≥" => (">=", COMPARE),
        "+" => ("+", SUM),
        "-" => ("-", SUM),
        "*" => ("*", PRODUCT),
        "/" => ("/", PRODUCT),
        "%" => ("%", PRODUCT),
        "^" | "**" => ("^", POWER),
        _ => return None,
    })
}

/// Parses a text. Errors: words that do not form an expression, nesting beyond [`MAX_DEPTH`].
pub(super) fn tree(text: &Text) -> Result<Tree> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, at: 0, depth: 0, nodes: vec![], scope: HashMap::new() };
    if parser.tokens.len() == 1 {
        return Err(text.error(0, "expected an expression, got an empty text"));
    }
    let mut bindings = Vec::new();
    while let (Token::Name(name), Token::Sign("=")) = (&parser.tokens[parser.at].0, &parser.peek(1).0) {
        let (name, place) = (name.clone(), parser.tokens[parser.at].1);
        if parser.scope.contains_key(&name) {
            return Err(text.error(place, format!("`{name}` is defined twice")));
        }
        parser.at += 2;
        let value = parser.expression(0)?;
        if !parser.take(";") {
            return Err(parser.unexpected("`;` after the definition"));
        }
        parser.scope.insert(name.clone(), value);
        bindings.push((name, place));
    }
    let root = parser.expression(0)?;
    match parser.peek(0).0 {
        Token::End => Ok(Tree { nodes: parser.nodes, root, bindings }),
        Token::Sign(")") => Err(parser.unexpected("an operator or the end: there is no `(` for this")),
        Token::Sign("=") => Err(parser.unexpected("an operator (equality is written `==`)")),
        _ => Err(parser.unexpected("an operator or the end of the text")),
    }
}

struct Parser<'a> {
    text: &'a Text<'a>,
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
    nodes: Vec<(Syntax, usize)>,
    /// Values of the names that the text has defined.
    scope: HashMap<String, usize>,
}

impl Parser<'_> {
    /// The word `ahead` words from here; the end repeats for ever.
    fn peek(&self, ahead: usize) -> &(Token, usize) {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> (Token, usize) {
        let next = self.peek(0).clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        next
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(0).0, Token::Sign(s) if s == sign);
        if found {
            self.next();
        }
        found
    }

    fn unexpected(&self, expected: &str) -> crate::error::Error {
        let (token, at) = self.peek(0);
        self.text.error(*at, format!("expected {expected}, got {}", token.describe()))
    }

    fn add(&mut self, node: Syntax, at: usize) -> usize {
        self.nodes.push((node, at));
        self.nodes.len() - 1
    }

    /// Runs `parse` one level deeper; `at` is blamed when that is too deep.
    fn nested(&mut self, at: usize, parse: impl FnOnce(&mut Self) -> Result<usize>) -> Result<usize> {
        if self.depth == MAX_DEPTH {
            return Err(self.text.error(at, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// An expression of operators that bind at least as tightly as `least`.
    fn expression(&mut self, least: u8) -> Result<usize> {
        let mut left = self.operand()?;
        let mut compared = false;
        while let Some((op, power)) = infix(&self.peek(0).0) {
            if power < least {
                break;
            }
            let (_, at) = self.next();
            if power == COMPARE && compared {
                return Err(self.text.error(at, "comparisons do not chain: write `a < b and b < c`"));
            }
            compared = power == COMPARE;
            let right =
                if power == POWER { self.nested(at, |p| p.expression(POWER))? } else { self.expression(power + 1)? };
            left = self.add(Syntax::Infix(op, left, right), at);
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<usize> {
        let (token, at) = self.peek(0).clone();
        match token {
            Token::Number(v) => self.leaf(Syntax::Number(v), at),
            Token::I32(v) => self.leaf(Syntax::I32(v), at),
            Token::U32(v) => self.leaf(Syntax::U32(v), at),
            Token::Sign("(") => {
                self.next();
                let inner = self.nested(at, |p| p.expression(0))?;
                self.close(at, "`)` or an operator")?;
                Ok(inner)
            }
            Token::Sign(sign @ ("-" | "+" | "!")) => {
                self.next();
                let inner = self.nested(at, |p| p.expression(SIGN))?;
                Ok(match sign {
                    "-" => self.add(Syntax::Prefix("-", inner), at),
                    "!" => self.add(Syntax::Prefix("not", inner), at),
                    _ => inner,
                })
            }
            Token::Name(name) if name == "not" => {
                self.next();
                let inner = self.nested(at, |p| p.expression(NOT + 1))?;
                Ok(self.add(Syntax::Prefix("not", inner), at))
            }
            Token::Name(name) if infix(&Token::Name(name.clone())).is_none() => {
                self.next();
                if self.take("(") {
                    return self.call(name, at);
                }
                match self.scope.get(&name) {
                    Some(&value) => Ok(value),
                    None => Ok(self.add(Syntax::Name(name), at)),
                }
            }
            _ => Err(self.unexpected("a number, a name or `(`")),
        }
    }

    fn leaf(&mut self, node: Syntax, at: usize) -> Result<usize> {
        self.next();
        Ok(self.add(node, at))
    }

    /// Arguments of a call whose `(` has been read.
    fn call(&mut self, name: String, at: usize) -> Result<usize> {
        let open = self.tokens[self.at - 1].1;
        let mut arguments = Vec::new();
        if !self.take(")") {
            loop {
                arguments.push(self.nested(at, |p| p.expression(0))?);
                if !self.take(",") {
                    break;
                }
            }
            self.close(open, "`)`, `,` or an operator")?;
        }
        Ok(self.add(Syntax::Call(name, arguments), at))
    }

    /// Expects the `)` for the `(` at `open`.
    fn close(&mut self, open: usize, expected: &str) -> Result<()> {
        if self.take(")") {
            Ok(())
        } else if self.peek(0).0 == Token::End {
            Err(self.text.error(open, "this `(` is not closed"))
        } else {
            Err(self.unexpected(expected))
        }
    }
}
