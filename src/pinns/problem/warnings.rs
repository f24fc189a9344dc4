//! What is probably a mistake, although it can be computed.

use super::tree::{Node, Value};
use super::{Law, Problem};
use crate::pinns::sampling::Face;

/// All warnings, each one sentence with its remedy.
pub(super) fn of(problem: &Problem, root: &Node) -> Vec<String> {
    let mut warnings = Vec::new();
    for (k, name) in problem.coordinates.iter().enumerate() {
        let order = problem.residuals.iter().flat_map(|r| &r.partials).map(|p| p.orders[k] as usize).max().unwrap_or(0);
        let conditions: usize = problem.conditions.iter().map(|c| weight(&c.law, &c.faces, k)).sum();
        if conditions < order {
            let (lower, upper) = (problem.domain.lower()[k], problem.domain.upper()[k]);
            warnings.push(format!(
                "the equations have order {order} in {name}, but {conditions} of the conditions hold on faces of {name}: the \
                 solution may not be unique; add conditions at \"{name} = {lower}\" or \"{name} = {upper}\""
            ));
        } else if order == 1 && both_ends_fixed(problem, k) {
            warnings.push(format!(
                "the equations have order 1 in {name}, but values are prescribed at both of its ends: they may contradict \
                 the equation; remove one"
            ));
        }
    }
    for constant in &problem.constants {
        if !used(root, &constant.name) {
            warnings.push(format!("the constant {} is not used by any formula; remove it or use it", constant.name));
        }
    }
    if problem.reference.is_none() && problem.target.is_some() {
        warnings.push(
            "there is a target but no reference to compare with; add exact = \"...\" or reference = \"...\"".into(),
        );
    }
    warnings
}

/// How many conditions on the faces of coordinate `k` a law amounts to. Periodicity closes an equation of any order.
fn weight(law: &Law, faces: &[Face], k: usize) -> usize {
    match law {
        Law::Periodic(c) if *c == k => usize::MAX / 2,
        Law::Periodic(_) => 0,
        _ => faces.iter().filter(|f| f.coordinate == k).count(),
    }
}

/// Whether Dirichlet or initial values are prescribed at both ends of coordinate `k`.
fn both_ends_fixed(problem: &Problem, k: usize) -> bool {
    let faces = problem.conditions.iter().filter(|c| c.value().is_some()).flat_map(|c| &c.faces);
    let sides: Vec<_> = faces.filter(|f| f.coordinate == k).map(|f| f.side).collect();
    sides.iter().any(|&s| s != sides[0])
}

/// Whether some text of the file, other than the title, contains the name as a word.
fn used(root: &Node, name: &str) -> bool {
    match &root.value {
        Value::Text(text) => text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == name),
        Value::List(items) => items.iter().any(|item| used(item, name)),
        Value::Table(entries) => entries.iter().any(|(key, value)| key.name != "title" && used(value, name)),
        Value::Number(_) | Value::Integer(_) | Value::Truth(_) => false,
    }
}
