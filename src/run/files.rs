//! Files that are whole or absent: written beside their place, flushed to the disk, then renamed over it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Writes `bytes` to `path` so that a reader, or a crash at any moment, sees the old file or the new one, never a part.
pub(super) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic_with(path, |temporary| {
        let mut file = File::create(temporary).map_err(|e| Error::file(path, format!("cannot be created: {e}")))?;
        file.write_all(bytes).map_err(|e| Error::file(path, format!("cannot be written: {e}")))
    })
}

/// As [`write_atomic`], for writers that want a path: `write` gets a temporary one in the same folder, with the same extension.
pub(super) fn write_atomic_with(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let temporary = temporary_beside(path)?;
    let placed = write(&temporary).and_then(|()| place(&temporary, path));
    if placed.is_err() {
        // The first error is the one to report; a leftover temporary file is only untidy.
        let _ = fs::remove_file(&temporary);
    }
    placed
}

fn place(temporary: &Path, path: &Path) -> Result<()> {
    let problem = |what: &str, e: std::io::Error| Error::file(path, format!("{what}: {e}"));
    // Opened for writing, because some systems flush only through a handle that may write.
    let file =
        File::options().write(true).open(temporary).map_err(|e| problem("cannot be reopened to be flushed", e))?;
    file.sync_all().map_err(|e| problem("cannot be flushed to the disk", e))?;
    fs::rename(temporary, path).map_err(|e| problem("cannot be put in its place", e))?;
    if cfg!(unix) {
        // Makes the rename itself durable. Some file systems refuse to flush a folder, and the file is in its place by now.
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            let _ = File::open(folder).and_then(|f| f.sync_all());
        }
    }
    Ok(())
}

fn temporary_beside(path: &Path) -> Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| Error::file(path, "is not the path of a file"))?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // The name goes last: encoders choose the format by its extension.
    Ok(path.with_file_name(format!(".tmp-{}-{count}-{}", std::process::id(), name.to_string_lossy())))
}
