//! From the tree of a problem file to a checked [`Problem`].

use super::equation::Scope;
use super::names::{Reading, composed, partial};
use super::table::{Table, list, text};
use super::tree::{Node, Value};
use super::{Condition, Constant, Problem, Reference, Residual, condition, training, warnings};
use crate::error::{Error, Result};
use crate::pinns::reference::matching;
use crate::pinns::sampling::Domain;
use std::path::Path;

/// Reads the whole file. `folder` is where relative paths of reference files start.
pub(super) fn problem(root: &Node, stem: &str, folder: Option<&Path>) -> Result<Problem> {
    let mut table = Table::new(root, "")?;
    let name = table.text("name")?.unwrap_or(stem).to_string();
    let title = table.text("title")?.unwrap_or(&name).to_string();
    let mut scope = Scope::default();
    let constants = table.get("constants");
    let coordinates = table.require("coordinates", "[coordinates] with a range for each, such as x = [0, 1]")?;
    let unknowns = table.get("unknowns");
    // Ranges may use constants, so constants come first; names are checked against each other in any order.
    read_constants(constants, &mut scope)?;
    let domain = read_coordinates(coordinates, &mut scope)?;
    read_unknowns(unknowns, &mut scope)?;
    check_constants(constants, &scope)?;
    let residuals = read_residuals(table.require("residuals", "[residuals] with an equation")?, &scope)?;
    let conditions = read_conditions(table.get("conditions"), root, &scope, &domain)?;
    let network = training::network(table.get("network"))?;
    let sampling = training::sampling(table.get("sampling"))?;
    let stages = training::stages(table.get("stages"))?;
    let evaluation = training::grid(table.get("evaluation"), domain.dimension())?;
    let target = training::target(&mut table)?;
    let exact = table.get("exact").map(|node| scope.formula(node, "exact")).transpose()?;
    let reference = table.get("reference");
    let mut problem = Problem {
        name,
        title,
        coordinates: scope.coordinates.clone(),
        domain,
        unknowns: scope.unknowns.clone(),
        constants: scope.constants.iter().map(|(name, value)| Constant { name: name.clone(), value: *value }).collect(),
        residuals,
        conditions,
        network,
        sampling,
        stages,
        reference: None,
        evaluation,
        target,
        warnings: Vec::new(),
    };
    problem.reference = match (exact, reference) {
        (Some(_), Some(node)) => return Err(node.error("`reference` and `exact` exclude each other: keep one")),
        (Some(formula), None) => Some(Reference::Exact(formula)),
        (None, Some(node)) => Some(read_reference(node, &problem, folder)?),
        (None, None) => None,
    };
    table.finish()?;
    // Contradicting hard conditions are a mistake of the file: found here, not when training starts.
    problem.trial()?;
    problem.warnings = warnings::of(&problem, root);
    Ok(problem)
}

/// `[constants]`: each may use the ones above it.
fn read_constants(node: Option<&Node>, scope: &mut Scope) -> Result<()> {
    let Some(node) = node else { return Ok(()) };
    for (key, value) in Table::new(node, "constants")?.entries() {
        scope.check_new(&key.name, "constant").map_err(|message| key.error(message))?;
        let number = scope.constant(value, &format!("constants.{}", key.name))?;
        scope.constants.push((key.name.clone(), number));
    }
    Ok(())
}

/// No constant may hide a derivative. This can be told only once coordinates and unknowns are known.
fn check_constants(node: Option<&Node>, scope: &Scope) -> Result<()> {
    let Some(node) = node else { return Ok(()) };
    let hides = |name: &str| matches!(partial(name, &scope.unknowns, &scope.coordinates), Reading::Partial(_));
    match Table::new(node, "constants")?.entries().iter().find(|(key, _)| hides(&key.name)) {
        Some((key, _)) => {
            Err(key.error(format!("the constant `{}` would hide a derivative of that name: choose another", key.name)))
        }
        None => Ok(()),
    }
}

/// `[coordinates]`: names and ranges.
fn read_coordinates(node: &Node, scope: &mut Scope) -> Result<Domain> {
    let entries = Table::new(node, "coordinates")?.entries();
    if entries.is_empty() {
        return Err(node.error("`coordinates` is empty: add a range for each coordinate, such as x = [0, 1]"));
    }
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        scope.check_new(&key.name, "coordinate").map_err(|message| key.error(message))?;
        let path = format!("coordinates.{}", key.name);
        let expected = "a range of two numbers, such as [0, 1]";
        let [a, b] = list(value, &path, expected)? else {
            return Err(value.error(format!("`{path}`: expected {expected}, got {}", value.value.describe())));
        };
        let (a, b) = (scope.constant(a, &path)?, scope.constant(b, &path)?);
        if Domain::new([a], [b]).is_err() {
            let expected = "a range [lower, upper] with lower < upper";
            return Err(value.error(format!("`{path}`: expected {expected}, got [{a}, {b}]")));
        }
        scope.coordinates.push(key.name.clone());
        lower.push(a);
        upper.push(b);
    }
    let names = scope.coordinates.clone();
    if let Some((key, _)) = entries.iter().find(|(key, _)| composed(&key.name, &names)) {
        let message = format!("coordinate `{}` can be read as other coordinates put together: rename it", key.name);
        return Err(key.error(message));
    }
    Domain::new(lower, upper)
}

/// `unknowns`: a list of names, by default `["u"]`.
fn read_unknowns(node: Option<&Node>, scope: &mut Scope) -> Result<()> {
    let Some(node) = node else {
        let message = "the default unknown `u` is taken by a coordinate or a constant: name it with unknowns = [\"v\"]";
        let taken = scope.check_new("u", "unknown").is_err();
        scope.unknowns.push("u".into());
        return if taken { Err(Error::argument("unknowns", "a name of its own", message)) } else { Ok(()) };
    };
    let items = list(node, "unknowns", "a list of names, such as [\"u\"]")?;
    for item in items {
        let name = text(item, "unknowns")?;
        scope.check_new(name, "unknown").map_err(|message| item.error(message))?;
        scope.unknowns.push(name.to_string());
    }
    if items.len() > 1 {
        let message =
            format!("`unknowns`: expected exactly one unknown (systems are not supported yet), got {}", items.len());
        return Err(items[1].error(message));
    }
    Ok(())
}

/// `[residuals]`.
fn read_residuals(node: &Node, scope: &Scope) -> Result<Vec<Residual>> {
    let entries = Table::new(node, "residuals")?.entries();
    if entries.is_empty() {
        return Err(node.error("`residuals` is empty: add an equation, such as poisson = \"u_xx = f\""));
    }
    entries.iter().map(|(key, value)| scope.residual(&key.name, value, &format!("residuals.{}", key.name))).collect()
}

/// `[[conditions]]`: at least one, because an equation alone has no unique solution.
fn read_conditions(node: Option<&Node>, root: &Node, scope: &Scope, domain: &Domain) -> Result<Vec<Condition>> {
    let remedy = "add [[conditions]] with kind = \"dirichlet\", where = \"boundary\" and value = \"0\" (or another)";
    let Some(node) = node else {
        return Err(root.error(format!("there are no conditions, so the solution is not determined: {remedy}")));
    };
    match &node.value {
        Value::List(items) if !items.is_empty() => {
            items.iter().enumerate().map(|(i, item)| condition::read(item, i, scope, domain)).collect()
        }
        _ => Err(node.error(format!("`conditions`: expected at least one: {remedy}"))),
    }
}

/// `reference`: a known solution or a file.
fn read_reference(node: &Node, problem: &Problem, folder: Option<&Path>) -> Result<Reference> {
    let name = text(node, "reference")?;
    if name == "cole-hopf" {
        return match matching::burgers(problem) {
            Some(nu) => Ok(Reference::ColeHopf { nu }),
            None => {
                let needs = "u_t + u*u_x = nu*u_xx with nu > 0 on x = [-1, 1], t from 0, u = -sin(pi*x) at t = 0 and u = 0 \
                             at x = -1 and x = 1 (or periodic)";
                Err(node
                    .error(format!("`reference`: \"cole-hopf\" is the solution of {needs}, which this problem is not")))
            }
        };
    }
    if Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("npz")) {
        let path = folder.unwrap_or(Path::new("")).join(name);
        // Absolute, so that the resolved problem can be written to and read from another folder.
        let path =
            std::path::absolute(&path).map_err(|e| node.error(format!("`reference`: {name:?} is no path: {e}")))?;
        return Ok(Reference::File(path));
    }
    Err(node.error(format!("`reference`: expected \"cole-hopf\" or the name of an npz file, got {name:?}")))
}
