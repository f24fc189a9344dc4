//! `fieldline list`: built-in problems and ops.

use super::arguments::List;
use super::output;
use crate::error::Result;
use crate::pinns::builtin;
use crate::pinns::problem::Problem;
use crate::tape::named::OPS;
use serde_json::json;
use std::fmt::Write;

pub(super) fn run(arguments: &List) -> Result<()> {
    if arguments.ops { ops(arguments.json) } else { problems(arguments.json) }
}

fn ops(as_json: bool) -> Result<()> {
    if as_json {
        let rows: Vec<_> =
            OPS.iter().map(|o| json!({"name": o.name, "signature": o.signature, "meaning": o.meaning})).collect();
        return output::json(&json!({ "ops": rows }));
    }
    let mut text = String::new();
    for op in OPS {
        let _ = writeln!(text, "{:<12} {:<62} {}", op.name, op.signature, op.meaning);
    }
    output::text(&text)
}

fn problems(as_json: bool) -> Result<()> {
    let all: Vec<Problem> = builtin::names().map(Problem::load).collect::<Result<_>>()?;
    if as_json {
        let rows: Vec<_> = all
            .iter()
            .map(|p| {
                json!({
                    "name": p.name, "title": p.title, "family": "pinns", "target": p.target,
                    "coordinates": p.coordinates, "points": p.sampling.interior, "hidden": p.network.hidden,
                })
            })
            .collect();
        return output::json(&json!({ "problems": rows }));
    }
    let mut text = String::new();
    for p in &all {
        let target = p.target.map(|t| format!("error at most {t:e}")).unwrap_or_default();
        let _ = writeln!(text, "{:<12} {:<64} {target}", p.name, p.title);
    }
    text += "\nSolve one with `fieldline solve NAME`; ops are listed by `fieldline list --ops`.\n";
    output::text(&text)
}
