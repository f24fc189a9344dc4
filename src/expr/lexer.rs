//! Words of the expression language, with their places.

use crate::error::{Error, Place, Result};

/// A text and what it is called in messages.
pub(super) struct Text<'a> {
    pub source: &'a str,
    pub chars: Vec<char>,
}

impl<'a> Text<'a> {
    pub fn new(text: &str, source: &'a str) -> Self {
        Text { source, chars: text.chars().collect() }
    }

    /// Place of the character at `at` (or of the end of the text).
    pub fn place(&self, at: usize) -> Place {
        let at = at.min(self.chars.len());
        let before = &self.chars[..at];
        let start = before.iter().rposition(|&c| c == '\n').map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|&&c| c == '\n').count() + 1;
        let text = self.chars[start..].iter().take_while(|&&c| c != '\n' && c != '\r').collect();
        Place { source: self.source.to_string(), line, column: at - start + 1, text }
    }

    /// A parse error at `at`.
    pub fn error(&self, at: usize, message: impl Into<String>) -> Error {
        Error::Parse { message: message.into(), place: self.place(at) }
    }
}

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    I32(i32),
    U32(u32),
    Name(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

impl Token {
    /// The word in a message.
    pub fn describe(&self) -> String {
        match self {
            Token::Number(v) => format!("the number {v}"),
            Token::I32(v) => format!("the number {v}i"),
            Token::U32(v) => format!("the number {v}u"),
            Token::Name(name) => format!("`{name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => "the end of the text".into(),
        }
    }
}

/// Signs, longer ones first where one begins another.
const SIGNS: [&str; 24] = [
    "**", "==", "!=", "<=", ">=", "&&", "||", "+", "-", "*", "/", "%", "^", "<", ">", "!", "(", ")", ",", "=", ";",
    "≤", "≥", "≠",
];

/// Splits a text into words, each with the position of its first character; the last is [`Token::End`].
pub(super) fn tokens(text: &Text) -> Result<Vec<(Token, usize)>> {
    let chars = &text.chars;
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
        if c.is_whitespace() {
            at += 1;
        } else if c.is_ascii_digit() || (c == '.' && digit(at + 1)) {
            let (token, end) = number(text, at)?;
            tokens.push((token, at));
            at = end;
        } else if is_name_start(c) {
            let end = (at..chars.len()).find(|&i| !is_name_part(chars[i])).unwrap_or(chars.len());
            tokens.push((Token::Name(chars[at..end].iter().collect()), at));
            at = end;
        } else {
            let fits = |sign: &&&str| sign.chars().enumerate().all(|(k, s)| chars.get(at + k) == Some(&s));
            let Some(sign) = SIGNS.iter().find(fits) else {
                let hint = match c {
                    '&' | '|' => "; the logical operators are `and`, `or`, `&&`, `||`",
                    '[' | ']' | '{' | '}' => "; group with parentheses",
                    '"' | '\'' => "; names are written without quotes",
                    _ => "",
                };
                return Err(text.error(at, format!("{c:?} is no part of an expression{hint}")));
            };
            tokens.push((Token::Sign(sign), at));
            at += sign.chars().count();
        }
    }
    tokens.push((Token::End, chars.len()));
    Ok(tokens)
}

/// Whether a name may begin with `c`: letters of any script, so that `ν` is a name.
fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Reads `12`, `1.5`, `.5`, `2.`, `1e-3`, and the integers `3i`, `3u`, `0x7fu`.
fn number(text: &Text, start: usize) -> Result<(Token, usize)> {
    let chars = &text.chars;
    let run = |from: usize| (from..chars.len()).find(|&i| !chars[i].is_ascii_digit()).unwrap_or(chars.len());
    if chars[start] == '0' && matches!(chars.get(start + 1), Some('x' | 'X')) {
        return hexadecimal(text, start);
    }
    let mut end = run(start);
    let mut whole = true;
    if chars.get(end) == Some(&'.') {
        whole = false;
        end = run(end + 1);
    }
    if matches!(chars.get(end), Some('e' | 'E')) {
        let digits = if matches!(chars.get(end + 1), Some('+' | '-')) { end + 2 } else { end + 1 };
        if !chars.get(digits).is_some_and(char::is_ascii_digit) {
            return Err(text.error(end, "expected the digits of an exponent, as in `1e-3`"));
        }
        whole = false;
        end = run(digits);
    }
    let literal: String = chars[start..end].iter().collect();
    let token = match chars.get(end) {
        Some('i') if whole => literal.parse().map(Token::I32).map_err(|_| range(text, start, "i32"))?,
        Some('u') if whole => literal.parse().map(Token::U32).map_err(|_| range(text, start, "u32"))?,
        _ => {
            // Rust reads everything that the rules above let through, `.5` and `2.` included.
            let value: f64 = literal.parse().map_err(|_| text.error(start, format!("`{literal}` is no number")))?;
            if !(value as f32).is_finite() {
                return Err(range(text, start, "f32"));
            }
            Token::Number(value)
        }
    };
    if !matches!(token, Token::Number(_)) {
        end += 1;
    }
    match chars.get(end) {
        Some(&c) if is_name_part(c) || c == '.' => {
            Err(text.error(end, format!("expected an operator after the number, got {c:?} (a product is written `*`)")))
        }
        _ => Ok((token, end)),
    }
}

fn range(text: &Text, at: usize, ty: &str) -> Error {
    text.error(at, format!("this number is outside the range of {ty}"))
}

fn hexadecimal(text: &Text, start: usize) -> Result<(Token, usize)> {
    let chars = &text.chars;
    let end = (start + 2..chars.len()).find(|&i| !chars[i].is_ascii_hexdigit()).unwrap_or(chars.len());
    let digits: String = chars[start + 2..end].iter().collect();
    let closed = chars.get(end) == Some(&'u') && !chars.get(end + 1).is_some_and(|&c| is_name_part(c) || c == '.');
    if digits.is_empty() || !closed {
        return Err(text.error(start, "a hexadecimal number is an unsigned integer, as in `0x7fu`"));
    }
    let value = u32::from_str_radix(&digits, 16).map_err(|_| range(text, start, "u32"))?;
    Ok((Token::U32(value), end + 1))
}
