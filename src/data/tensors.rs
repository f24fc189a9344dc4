//! safetensors: named arrays and text metadata in one file. Format: <https://github.com/huggingface/safetensors#format>.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde::Serialize;

use super::atomic::write_atomic;
use super::convert::{Kind, Layout, checked_shape, read_elements};
use super::npy::{check_writable, open};
use crate::error::{Error, Result};
use crate::tensor::{Array, DType, Data};

/// Longest header, a limit of the format.
const MAX_HEADER: u64 = 100_000_000;
/// Key of the metadata in the header; no array can have this name.
const METADATA: &str = "__metadata__";

/// Named arrays and text metadata: what a safetensors file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tensors {
    /// The arrays by name.
    pub arrays: BTreeMap<String, Array>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
}

/// Reads a safetensors file. BOOL becomes bool; U8, U16, I8, I16, F16 and BF16 are widened exactly; F64, I64 and U64 are narrowed
/// as [`super::Converted`] says, with its warning sent to the log.
///
/// # Errors
/// [`Error::File`] that names the array: for a header that is malformed or does not describe exactly the bytes that follow, a
/// dtype that is no number or bool, a value that does not fit. Sizes are compared with the file before memory is taken.
pub fn read_safetensors(path: impl AsRef<Path>) -> Result<Tensors> {
    let path = path.as_ref();
    let (file, length) = open(path)?;
    read_all(path, BufReader::new(file), length).map_err(|problem| Error::file(path, problem))
}

fn read_all(path: &Path, mut reader: BufReader<File>, length: u64) -> Result<Tensors, String> {
    let header = read_header(&mut reader, length)?;
    let mut arrays = BTreeMap::new();
    // By offset: the header was checked to describe the data from the first byte to the last without gaps.
    for name in header.offset_keys() {
        let info = header.info(&name).ok_or_else(|| format!("array `{name}` is not in the header"))?;
        let array = read_array(&mut reader, info).map_err(|problem| format!("array `{name}`: {problem}"))?;
        if let Some(warning) = array.1 {
            log::warn!("{}: array `{name}`: {warning}", path.display());
        }
        arrays.insert(name, array.0);
    }
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    Ok(Tensors { arrays, metadata })
}

fn read_header(reader: &mut dyn Read, length: u64) -> Result<Metadata, String> {
    let mut size = [0; 8];
    reader.read_exact(&mut size).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => {
            format!("not a safetensors file: expected at least 8 bytes, got {length}")
        }
        _ => format!("cannot read: {e}"),
    })?;
    let size = u64::from_le_bytes(size);
    let present = length.saturating_sub(8);
    if size > present.min(MAX_HEADER) {
        let most = present.min(MAX_HEADER);
        return Err(format!(
            "not a whole safetensors file: expected a header of at most {most} bytes, got one of {size}"
        ));
    }
    let mut text = vec![0; size as usize];
    reader.read_exact(&mut text).map_err(|e| format!("cannot read the header: {e}"))?;
    let header: Metadata = serde_json::from_slice(&text).map_err(|e| format!("malformed safetensors header: {e}"))?;
    let data = present - size;
    if header.data_len() as u64 != data {
        return Err(format!("expected {} bytes of data, as the header says, got {data}", header.data_len()));
    }
    Ok(header)
}

fn read_array(reader: &mut dyn Read, info: &TensorInfo) -> Result<(Array, Option<String>), String> {
    let sizes: Vec<u64> = info.shape.iter().map(|&n| n as u64).collect();
    let kind = kind(info.dtype)?;
    let layout = Layout { kind, big_endian: false, column_major: false, shape: checked_shape(&sizes)? };
    let converted = read_elements(reader, &layout)?;
    Ok((converted.array, converted.warning))
}

fn kind(dtype: Dtype) -> Result<Kind, String> {
    Ok(match dtype {
        Dtype::BOOL => Kind::Bool,
        Dtype::I8 => Kind::I8,
        Dtype::I16 => Kind::I16,
        Dtype::I32 => Kind::I32,
        Dtype::I64 => Kind::I64,
        Dtype::U8 => Kind::U8,
        Dtype::U16 => Kind::U16,
        Dtype::U32 => Kind::U32,
        Dtype::U64 => Kind::U64,
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::Bf16,
        Dtype::F32 => Kind::F32,
        Dtype::F64 => Kind::F64,
        other => return Err(format!("expected a dtype of bools, integers or floats of 16 to 64 bits, got {other}")),
    })
}

/// The header as the file has it; sorted maps, so that equal content gives equal bytes.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__", skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    arrays: BTreeMap<&'a str, TensorInfo>,
}

/// Writes a safetensors file, atomically (see [`super::write_atomic`]). All bits are kept; bool becomes BOOL. The bytes depend on
/// the content alone.
///
/// # Errors
/// [`Error::Argument`] for an array named `__metadata__`; [`Error::File`] when the header would pass the format's 100 MB or the
/// file cannot be written.
pub fn write_safetensors(path: impl AsRef<Path>, tensors: &Tensors) -> Result<()> {
    let path = path.as_ref();
    if tensors.arrays.contains_key(METADATA) {
        return Err(Error::argument("array name", "any name but the one that the format reserves", METADATA));
    }
    for (name, array) in &tensors.arrays {
        check_writable(&format!("array `{name}`"), array)?;
    }
    // Bools last, so that the words before them stay aligned.
    let (bools, words): (Vec<_>, Vec<_>) = tensors.arrays.iter().partition(|(_, array)| array.dtype() == DType::Bool);
    let ordered: Vec<(&String, &Array)> = words.into_iter().chain(bools).collect();
    let header = header(path, &ordered, &tensors.metadata)?;
    write_atomic(path, |out| {
        let cannot_write = |e: io::Error| Error::file(path, format!("cannot write: {e}"));
        out.write_all(&(header.len() as u64).to_le_bytes()).map_err(cannot_write)?;
        out.write_all(&header).map_err(cannot_write)?;
        ordered.iter().try_for_each(|(_, array)| write_elements(out, array.data())).map_err(cannot_write)
    })
}

fn header(path: &Path, arrays: &[(&String, &Array)], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut infos = BTreeMap::new();
    let mut start = 0;
    for &(name, array) in arrays {
        let (dtype, width) = match array.dtype() {
            DType::F32 => (Dtype::F32, 4),
            DType::U32 => (Dtype::U32, 4),
            DType::I32 => (Dtype::I32, 4),
            DType::Bool => (Dtype::BOOL, 1),
        };
        let end = start + array.data().len() * width;
        infos.insert(name.as_str(), TensorInfo { dtype, shape: array.shape().to_vec(), data_offsets: (start, end) });
        start = end;
    }
    let mut text = serde_json::to_vec(&Header { metadata, arrays: infos })
        .map_err(|e| Error::file(path, format!("cannot write the header: {e}")))?;
    // Spaces up to a multiple of eight align the data.
    text.resize(text.len().next_multiple_of(8), b' ');
    if text.len() as u64 > MAX_HEADER {
        let problem =
            format!("cannot write: the format allows a header of {MAX_HEADER} bytes, this one has {}", text.len());
        return Err(Error::file(path, problem));
    }
    Ok(text)
}

fn write_elements(out: &mut dyn Write, data: &Data) -> io::Result<()> {
    match data {
        Data::F32(v) => v.iter().try_for_each(|x| out.write_all(&x.to_le_bytes())),
        Data::U32(v) => v.iter().try_for_each(|x| out.write_all(&x.to_le_bytes())),
        Data::I32(v) => v.iter().try_for_each(|x| out.write_all(&x.to_le_bytes())),
        Data::Bool(v) => v.iter().try_for_each(|&x| out.write_all(&[u8::from(x)])),
    }
}
