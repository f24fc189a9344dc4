//! npy: one array a file, numpy's own format.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;

use npyz::{AutoSerialize, WriterBuilder};

use super::atomic::write_atomic;
use super::convert::{Converted, checked_shape, read_elements};
use super::npy_header::read_header;
use crate::error::{Error, Result};
use crate::tensor::{Array, Data};

/// Reads an npy file (versions 1.0 to 3.0, either byte order, C or Fortran order) as a row-major array.
///
/// # Errors
/// [`Error::File`] when the file cannot be read, is no npy file, holds another dtype than numbers and bools, has a value that
/// does not fit (see [`Converted`]), or when its header claims more or fewer bytes than there are. Nothing is allocated before
/// that comparison.
pub fn read_npy(path: impl AsRef<Path>) -> Result<Converted> {
    let path = path.as_ref();
    let (file, length) = open(path)?;
    read_whole(BufReader::new(file), length).map_err(|problem| Error::file(path, problem))
}

fn read_whole(mut reader: BufReader<File>, length: u64) -> Result<Converted, String> {
    let (layout, header) = read_header(&mut reader)?;
    let present = length.saturating_sub(header);
    if layout.bytes() != present {
        let shape = &layout.shape;
        return Err(format!("expected {} bytes of data for shape {shape}, got {present}", layout.bytes()));
    }
    read_elements(&mut reader, &layout)
}

/// Writes `array` as npy version 1.0 in C order, atomically (see [`super::write_atomic`]). All bits are kept.
///
/// # Errors
/// [`Error::File`] when the file cannot be written; [`Error::Argument`] for an empty array whose other axes are absurdly long.
pub fn write_npy(path: impl AsRef<Path>, array: &Array) -> Result<()> {
    let path = path.as_ref();
    check_writable("array", array)?;
    write_atomic(path, |out| write_array(out, array).map_err(|e| Error::file(path, format!("cannot write: {e}"))))
}

/// Opens a regular file and tells its length.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    let cannot_read = |e: io::Error| Error::file(path, format!("cannot read: {e}"));
    let file = File::open(path).map_err(cannot_read)?;
    let found = file.metadata().map_err(cannot_read)?;
    if !found.is_file() {
        return Err(Error::file(path, "cannot read: expected a regular file"));
    }
    Ok((file, found.len()))
}

/// The shape of an empty array may have strides that overflow; readers refuse it, so it is not written.
pub(super) fn check_writable(argument: &str, array: &Array) -> Result<()> {
    let sizes: Vec<u64> = array.shape().iter().map(|&n| n as u64).collect();
    checked_shape(&sizes)
        .map(|_| ())
        .map_err(|_| Error::argument(argument, "a shape whose strides fit in memory", array.shape()))
}

/// Writes header and elements.
pub(super) fn write_array(out: &mut dyn Write, array: &Array) -> io::Result<()> {
    let shape: Vec<u64> = array.shape().iter().map(|&n| n as u64).collect();
    match array.data() {
        Data::F32(v) => write_elements(out, &shape, v),
        Data::U32(v) => write_elements(out, &shape, v),
        Data::I32(v) => write_elements(out, &shape, v),
        Data::Bool(v) => write_elements(out, &shape, v),
    }
}

fn write_elements<T: AutoSerialize>(out: &mut dyn Write, shape: &[u64], values: &[T]) -> io::Result<()> {
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(out).begin_nd()?;
    for value in values {
        writer.push(value)?;
    }
    writer.finish()
}
