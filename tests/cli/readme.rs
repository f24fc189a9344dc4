//! What README.md shows is compiled and run here, so that it cannot rot.

use super::Place;
use fieldline::pinns::problem::Problem;

const README: &str = include_str!("../../README.md");

/// The programs of the README, each a whole file.
mod first {
    include!("first.rs");
    pub fn run() -> fieldline::Result<()> {
        main()
    }
}
mod tape {
    include!("tape.rs");
    pub fn run() -> fieldline::Result<()> {
        main()
    }
}

/// The text of the first block of the README that begins with the fence line `fence` and contains `word`.
fn block(fence: &str, word: &str) -> &'static str {
    let mut blocks = README.split(fence).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|b| b.contains(word)).unwrap_or_else(|| panic!("no block {fence} with {word}"))
}

#[test]
fn programs_are_those_of_the_readme_and_run() {
    assert_eq!(block("```rust\n", "Solver"), include_str!("first.rs"));
    assert_eq!(block("```rust\n", "Tape"), include_str!("tape.rs"));
    first::run().unwrap();
    tape::run().unwrap();
}

/// The first 25 lines show a program and the two commands.
#[test]
fn beginning_shows_program_and_commands() {
    let start: Vec<&str> = README.lines().take(25).collect();
    for wanted in ["fn main()", "make demo", "make test"] {
        assert!(start.iter().any(|line| line.contains(wanted)), "{wanted} within 25 lines");
    }
}

#[test]
fn problem_file_of_the_readme_meets_its_target() {
    let text = block("```toml\n", "[residuals]");
    let problem = Problem::from_toml(text, "README.md").unwrap();
    assert_eq!(problem.warnings(), [""; 0]);
    let place = Place::new();
    place.write("rod.toml", text);
    place.run("solve rod.toml --check --quiet --out run").ends(0);
}

/// Every verb and every folder that the README names exists.
#[test]
fn names_in_the_readme_exist() {
    let help = Place::new().run("--help").ends(0).out;
    for verb in ["adapters", "list", "solve", "eval", "op"] {
        assert!(help.contains(verb) && README.contains(&format!("fieldline {verb}")), "{verb}");
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in
        README.split('`').filter(|n| n.starts_with("src/") || n.starts_with("shaders/") || n.starts_with("docs/"))
    {
        assert!(root.join(name).exists(), "{name} in README.md");
    }
}
