//! csv: columns of numbers under a header line.

use std::fs;
use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Terminator, Trim, WriterBuilder};

use super::atomic::write_atomic;
use crate::error::{Error, Result};

/// A table of numbers: named columns of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Names of the columns, each one different and not empty.
    pub columns: Vec<String>,
    /// Number of rows.
    pub rows: usize,
    /// The values, finite, by column: `values[column][row]`.
    pub values: Vec<Vec<f64>>,
}

/// Reads a csv file: commas, a header line with the names of the columns, then rows of finite numbers. Spaces around a field,
/// blank lines, quoted fields and either line end are accepted.
///
/// # Errors
/// [`Error::File`] that names line and column: for an empty file, a missing header (a first line of numbers), a name that is
/// empty or appears twice, a row of another length, a field that is no number, is NaN or infinite, and text that is not UTF-8.
pub fn read_csv(path: impl AsRef<Path>) -> Result<Table> {
    let path = path.as_ref();
    let text = fs::read(path).map_err(|e| Error::file(path, format!("cannot read: {e}")))?;
    parse(&text).map_err(|problem| Error::file(path, problem))
}

fn parse(text: &[u8]) -> Result<Table, String> {
    let mut reader = ReaderBuilder::new().has_headers(false).trim(Trim::All).from_reader(text);
    let mut record = StringRecord::new();
    let mut next = |record: &mut StringRecord| reader.read_record(record).map_err(|e| describe(text, &e));
    if !next(&mut record)? {
        return Err("expected a header line and rows of numbers, got an empty file".to_string());
    }
    let columns: Vec<String> = record.iter().map(str::to_string).collect();
    check_columns(&columns).map_err(|problem| format!("line {}: {problem}", line_of(text, &record)))?;
    let mut values = vec![Vec::new(); columns.len()];
    while next(&mut record)? {
        for ((field, name), column) in record.iter().zip(&columns).zip(&mut values) {
            match field.parse::<f64>() {
                Ok(value) if value.is_finite() => column.push(value),
                _ => {
                    let line = line_of(text, &record);
                    return Err(format!("line {line}, column `{name}`: expected a finite number, got {field:?}"));
                }
            }
        }
    }
    Ok(Table { columns, rows: values[0].len(), values })
}

/// What is wrong with the names of the columns.
fn check_columns(columns: &[String]) -> Result<(), String> {
    if columns.iter().all(|name| name.parse::<f64>().is_ok()) {
        return Err("expected a header with the names of the columns, got numbers".to_string());
    }
    if let [only] = columns
        && only.contains([';', '\t'])
    {
        return Err(format!("expected columns separated by commas, got {only:?}"));
    }
    for (at, name) in columns.iter().enumerate() {
        if name.is_empty() {
            return Err(format!("expected a name for every column, got none for column {}", at + 1));
        }
        if let Some(first) = columns[..at].iter().position(|other| other == name) {
            return Err(format!("expected different names, got `{name}` for columns {} and {}", first + 1, at + 1));
        }
    }
    Ok(())
}

/// An error of the csv reader with its line.
fn describe(text: &[u8], error: &csv::Error) -> String {
    let line = error.position().map_or(1, |position| line_at(text, position.byte()));
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: expected {expected_len} fields, as in the header, got {len}")
        }
        ErrorKind::Utf8 { err, .. } => {
            format!("line {line}: expected text in UTF-8, got other bytes (field {})", err.field() + 1)
        }
        _ => format!("line {line}: {error}"),
    }
}

fn line_of(text: &[u8], record: &StringRecord) -> usize {
    record.position().map_or(1, |position| line_at(text, position.byte()))
}

/// The 1-based line of the record that starts at `byte` or after the line ends there. (The reader's own count stays behind
/// after blank lines and `\r\n`, which it skips only when it reads on.)
fn line_at(text: &[u8], byte: u64) -> usize {
    let start = text.len().min(byte as usize);
    let skipped = text[start..].iter().take_while(|&&b| b == b'\n' || b == b'\r').count();
    let before = &text[..start + skipped];
    let ends =
        before.iter().enumerate().filter(|&(at, &b)| b == b'\n' || (b == b'\r' && before.get(at + 1) != Some(&b'\n')));
    1 + ends.count()
}

/// Writes `table` as csv, atomically (see [`super::write_atomic`]). Every number is written with the fewest digits that read back
/// as the same f64.
///
/// # Errors
/// [`Error::Argument`] for what [`read_csv`] would refuse: no columns, names that are empty, repeated or begin or end with
/// spaces, columns of another length than `rows`, NaN or infinity (named by column and row). [`Error::File`] when the file cannot
/// be written.
pub fn write_csv(path: impl AsRef<Path>, table: &Table) -> Result<()> {
    let path = path.as_ref();
    check(table)?;
    let cannot_write = |e: csv::Error| Error::file(path, format!("cannot write: {e}"));
    write_atomic(path, |out| {
        let mut writer = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out);
        writer.write_record(&table.columns).map_err(cannot_write)?;
        for row in 0..table.rows {
            // Debug is the shortest form that round-trips, with an exponent where that is shorter.
            writer
                .write_record(table.values.iter().map(|column| format!("{:?}", column[row])))
                .map_err(cannot_write)?;
        }
        writer.flush().map_err(|e| Error::file(path, format!("cannot write: {e}")))
    })
}

fn check(table: &Table) -> Result<()> {
    if table.columns.is_empty() || table.columns.len() != table.values.len() {
        let got = format!("{} names and {} columns", table.columns.len(), table.values.len());
        return Err(Error::argument("table", "as many names as columns, at least one", got));
    }
    check_columns(&table.columns).map_err(|problem| Error::argument("table columns", "a usable header", problem))?;
    for (name, column) in table.columns.iter().zip(&table.values) {
        // A byte order mark at the start of a file is no part of the first name.
        if name.trim() != name || name.starts_with('\u{feff}') {
            return Err(Error::argument("table columns", "names without spaces around them", format!("{name:?}")));
        }
        if column.len() != table.rows {
            let got = format!("{} values in column `{name}`", column.len());
            return Err(Error::argument("table", format!("{} rows", table.rows), got));
        }
        if let Some(row) = column.iter().position(|value| !value.is_finite()) {
            let got = format!("{} in column `{name}`, row {row}", column[row]);
            return Err(Error::argument("table", "finite values", got));
        }
    }
    Ok(())
}
