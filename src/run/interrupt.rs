//! Ctrl-C: the first asks, the second ends.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether Ctrl-C (or SIGTERM, SIGHUP) has arrived since [`install_interrupt_handler`]. Loops poll it between steps, write a
/// checkpoint and return.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Acquire)
}

/// Makes the first Ctrl-C set the flag that [`interrupted`] reads, and the second end the process at once with code 130. For
/// commands: a library inside another application leaves the signals to its host. Calls after the first change nothing. A process
/// that was started with SIGINT ignored (a script's background job, `nohup`) keeps ignoring it.
///
/// # Errors
/// [`Error::Argument`] when the system refuses a handler.
pub fn install_interrupt_handler() -> Result<()> {
    static INSTALLED: OnceLock<Result<()>> = OnceLock::new();
    INSTALLED
        .get_or_init(|| match ctrlc::try_set_handler(on_signal) {
            Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(()),
            Err(e) => Err(Error::argument("interrupt handler", "a system that takes a handler for SIGINT", e)),
        })
        .clone()
}

/// Runs on a thread of its own, not in signal context: it may lock and print.
fn on_signal() {
    if INTERRUPTED.swap(true, Ordering::AcqRel) {
        std::process::exit(130);
    }
    let text = "\ninterrupted: stopping after this step; Ctrl-C again ends at once\n";
    // Standard error may be closed; the flag is what matters.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
