//! `fieldline op`: one op on the caller's arrays, so that anyone can hold the engine against any oracle.

use super::arguments::OpArguments;
use super::output;
use crate::data::{read_npz, write_npz};
use crate::error::{Error, Result};
use crate::pinns::problem::names::nearest;
use crate::tape::program::Program;
use crate::tape::{Tape, Var, named};
use crate::tensor::{Array, DType};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) fn run(arguments: &OpArguments) -> Result<()> {
    check_name(&arguments.name)?;
    let attributes: Map<String, Value> = serde_json::from_str(&arguments.attrs)
        .map_err(|e| Error::argument("--attrs", "a JSON object such as '{\"axes\": [0]}'", e))?;
    let mut operands = BTreeMap::new();
    for (name, converted) in read_npz(&arguments.input)? {
        if let Some(warning) = converted.warning {
            eprintln!("fieldline: {}: `{name}`: {warning}", arguments.input.display());
        }
        operands.insert(name, converted.array);
    }
    let inputs = numbered(arguments, &mut operands, "a")?;
    let cotangents = if arguments.grad { numbered(arguments, &mut operands, "g")? } else { Vec::new() };
    if let Some(name) = operands.keys().next() {
        let expected = if arguments.grad { "a0, a1, .. and g0" } else { "a0, a1, .. (g0 belongs to --grad)" };
        return Err(Error::file(&arguments.input, format!("expected arrays {expected}; got `{name}`")));
    }
    if arguments.grad && cotangents.len() != 1 {
        let problem = format!("--grad needs one cotangent g0; got {}", cotangents.len());
        return Err(Error::file(&arguments.input, problem));
    }
    // The line of the recording is ours and means nothing to the caller: the operands are in the file.
    let tape = record(arguments, &attributes, &inputs, cotangents.first()).map_err(|error| match error {
        Error::Shape { op, problem, .. } => Error::file(&arguments.input, format!("op `{op}`: {problem}")),
        other => other,
    })?;
    let program = Program::compile(&arguments.device.open()?, &tape, &[])?;
    for (i, array) in inputs.iter().enumerate() {
        program.write(&format!("a{i}"), array)?;
    }
    for array in &cotangents {
        program.write("g0", array)?;
    }
    program.run()?;
    // Results that are not finite are results here: the caller compares them. Indices out of range are not.
    if let Err(Error::Numerical { origin, problem }) = program.check()
        && problem.contains("out of range")
    {
        return Err(Error::Numerical { origin, problem });
    }
    let mut results = BTreeMap::new();
    for (name, _) in tape.outputs() {
        results.insert(name.to_string(), program.read_unchecked(name)?);
    }
    write_npz(&arguments.out, &results)?;
    if arguments.json {
        let describe = |(name, a): (&String, &Array)| {
            (name.clone(), json!({"dtype": a.dtype().name(), "shape": a.shape().to_vec()}))
        };
        let arrays: Map<String, Value> = results.iter().map(describe).collect();
        return output::json(&json!({"op": arguments.name, "out": arguments.out, "arrays": arrays}));
    }
    Ok(())
}

/// Refuses a name that is no op, before any file is read.
fn check_name(name: &str) -> Result<()> {
    let names: Vec<&str> = named::OPS.iter().map(|o| o.name).collect();
    if names.contains(&name) {
        return Ok(());
    }
    let hint = nearest(name, &names).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    Err(Error::argument("op", "a name that `fieldline list --ops` shows", format!("`{name}`{hint}")))
}

/// The arrays `a0, a1, ..` without a gap.
fn numbered(arguments: &OpArguments, arrays: &mut BTreeMap<String, Array>, letter: &str) -> Result<Vec<Array>> {
    let found: Vec<Array> = (0..).map_while(|i| arrays.remove(&format!("{letter}{i}"))).collect();
    if found.is_empty() {
        return Err(Error::file(&arguments.input, format!("expected an array named {letter}0; got none")));
    }
    Ok(found)
}

fn record(
    arguments: &OpArguments,
    attributes: &Map<String, Value>,
    inputs: &[Array],
    cotangent: Option<&Array>,
) -> Result<Tape> {
    Tape::record(|r| {
        let vars: Vec<Var> =
            inputs.iter().enumerate().map(|(i, a)| r.input(&format!("a{i}"), a.shape().clone(), a.dtype())).collect();
        let y = named::record(r, &arguments.name, attributes, &vars)?;
        r.output("y0", &y);
        if let Some(g) = cotangent {
            let g = r.input("g0", g.shape().clone(), g.dtype());
            let floats: Vec<(usize, &Var)> =
                vars.iter().enumerate().filter(|(_, v)| v.spec().dtype == DType::F32).collect();
            let wrt: Vec<&Var> = floats.iter().map(|(_, v)| *v).collect();
            let products = r.vjp(&[(&y, &g)], &wrt);
            floats.iter().zip(&products).for_each(|((i, _), d)| r.output(&format!("d{i}"), d));
        }
        Ok(())
    })
}
