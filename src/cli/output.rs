//! Writing to standard output: one JSON document, or text; a closed pipe ends quietly.

use crate::error::{Error, Result};
use std::io::Write;

/// Writes a text to standard output.
pub(super) fn text(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // The reader has seen enough (`| head`).
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| Error::argument("standard output", "a place to write to", e)),
    }
}

/// Writes one JSON document.
pub(super) fn json(value: &serde_json::Value) -> Result<()> {
    let mut document = serde_json::to_string_pretty(value).map_err(|e| Error::argument("json", "a document", e))?;
    document.push('\n');
    text(&document)
}
