//! `fieldline eval`: a solved model at points of the user's.

use super::arguments::Eval;
use super::output;
use crate::data::{Table, read_csv, write_csv};
use crate::error::{Error, Result};
use crate::pinns::solver::Model;
use serde_json::json;
use std::fmt::Write;

pub(super) fn run(arguments: &Eval) -> Result<()> {
    let model = Model::load(&arguments.model)?;
    let points = read_csv(&arguments.at)?;
    let coordinates = &model.problem.coordinates;
    let columns: Vec<&Vec<f64>> = coordinates
        .iter()
        .map(|name| {
            let at = points.columns.iter().position(|c| c == name).ok_or_else(|| {
                let expected = coordinates.join(", ");
                let problem = format!("expected columns {expected}; got {}", points.columns.join(", "));
                Error::file(&arguments.at, problem)
            })?;
            Ok(&points.values[at])
        })
        .collect::<Result<_>>()?;
    let rows: Vec<f64> = (0..points.rows).flat_map(|i| columns.iter().map(move |c| c[i])).collect();
    warn_outside(&model, &columns);
    let values = model.evaluate(&arguments.device.open()?, &rows)?;
    let mut names = coordinates.clone();
    names.push(model.problem.unknowns[0].clone());
    let mut data: Vec<Vec<f64>> = columns.into_iter().cloned().collect();
    data.push(values);
    let table = Table { columns: names, rows: points.rows, values: data };
    if let Some(path) = &arguments.out {
        write_csv(path, &table)?;
    }
    match (arguments.json, &arguments.out) {
        (true, _) => output::json(&json!({"columns": table.columns, "rows": table.rows, "values": table.values})),
        (false, Some(_)) => Ok(()),
        (false, None) => output::text(&as_text(&table)),
    }
}

/// Says how many points lie where the network was not trained.
fn warn_outside(model: &Model, columns: &[&Vec<f64>]) {
    let (lower, upper) = (model.problem.domain.lower(), model.problem.domain.upper());
    let outside = |i: usize| columns.iter().enumerate().any(|(k, c)| c[i] < lower[k] || c[i] > upper[k]);
    let count = (0..columns[0].len()).filter(|&i| outside(i)).count();
    if count > 0 {
        eprintln!(
            "fieldline: {count} of {} points lie outside the domain, where the solution is an extrapolation",
            columns[0].len()
        );
    }
}

fn as_text(table: &Table) -> String {
    let mut text = table.columns.join(",") + "\n";
    for row in 0..table.rows {
        let values: Vec<String> = table.values.iter().map(|c| c[row].to_string()).collect();
        let _ = writeln!(text, "{}", values.join(","));
    }
    text
}
