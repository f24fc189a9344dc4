//! The line `// Loops:` of each file: `none`, or `at most EXPRESSION iterations` with the largest value of each name in it, as in
//! `// Loops: at most chunk / 4 + 3 iterations, chunk <= 8192.` A device takes a dispatch that runs for seconds as hung, so no
//! invocation may iterate more than [`LIMIT`] times.

use super::tree::{File, closure, files};

const LIMIT: u64 = 32_768;

/// What a file says of its loops.
#[derive(Debug, PartialEq)]
enum Statement {
    None,
    AtMost(u64),
}

/// The statement of `text`, if there is one.
fn statement(text: &str) -> Result<Option<Statement>, String> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("// Loops: "));
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err("two lines `// Loops:`".into());
    }
    if line.trim_end_matches('.') == "none" {
        return Ok(Some(Statement::None));
    }
    let expression = line.strip_prefix("at most ").and_then(|rest| rest.split_once(" iterations"));
    let (expression, rest) = expression.ok_or(format!("expected `none` or `at most N iterations`, got `{line}`"))?;
    expression
        .split(" + ")
        .map(|term| bound(term, rest))
        .sum::<Result<u64, String>>()
        .map(|n| Some(Statement::AtMost(n)))
}

/// An upper bound of one term: `12`, `chunk`, `chunk / 4`, `chunk / WG`, `log2(WG)`.
fn bound(term: &str, limits: &str) -> Result<u64, String> {
    if let Some(argument) = term.strip_prefix("log2(").and_then(|rest| rest.strip_suffix(')')) {
        return largest(argument, limits).map(|n| u64::from(n.max(1).ilog2()));
    }
    match term.split_once(" / ") {
        None => largest(term, limits),
        // Of a divisor without a number only that it is at least 1 is known.
        Some((dividend, divisor)) => {
            Ok(largest(dividend, limits)?.div_ceil(divisor.parse().ok().filter(|n| *n > 0).unwrap_or(1)))
        }
    }
}

/// A number, or the largest number that `limits` states for a name: `chunk <= 8192`. All of its mentions count.
fn largest(name: &str, limits: &str) -> Result<u64, String> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let words: Vec<&str> =
        limits.split(|c: char| c.is_whitespace() || ",.;:()".contains(c)).filter(|w| !w.is_empty()).collect();
    let stated = words.windows(3).filter(|w| w[0] == name && w[1] == "<=");
    stated.filter_map(|w| w[2].parse().ok()).max().ok_or(format!("no limit `{name} <= N` behind the bound"))
}

/// Whether WGSL without comments and directives has a loop.
fn loops(code: &str) -> bool {
    let words: Vec<&str> =
        code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    words.iter().any(|word| ["for", "while", "loop"].contains(word))
}

/// What is wrong with the statement of a file.
fn problem(files: &[File], file: &File) -> Result<(), String> {
    let looping: Vec<&str> =
        closure(files, file).into_iter().filter(|part| loops(&part.code())).map(|part| part.key.as_str()).collect();
    match (statement(&file.text)?, looping.is_empty()) {
        (Some(Statement::AtMost(n)), false) if n <= LIMIT => Ok(()),
        (Some(Statement::AtMost(n)), false) => Err(format!("{n} iterations are stated, more than {LIMIT}")),
        (Some(Statement::AtMost(_)), true) => Err("a bound is stated, but nothing loops".into()),
        (Some(Statement::None), true) => Ok(()),
        (_, false) => Err(format!("loops in {}, but no bound is stated", looping.join(", "))),
        (None, true) if file.is_kernel() => Err("no line `// Loops: none`".into()),
        // A part without loops says nothing or none.
        (None, true) => Ok(()),
    }
}

#[test]
fn every_file_states_the_bound_of_its_loops() {
    let files = files();
    let whole = files.iter().filter(|file| !file.is_broken_on_purpose());
    let problems: Vec<String> = whole
        .filter_map(|file| problem(&files, file).err().map(|problem| format!("{}: {problem}", file.key)))
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn statements_are_understood() {
    let at_most = |n| Ok(Some(Statement::AtMost(n)));
    assert_eq!(statement("// A sum.\nfn f() {}"), Ok(None));
    assert_eq!(statement("// A sum.\n// Loops: none"), Ok(Some(Statement::None)));
    assert_eq!(statement("// Loops: at most 10 iterations"), at_most(10));
    assert_eq!(statement("// Loops: at most chunk / 8 + 8 iterations, chunk <= 8192."), at_most(1032));
    assert_eq!(statement("// Loops: at most k / KU + 1 iterations, k <= 8 with SPLIT, k <= 16 without."), at_most(17));
    assert_eq!(statement("// Loops: at most chunk / 4 + log2(WG) iterations, chunk <= 64, WG <= 256."), at_most(24));
    assert!(statement("// Loops: at most chunk iterations").is_err());
    assert!(statement("// Loops: some").is_err());
    assert!(statement("// Loops: none\n// Loops: none").is_err());
}

#[test]
fn loops_are_found() {
    let code = |text: &str| File { key: String::new(), text: text.into() }.code();
    for text in ["for (var i = 0u; i < 3u; i++) {}", "for(;;) {}", "while x {}", "loop {\n}", "} loop{"] {
        assert!(loops(&code(text)), "{text}");
    }
    for text in ["#for q in 0..4", "// loop { }", "let x = 1.0; // for (;;)", "let for_each = looped;"] {
        assert!(!loops(&code(text)), "{text}");
    }
}

/// The check itself finds each kind of false statement.
#[test]
fn false_statements_are_found() {
    let check = |text: &str| {
        let files = [
            File { key: "part".into(), text: "// Loops: at most 4 iterations\nfn f() { loop { break; } }".into() },
            File { key: "whole".into(), text: text.into() },
        ];
        problem(&files, &files[1]).is_ok()
    };
    assert!(check("// Loops: at most 5 iterations\n#import part\n@compute fn main() {}"));
    assert!(!check("// Loops: none\n#import part\n@compute fn main() {}"), "a loop that is imported");
    assert!(!check("// A kernel.\n@compute fn main() {}"), "a kernel without a statement");
    assert!(!check("// Loops: at most 5 iterations\n@compute fn main() {}"), "a bound without a loop");
    assert!(!check("// Loops: none\n@compute fn main() { while true {} }"), "a loop of its own");
    assert!(!check("// Loops: at most 32769 iterations\nfn f() { while true {} }"), "too many iterations");
    assert!(check("// A part.\nfn f() {}"));
}
