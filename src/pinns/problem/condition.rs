//! Conditions on faces of the domain: prescribed values, periodicity, equations.

use super::equation::{Formula, Residual, Scope};
use super::names::nearest;
use super::table::{Table, choice, list, text};
use super::tree::{Node, Value};
use crate::error::Result;
use crate::pinns::sampling::{self, Domain, Face, Method, Side};

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Law {
    /// The unknown has this value on the faces (a boundary condition).
    Dirichlet(Formula),
    /// The unknown has this value on the lower face of a coordinate (an initial condition; differs from
    /// [`Law::Dirichlet`] only in the set of points it uses).
    Initial(Formula),
    /// The unknown and its normal derivative agree on the two faces of this coordinate.
    Periodic(usize),
    /// An equation between the unknown and its derivatives on the faces (Neumann, Robin, initial velocity).
    Equation(Residual),
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Name in logs and plots: the one given, or made from kind and place.
    pub name: String,
    /// What must hold.
    pub law: Law,
    /// Where. Both faces of the coordinate for a periodic condition.
    pub faces: Vec<Face>,
    /// Factor of the mean square of this condition in the loss.
    pub weight: f64,
    /// Whether it is built into the trial function instead of the loss.
    pub hard: bool,
}

impl Condition {
    /// The prescribed value of a Dirichlet or initial condition.
    pub fn value(&self) -> Option<&Formula> {
        match &self.law {
            Law::Dirichlet(value) | Law::Initial(value) => Some(value),
            Law::Periodic(_) | Law::Equation(_) => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Dirichlet,
    Initial,
    Periodic,
    Equation,
}

const KINDS: [(&str, Kind); 4] = [
    ("dirichlet", Kind::Dirichlet),
    ("initial", Kind::Initial),
    ("periodic", Kind::Periodic),
    ("equation", Kind::Equation),
];

/// What `where` may be.
const PLACES: &str = "\"boundary\" (all faces), a face such as \"x = -1\" or \"x = min\", or a list of faces";

/// Reads the condition number `index`.
pub(super) fn read(node: &Node, index: usize, scope: &Scope, domain: &Domain) -> Result<Condition> {
    let path = format!("conditions.{index}");
    let mut table = Table::new(node, &path)?;
    let kind_node = table.require("kind", "kind = \"dirichlet\", \"initial\", \"periodic\" or \"equation\"")?;
    let kind = choice(kind_node, &format!("{path}.kind"), &KINDS)?;
    let weight = table.number("weight", 1.0, "a positive number", |w| w > 0.0)?;
    let hard = table.truth("hard", false)?;
    let given = table.text("name")?.map(String::from);
    let (law, faces) = match kind {
        Kind::Periodic => {
            let node = table.require("coordinate", "coordinate = \"x\"")?;
            let k = coordinate(node, &format!("{path}.coordinate"), text(node, "coordinate")?, scope)?;
            let both = [Side::Lower, Side::Upper].map(|side| Face { coordinate: k, side });
            (Law::Periodic(k), both.to_vec())
        }
        Kind::Equation => {
            let faces = places(&mut table, kind, scope, domain)?;
            let node = table.require("equation", "equation = \"u_x = 0\"")?;
            if hard {
                let message =
                    format!("`{path}.hard`: an equation cannot be built into the trial function; remove hard");
                return Err(table.node().error(message));
            }
            let name = given.clone().unwrap_or_else(|| format!("condition {index}"));
            (Law::Equation(scope.residual(&name, node, &format!("{path}.equation"))?), faces)
        }
        Kind::Dirichlet | Kind::Initial => {
            let faces = places(&mut table, kind, scope, domain)?;
            let node = table.require("value", "value = \"0\" or an expression of the coordinates")?;
            let value = scope.formula(node, &format!("{path}.value"))?;
            finite_on(&faces, &value, node, &format!("{path}.value"), scope, domain)?;
            (if kind == Kind::Initial { Law::Initial(value) } else { Law::Dirichlet(value) }, faces)
        }
    };
    table.finish()?;
    let name = given.unwrap_or_else(|| default_name(kind, &faces, scope));
    Ok(Condition { name, law, faces, weight, hard })
}

/// Checks that a prescribed value is a finite single-precision number at 64 points of each face: training would otherwise end
/// at its first step, without the place in the file.
fn finite_on(faces: &[Face], value: &Formula, node: &Node, path: &str, scope: &Scope, domain: &Domain) -> Result<()> {
    for face in faces {
        let points = sampling::face(domain, *face, 64, Method::LatinHypercube, 0, 0)?;
        for row in points.rows() {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
            let got = value.values([row.as_slice()])[0];
            if !(got as f32).is_finite() {
                let at: Vec<String> = scope.coordinates.iter().zip(&row).map(|(c, x)| format!("{c} = {x}")).collect();
                let (text, at) = (&value.text, at.join(", "));
                return Err(node.error(format!(
                    "`{path}`: expected finite values on the whole face, but `{text}` is {got} at {at}"
                )));
            }
        }
    }
    Ok(())
}

/// `initial`, `boundary`, `periodic_x`, `x_min`; several faces of one kind share a name.
fn default_name(kind: Kind, faces: &[Face], scope: &Scope) -> String {
    match (kind, faces) {
        (Kind::Initial, _) => "initial".into(),
        (Kind::Periodic, [face, ..]) => format!("periodic_{}", scope.coordinates[face.coordinate]),
        (_, [face]) => {
            let end = if face.side == Side::Lower { "min" } else { "max" };
            format!("{}_{end}", scope.coordinates[face.coordinate])
        }
        _ => "boundary".into(),
    }
}

/// The faces that `where` names. An initial condition defaults to the lower end of a coordinate named `t`.
fn places(table: &mut Table<'_>, kind: Kind, scope: &Scope, domain: &Domain) -> Result<Vec<Face>> {
    let path = table.path("where");
    let time = scope.coordinates.iter().position(|c| c == "t");
    let node = match (table.get("where"), kind, time) {
        (Some(node), ..) => node,
        (None, Kind::Initial, Some(t)) => return Ok(vec![Face { coordinate: t, side: Side::Lower }]),
        _ => return Err(table.node().error(format!("`{path}` is missing: add where = {PLACES}"))),
    };
    let mut faces = Vec::new();
    let items = match &node.value {
        Value::List(_) => list(node, &path, PLACES)?,
        _ => std::slice::from_ref(node),
    };
    for item in items {
        let written = text(item, &path)?;
        if written.trim() == "boundary" {
            let all = (0..domain.dimension())
                .flat_map(|coordinate| [Side::Lower, Side::Upper].map(|side| Face { coordinate, side }));
            faces.extend(all);
        } else {
            faces.push(face(item, &path, written, scope, domain)?);
        }
    }
    if let Some(i) = (1..faces.len()).find(|&i| faces[..i].contains(&faces[i])) {
        let name = &scope.coordinates[faces[i].coordinate];
        return Err(node.error(format!("`{path}`: a face of `{name}` is named twice")));
    }
    if kind == Kind::Initial && faces.iter().any(|f| f.side == Side::Upper) {
        let message =
            format!("`{path}`: an initial condition holds at the lower end of a coordinate, such as \"t = 0\"");
        return Err(node.error(message));
    }
    Ok(faces)
}

/// One face: `x = min`, `x = max` or `x = VALUE` with a value that is one of the two ends.
fn face(node: &Node, path: &str, written: &str, scope: &Scope, domain: &Domain) -> Result<Face> {
    let Some((name, end)) = written.split_once('=') else {
        return Err(node.error(format!("`{path}`: expected {PLACES}, got {written:?}")));
    };
    let (name, end) = (name.trim(), end.trim());
    let k = coordinate(node, path, name, scope)?;
    let (low, high) = (domain.lower()[k], domain.upper()[k]);
    let side = match end {
        "min" => Some(Side::Lower),
        "max" => Some(Side::Upper),
        _ => {
            // The end may be written as the range is: a number or an expression of constants.
            let place = node.text_at(end);
            let value = scope.constant(&place, path).map_err(|_| {
                node.error(format!("`{path}`: expected a number, min or max after `{name} =`, got `{end}`"))
            })?;
            // Ends written in two ways (6.2832 and "2*pi") agree to the digits that are given: 1e-4 of the range.
            let near = |end: f64| (value - end).abs() <= 1e-4 * (high - low);
            if near(low) {
                Some(Side::Lower)
            } else if near(high) {
                Some(Side::Upper)
            } else {
                None
            }
        }
    };
    side.map(|side| Face { coordinate: k, side }).ok_or_else(|| {
        let ends = format!("`{name} = {low}` (min) or `{name} = {high}` (max)");
        node.error(format!("`{path}`: `{written}` is no face of the domain: expected {ends}"))
    })
}

/// Index of a coordinate.
fn coordinate(node: &Node, path: &str, name: &str, scope: &Scope) -> Result<usize> {
    scope.coordinates.iter().position(|c| c == name).ok_or_else(|| {
        // A constant or an unknown with a similar name would be as wrong here.
        let coordinates: Vec<&str> = scope.coordinates.iter().map(String::as_str).collect();
        let hint = nearest(name, &coordinates).map(|n| format!(" Did you mean `{n}`?")).unwrap_or_default();
        node.error(format!("`{path}`: unknown coordinate `{name}`.{hint} Coordinates: {}", coordinates.join(", ")))
    })
}
