//! A small stand-in for the engine's composer: enough of the directives to build the kernels under test.

use std::collections::HashMap;

/// What a kernel file is composed with: numbers for `#if`, `#for` and `{{...}}`, texts for `#insert`.
#[derive(Clone, Default)]
pub struct Variant {
    pub defs: HashMap<String, i64>,
    pub texts: HashMap<String, String>,
}

impl Variant {
    pub fn new(defs: &[(&str, i64)], texts: &[(&str, &str)]) -> Self {
        Self {
            defs: defs.iter().map(|(k, v)| (k.to_string(), *v)).collect(),
            texts: texts.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        }
    }
}

/// Composes `source`; panics on a malformed file (tests only).
pub fn compose(source: &str, variant: &Variant) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let mut out = String::new();
    block(&lines, &mut variant.defs.clone(), &variant.texts, &mut out);
    out
}

/// Index of the directive that ends the block opened before `from`: one of `stops` at nesting depth zero.
fn find(lines: &[&str], from: usize, open: &str, stops: &[&str]) -> usize {
    let mut depth = 0;
    for (i, line) in lines.iter().enumerate().skip(from) {
        let t = line.trim();
        if depth == 0 && stops.iter().any(|s| t == *s) {
            return i;
        }
        if t.starts_with(open) {
            depth += 1;
        } else if t == stops[stops.len() - 1] {
            depth -= 1;
        }
    }
    panic!("no {stops:?} after line {from}");
}

fn block(lines: &[&str], defs: &mut HashMap<String, i64>, texts: &HashMap<String, String>, out: &mut String) {
    let mut i = 0;
    while i < lines.len() {
        let t = lines[i].trim();
        if let Some(cond) = t.strip_prefix("#if ") {
            let mid = find(lines, i + 1, "#if ", &["#else", "#endif"]);
            let end = if lines[mid].trim() == "#endif" { mid } else { find(lines, mid + 1, "#if ", &["#endif"]) };
            if holds(cond, defs) {
                block(&lines[i + 1..mid], defs, texts, out);
            } else if mid < end {
                block(&lines[mid + 1..end], defs, texts, out);
            }
            i = end;
        } else if let Some(head) = t.strip_prefix("#for ") {
            let end = find(lines, i + 1, "#for ", &["#endfor"]);
            let (name, range) = head.split_once(" in ").expect("#for NAME in A..B");
            let (a, b) = range.split_once("..").expect("a range A..B");
            for v in eval(a, defs)..eval(b, defs) {
                let old = defs.insert(name.trim().to_string(), v);
                block(&lines[i + 1..end], defs, texts, out);
                match old {
                    Some(o) => defs.insert(name.trim().to_string(), o),
                    None => defs.remove(name.trim()),
                };
            }
            i = end;
        } else if let Some(key) = t.strip_prefix("#import ") {
            let path = format!("{}/shaders/{}.wgsl", env!("CARGO_MANIFEST_DIR"), key.trim());
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            let lines: Vec<&str> = text.lines().collect();
            block(&lines, defs, texts, out);
        } else if let Some(key) = t.strip_prefix("#insert ") {
            let text = texts.get(key.trim()).unwrap_or_else(|| panic!("no text {key}"));
            out.push_str(text);
            out.push('\n');
        } else if let Some(name) = t.strip_prefix("#params ") {
            out.push_str(&format!("var<immediate> params: {};\n", name.trim()));
        } else {
            out.push_str(&substitute(lines[i], defs));
            out.push('\n');
        }
        i += 1;
    }
}

fn holds(cond: &str, defs: &HashMap<String, i64>) -> bool {
    match cond.split_once("==") {
        Some((name, value)) => eval(name, defs) == eval(value, defs),
        None => defs.get(cond.trim()).is_some_and(|v| *v != 0),
    }
}

fn substitute(line: &str, defs: &HashMap<String, i64>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("{{") {
        let end = at + rest[at..].find("}}").expect("closing }}");
        out.push_str(&rest[..at]);
        out.push_str(&eval(&rest[at + 2..end], defs).to_string());
        rest = &rest[end + 2..];
    }
    out.push_str(rest);
    out
}

/// Sums of products of names and integers, with parentheses.
fn eval(text: &str, defs: &HashMap<String, i64>) -> i64 {
    let chars: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut at = 0;
    let v = sum(&chars, &mut at, defs);
    assert_eq!(at, chars.len(), "cannot read {text:?}");
    v
}

fn sum(c: &[char], at: &mut usize, defs: &HashMap<String, i64>) -> i64 {
    let mut v = product(c, at, defs);
    while *at < c.len() && (c[*at] == '+' || c[*at] == '-') {
        let op = c[*at];
        *at += 1;
        let w = product(c, at, defs);
        v = if op == '+' { v + w } else { v - w };
    }
    v
}

fn product(c: &[char], at: &mut usize, defs: &HashMap<String, i64>) -> i64 {
    let mut v = atom(c, at, defs);
    while *at < c.len() && matches!(c[*at], '*' | '/' | '%') {
        let op = c[*at];
        *at += 1;
        let w = atom(c, at, defs);
        v = match op {
            '*' => v * w,
            '/' => v / w,
            _ => v % w,
        };
    }
    v
}

fn atom(c: &[char], at: &mut usize, defs: &HashMap<String, i64>) -> i64 {
    if c[*at] == '(' {
        *at += 1;
        let v = sum(c, at, defs);
        assert_eq!(c[*at], ')');
        *at += 1;
        return v;
    }
    let start = *at;
    while *at < c.len() && (c[*at].is_alphanumeric() || c[*at] == '_') {
        *at += 1;
    }
    let word: String = c[start..*at].iter().collect();
    word.parse().unwrap_or_else(|_| *defs.get(&word).unwrap_or_else(|| panic!("unknown name {word:?}")))
}
