//! The folder of one run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Metrics, nonfinite};
use crate::data::write_atomic;
use crate::error::{Error, Result};

/// What a run ran on: the content of `env.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Env {
    /// Version of this package.
    pub version: String,
    /// Revision of the sources, when the build knew it (environment variable `FIELDLINE_REVISION`).
    pub revision: Option<String>,
    /// Facts of the adapter as the engine reports them, `null` without one.
    pub adapter: Value,
    /// The driver's name and version.
    pub driver: Option<String>,
    /// Features of the device that are in use.
    pub features: Vec<String>,
    /// Seed of the run.
    pub seed: u64,
    /// Kernel variant chosen for each op family: the order of summation depends on it, so a resumed run needs the same.
    pub variants: BTreeMap<String, String>,
}

impl Env {
    /// An environment with this build's version and revision; the adapter's facts are for the caller to fill in.
    pub fn new(seed: u64) -> Self {
        Env {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: option_env!("FIELDLINE_REVISION").filter(|r| !r.is_empty()).map(str::to_owned),
            adapter: Value::Null,
            driver: None,
            features: Vec::new(),
            seed,
            variants: BTreeMap::new(),
        }
    }
}

/// The folder of one run: `run.toml`, `env.json`, `history.jsonl`, `metrics.json`, `plots/`, `checkpoints/`, `model.safetensors`.
///
/// Whole files appear at once or not at all; the history grows by whole lines.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    history: Option<File>,
}

impl Folder {
    /// Makes the folder of a new run: `out` where it is given, else `runs/NAME-YYYYMMDD-HHMMSS` (UTC) under the current folder,
    /// with `-2`, `-3`, ... appended where that exists. Parents are made as needed.
    ///
    /// # Errors
    /// [`Error::Argument`] when `out` is a folder that is not empty or a `name` that is needed is no plain file name;
    /// [`Error::File`] when a folder cannot be made.
    pub fn create(out: Option<&Path>, name: &str) -> Result<Folder> {
        match out {
            Some(path) => Self::create_at(path),
            None => Self::create_under(Path::new("runs"), name),
        }
    }

    /// Makes `root/NAME-YYYYMMDD-HHMMSS` (UTC), made unique by `-2`, `-3`, ... .
    ///
    /// # Errors
    /// As [`Folder::create`].
    pub fn create_under(root: &Path, name: &str) -> Result<Folder> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(plain) {
            let expected = "letters, digits, `-`, `_` and `.`, beginning with a letter or digit";
            return Err(Error::argument("run name", expected, format!("{name:?}")));
        }
        make_folders(root)?;
        let stamp = utc_stamp(SystemTime::now());
        let mut count = 1_u32;
        loop {
            let suffix = if count == 1 { String::new() } else { format!("-{count}") };
            let path = root.join(format!("{name}-{stamp}{suffix}"));
            // `create_dir` fails on an existing folder, so two runs that start together never share one.
            match fs::create_dir(&path) {
                Ok(()) => return Self::furnish(path),
                Err(e) if e.kind() == ErrorKind::AlreadyExists && count < 10_000 => count += 1,
                Err(e) => return Err(Error::file(path, format!("the run folder cannot be made: {e}"))),
            }
        }
    }

    fn create_at(path: &Path) -> Result<Folder> {
        match fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    let expected = "a folder that is new or empty";
                    return Err(Error::argument("--out", expected, format!("`{}`, which has files", path.display())));
                }
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(Error::file(path, format!("the run folder cannot be used: {e}"))),
        }
        make_folders(path)?;
        Self::furnish(path.to_owned())
    }

    /// Opens the folder of an earlier run, to go on with it. A last line of the history that a crash cut off is dropped.
    ///
    /// # Errors
    /// [`Error::Argument`] when `path` holds no `run.toml`; [`Error::File`] when it cannot be read or written.
    pub fn resume(path: &Path) -> Result<Folder> {
        if !path.join("run.toml").is_file() {
            let got = format!("`{}`, which has none", path.display());
            return Err(Error::argument("--out", "the folder of an earlier run, with its run.toml", got));
        }
        let folder = Self::furnish(path.to_owned())?;
        folder.keep_history(|_| true)?;
        Ok(folder)
    }

    fn furnish(path: PathBuf) -> Result<Folder> {
        make_folders(&path.join("plots"))?;
        make_folders(&path.join("checkpoints"))?;
        Ok(Folder { path, history: None })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a figure goes: `plots/NAME.png`. Characters of `name` that do not belong in a file name become `-`.
    pub fn plot_path(&self, name: &str) -> PathBuf {
        self.path.join("plots").join(format!("{}.png", file_stem(name)))
    }

    /// Where a checkpoint goes: `checkpoints/NAME.safetensors`, with `name` treated as in [`Folder::plot_path`].
    pub fn checkpoint_path(&self, name: &str) -> PathBuf {
        self.path.join("checkpoints").join(format!("{}.safetensors", file_stem(name)))
    }

    /// Where the trained parameters go: `model.safetensors`.
    pub fn model_path(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// Writes the resolved configuration to `run.toml`.
    ///
    /// # Errors
    /// [`Error::Argument`] when `toml` does not parse; [`Error::File`] when the file cannot be written.
    pub fn write_config(&self, toml: &str) -> Result<()> {
        if let Err(e) = toml.parse::<toml::Table>() {
            return Err(Error::argument("resolved configuration", "valid TOML", e));
        }
        write_whole(&self.path.join("run.toml"), toml.as_bytes())
    }

    /// The text of `run.toml`.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read.
    pub fn read_config(&self) -> Result<String> {
        let path = self.path.join("run.toml");
        fs::read_to_string(&path).map_err(|e| Error::file(path, format!("cannot be read: {e}")))
    }

    /// Writes `env.json`.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be written.
    pub fn write_env(&self, env: &Env) -> Result<()> {
        write_whole(&self.path.join("env.json"), &nonfinite::to_json_pretty("environment", env)?)
    }

    /// Writes `metrics.json`; see [`Metrics::to_json`].
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be written.
    pub fn write_metrics(&self, metrics: &Metrics) -> Result<()> {
        write_whole(&self.path.join("metrics.json"), &metrics.to_json()?)
    }

    /// Appends one row to `history.jsonl`: a struct or map that serialises to a JSON object, on a line of its own, handed to the
    /// system before this returns. Floats that are not finite are written as `"nan"`, `"inf"`, `"-inf"`.
    ///
    /// # Errors
    /// [`Error::Argument`] when `row` is no JSON object; [`Error::File`] when the file cannot be written.
    pub fn append_history<T: Serialize + ?Sized>(&mut self, row: &T) -> Result<()> {
        let mut line = nonfinite::to_json("history row", row)?;
        if line.first() != Some(&b'{') {
            let got = String::from_utf8_lossy(&line).into_owned();
            return Err(Error::argument("history row", "a struct or map (a JSON object)", got));
        }
        line.push(b'\n');
        let path = self.path.join("history.jsonl");
        let written = match &mut self.history {
            Some(file) => append(file, &line),
            none => File::options().create(true).append(true).open(&path).and_then(|f| append(none.insert(f), &line)),
        };
        written.map_err(|e| Error::file(path, format!("a row cannot be appended: {e}")))
    }

    /// Drops the rows of the history whose number `key` is above `last`, so that a run that resumes at a checkpoint does not write
    /// them a second time. Rows without such a number stay.
    ///
    /// # Errors
    /// [`Error::File`] when the history cannot be read or written, or a line of it is no JSON object.
    pub fn rewind_history(&mut self, key: &str, last: u64) -> Result<()> {
        // The old handle would go on writing to the file that the rename unlinks.
        self.history = None;
        self.keep_history(|row| row.get(key).and_then(Value::as_u64).is_none_or(|step| step <= last))
    }

    /// Rewrites the history with the whole lines that `keep` accepts; leaves it alone where that changes nothing.
    fn keep_history(&self, keep: impl Fn(&Value) -> bool) -> Result<()> {
        let path = self.path.join("history.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(Error::file(path, format!("cannot be read: {e}"))),
        };
        let mut kept = String::with_capacity(text.len());
        for (index, line) in text.split_inclusive('\n').enumerate() {
            if !line.ends_with('\n') {
                break;
            }
            let row: Value = serde_json::from_str(line)
                .ok()
                .filter(Value::is_object)
                .ok_or_else(|| Error::file(&path, format!("line {} is no JSON object", index + 1)))?;
            if keep(&row) {
                kept.push_str(line);
            }
        }
        if kept.len() == text.len() { Ok(()) } else { write_whole(&path, kept.as_bytes()) }
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic(path, |out| out.write_all(bytes).map_err(|e| Error::file(path, format!("cannot be written: {e}"))))
}

fn append(file: &mut File, line: &[u8]) -> std::io::Result<()> {
    file.write_all(line)?;
    file.flush()
}

fn make_folders(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| Error::file(path, format!("the folder cannot be made: {e}")))
}

/// `name` as the stem of a file name: never a path, never hidden, never empty.
fn file_stem(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let stem: String = name.chars().map(plain).collect();
    if stem.is_empty() || stem.starts_with('.') { format!("-{stem}") } else { stem }
}

/// `YYYYMMDD-HHMMSS` in UTC. A clock before 1970 counts as 1970: the stamp names a folder, no more.
fn utc_stamp(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let (h, m, s) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}-{h:02}{m:02}{s:02}")
}

/// The Gregorian date `days` after 1970-01-01. Years are counted from 1 March, so that the leap day is the last of its year, in
/// eras of 400 years = 146,097 days.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // days from 0000-03-01 to 1970-01-01
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153; // 0 = March; 153 days in each five months from March
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference values from `date -u -d @SECONDS +%Y%m%d-%H%M%S`: the epoch, leap days of 2000 and 2024, the day after each,
    /// and 2100, which has none.
    #[test]
    fn stamps_are_utc_dates() {
        for (seconds, stamp) in [
            (0, "19700101-000000"),
            (951_782_400, "20000229-000000"),
            (951_868_799, "20000229-235959"),
            (1_709_164_800, "20240229-000000"),
            (1_709_251_200, "20240301-000000"),
            (1_735_689_599, "20241231-235959"),
            (4_107_542_400, "21000301-000000"),
        ] {
            assert_eq!(utc_stamp(UNIX_EPOCH + Duration::from_secs(seconds)), stamp);
        }
    }

    #[test]
    fn file_stems_are_never_paths() {
        assert_eq!(file_stem("../../etc/x"), "-..-..-etc-x");
        assert_eq!(file_stem("loss history"), "loss-history");
        assert_eq!(file_stem(""), "-");
    }
}
