//! `fieldline adapters`: what this machine has.

use super::arguments::Adapters;
use super::output;
use crate::error::{Error, Result};
use crate::gpu;
use serde_json::json;

pub(super) fn run(arguments: &Adapters) -> Result<()> {
    let all = gpu::adapters();
    if arguments.json {
        let value = serde_json::to_value(&all).map_err(|e| Error::argument("json", "a document", e))?;
        return output::json(&json!({ "adapters": value }));
    }
    if all.is_empty() {
        return Err(gpu::no_adapter());
    }
    output::text(&all.iter().map(|facts| format!("{facts}\n")).collect::<String>())
}
