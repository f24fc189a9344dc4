//! Files that appear whole or not at all: written beside their place, made durable, then renamed over it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Writes the file at `path` so that it holds either its old content or all of the new, whatever happens between.
///
/// `write` fills a buffered temporary file in the same folder, which is flushed, synced to the disk and renamed over `path`. A
/// symbolic link is followed: its target is replaced. On any error (or a panic of `write`) the temporary file is removed and
/// the old file stays.
///
/// # Errors
/// Whatever `write` returns; an [`Error::File`] when the folder is missing or cannot be written, when `path` is something other
/// than a regular file, or when the disk refuses.
pub fn write_atomic(path: impl AsRef<Path>, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    write_atomic_seekable(path.as_ref(), |file| write(file))
}

/// [`write_atomic`] for formats that go back and fill in sizes.
pub(super) fn write_atomic_seekable(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    let target = resolve(path)?;
    let folder = folder_of(&target);
    let (temporary, file) = Temporary::create(path, folder)?;
    let mut writer = BufWriter::with_capacity(1 << 16, &file);
    write(&mut writer)?;
    let cannot_write = |e: io::Error| Error::file(path, format!("cannot write: {e}"));
    writer.flush().map_err(cannot_write)?;
    drop(writer);
    file.sync_all().map_err(cannot_write)?;
    drop(file);
    temporary.rename(path, &target)?;
    sync_folder(folder);
    Ok(())
}

/// [`write_atomic`] for encoders that open a file by its path: `write` gets a temporary one in the same folder, with the extension
/// of `path`, from which encoders tell the format.
pub(crate) fn write_atomic_at(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let target = resolve(path)?;
    let folder = folder_of(&target);
    let (temporary, file) = Temporary::create(path, folder)?;
    drop(file);
    write(&temporary.path)?;
    let cannot_write = |e: io::Error| Error::file(path, format!("cannot write: {e}"));
    // Opened for writing, because some systems flush only through a handle that may write.
    let file = OpenOptions::new().write(true).open(&temporary.path).map_err(cannot_write)?;
    file.sync_all().map_err(cannot_write)?;
    drop(file);
    temporary.rename(path, &target)?;
    sync_folder(folder);
    Ok(())
}

/// The folder that holds `target`.
fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where the content shall stand: `path` itself, or what it links to. Refuses what a rename must not replace.
fn resolve(path: &Path) -> Result<PathBuf> {
    if path.file_name().is_none() {
        return Err(Error::file(path, "cannot write: expected the name of a file, got a path that ends in none"));
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Error::file(path, "cannot write: expected a file, got a folder")),
        Ok(found) if !found.is_file() => {
            Err(Error::file(path, "cannot write: expected a regular file, got a device, pipe or socket"))
        }
        Ok(_) => fs::canonicalize(path).map_err(|e| Error::file(path, format!("cannot write: {e}"))),
        // A missing folder is reported where the temporary file is created, with the folder's name.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(path.to_path_buf()),
        Err(e) => Err(Error::file(path, format!("cannot write: {e}"))),
    }
}

/// A file that removes itself unless it was renamed.
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    fn create(path: &Path, folder: &Path) -> Result<(Self, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let extension = path.extension().map_or_else(|| "tmp".into(), |extension| extension.to_string_lossy());
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            // Short, so that it fits wherever the name of the target does.
            let temporary = folder.join(format!(".fieldline-{}-{count}.{extension}", process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => return Ok((Temporary { path: temporary, renamed: false }, file)),
                // Left by a process of the same number that was killed.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) if e.kind() == io::ErrorKind::NotFound && !folder.is_dir() => {
                    let problem = format!("cannot write: the folder {} does not exist", folder.display());
                    return Err(Error::file(path, problem));
                }
                Err(e) => {
                    let problem = format!("cannot write: no file can be made in the folder {}: {e}", folder.display());
                    return Err(Error::file(path, problem));
                }
            }
        }
    }

    fn rename(mut self, path: &Path, target: &Path) -> Result<()> {
        fs::rename(&self.path, target)
            .map_err(|e| Error::file(path, format!("cannot write: the finished file cannot be put in place: {e}")))?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // Nothing more can be done about a failure here; the error that led here is the one to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the rename durable. The content is already complete and in place, and some file systems cannot sync a folder, so a
/// failure is no error.
fn sync_folder(folder: &Path) {
    if cfg!(unix)
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}
