//! `fieldline adapters`: what this machine has.

use super::arguments::Adapters;
use super::output;
use crate::error::{Error, Result};
use crate::gpu::{AdapterFacts, Gpu, Selector, adapters};
use serde_json::json;
use std::fmt::Write;

pub(super) fn run(arguments: &Adapters) -> Result<()> {
    let all = adapters();
    if arguments.json {
        let value = serde_json::to_value(&all).map_err(|e| Error::argument("json", "a document", e))?;
        output::json(&json!({ "adapters": value }))?;
    }
    if !all.iter().any(|facts| facts.compute) {
        // Opening one says what is missing and how to get it.
        return Gpu::new(&Selector::Auto).map(|_| ());
    }
    if arguments.json {
        return Ok(());
    }
    output::text(&all.iter().enumerate().map(|(at, facts)| describe(at, facts)).collect::<String>())
}

/// A few lines on one adapter.
fn describe(at: usize, facts: &AdapterFacts) -> String {
    let mut text =
        format!("{}: {} ({}, {})\n", facts.index.unwrap_or(at), facts.name, facts.backend, facts.device_type);
    let _ = writeln!(text, "   driver     {} {}", facts.driver, facts.driver_info);
    if !facts.compute {
        text += "   runs no compute shaders: not usable\n";
        return text;
    }
    if facts.subgroup_max > 0 {
        let _ = writeln!(text, "   subgroups  {} to {} lanes", facts.subgroup_min, facts.subgroup_max);
    }
    let limits = &facts.limits;
    let mib = |bytes: u64| bytes >> 20;
    let _ = writeln!(
        text,
        "   limits     bindings {} MiB, {} storage buffers a kernel",
        mib(limits.storage_binding_bytes),
        limits.storage_buffers
    );
    if !facts.features.is_empty() {
        let _ = writeln!(text, "   features   {}", facts.features.join(", "));
    }
    for quirk in &facts.quirks {
        let _ = writeln!(text, "   quirk      {}: {}", quirk.id, quirk.reason);
    }
    text
}
