//! The header of an npy file: checked here for what its parser would not survive, parsed by `npyz`.
//!
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>. Magic, version, length, then a Python
//! dictionary such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.

use std::io::{self, Read};

use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};

use super::convert::{Kind, Layout, checked_shape};

/// First bytes of every npy file.
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longest header that is read: all that version 1.0 can hold. numpy itself refuses more than 10,000 bytes.
const MAX_HEADER: usize = 65_535;
/// Most axes; numpy has the same limit.
const MAX_RANK: usize = 64;

/// Reads the header. Returns the layout of the data that follow, and how many bytes the header took.
pub(super) fn read_header(reader: &mut dyn Read) -> Result<(Layout, u64), String> {
    let mut bytes = vec![0; 8];
    fill(reader, &mut bytes, "the magic and version")?;
    if !bytes.starts_with(MAGIC) {
        return Err(format!("not an npy file: expected it to start with \\x93NUMPY, got \"{}\"", bytes.escape_ascii()));
    }
    let length_bytes = match (bytes[6], bytes[7]) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        (major, minor) => return Err(format!("expected npy version 1.0, 2.0 or 3.0, got {major}.{minor}")),
    };
    let mut length = [0; 4];
    fill(reader, &mut length[..length_bytes], "the length of the header")?;
    bytes.extend_from_slice(&length[..length_bytes]);
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        return Err(format!("expected a header of at most {MAX_HEADER} bytes, got one of {length}"));
    }
    let start = bytes.len();
    bytes.resize(start + length, 0);
    fill(reader, &mut bytes[start..], "the header")?;
    check_text(&bytes[start..])?;
    let header = NpyHeader::from_reader(&bytes[..]).map_err(|e| format!("malformed npy header: {e}"))?;
    Ok((layout(&header)?, bytes.len() as u64))
}

fn fill(reader: &mut dyn Read, bytes: &mut [u8], what: &str) -> Result<(), String> {
    reader.read_exact(bytes).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => format!("not a whole npy file: it ends within {what}"),
        _ => format!("cannot read {what}: {e}"),
    })
}

/// Refuses what the parser of Python literals must not get: deep nesting (it recurses and backtracks), numbers whose product
/// overflows (it multiplies the sizes unchecked), and every notation of numbers but plain decimals, so that this holds.
fn check_text(text: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(text).map_err(|_| "malformed npy header: expected UTF-8 text".to_string())?;
    let mut quote = None;
    let mut depth = 0_usize;
    let mut numbers = Vec::new();
    let mut in_number = false;
    for c in text.chars() {
        let digit = c.to_digit(10).filter(|_| quote.is_none());
        if let Some(digit) = digit {
            if !in_number {
                numbers.push(Some(0_u64));
            }
            let last = numbers.len() - 1;
            numbers[last] = numbers[last].and_then(|n| n.checked_mul(10)?.checked_add(u64::from(digit)));
        }
        in_number = digit.is_some();
        match (quote, c) {
            (_, '\\') => return Err("malformed npy header: expected no escapes, got a backslash".to_string()),
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => {
                return Err("expected an array of numbers or bools, got a structured dtype (records of fields); \
                     save each field as an array of its own"
                    .to_string());
            }
            (None, '{' | '(') => depth += 1,
            (None, '}' | ')') => depth = depth.saturating_sub(1),
            // The letters of True and False, and what separates.
            (None, 'T' | 'r' | 'u' | 'e' | 'F' | 'a' | 'l' | 's' | ',' | ':' | ' ' | '\n' | '0'..='9') => {}
            (None, other) => return Err(format!("malformed npy header: unexpected character {other:?}")),
        }
        if depth > 3 {
            return Err("malformed npy header: expected a dictionary with a tuple, got deeper nesting".to_string());
        }
    }
    if numbers.len() > MAX_RANK {
        return Err(format!("expected at most {MAX_RANK} axes, got a header with {} numbers", numbers.len()));
    }
    match numbers.into_iter().collect::<Option<Vec<u64>>>() {
        Some(sizes) => checked_shape(&sizes).map(|_| ()),
        None => Err("expected a shape that fits in memory, got a size beyond 64 bits".to_string()),
    }
}

fn layout(header: &NpyHeader) -> Result<Layout, String> {
    let dtype = header.dtype();
    let DType::Plain(element) = &dtype else {
        return Err(format!("expected an array of numbers or bools, got dtype {}", dtype.descr()));
    };
    let kind = match (element.type_char(), element.size_field()) {
        (TypeChar::Bool, 1) => Kind::Bool,
        (TypeChar::Int, 1) => Kind::I8,
        (TypeChar::Int, 2) => Kind::I16,
        (TypeChar::Int, 4) => Kind::I32,
        (TypeChar::Int, 8) => Kind::I64,
        (TypeChar::Uint, 1) => Kind::U8,
        (TypeChar::Uint, 2) => Kind::U16,
        (TypeChar::Uint, 4) => Kind::U32,
        (TypeChar::Uint, 8) => Kind::U64,
        (TypeChar::Float, 2) => Kind::F16,
        (TypeChar::Float, 4) => Kind::F32,
        (TypeChar::Float, 8) => Kind::F64,
        (other, _) => return Err(unsupported(other, &dtype)),
    };
    Ok(Layout {
        kind,
        big_endian: element.endianness() == Endianness::Big,
        column_major: header.order() == Order::Fortran,
        shape: checked_shape(header.shape())?,
    })
}

fn unsupported(element: TypeChar, dtype: &DType) -> String {
    let (what, advice) = match element {
        TypeChar::Complex => ("complex numbers", "; save the real and the imaginary part as two arrays"),
        TypeChar::Float => ("extended floats", "; save them as float64"),
        TypeChar::Object => ("pickled Python objects", "; save an array of a numeric dtype"),
        TypeChar::ByteStr | TypeChar::UnicodeStr => ("strings", ""),
        TypeChar::TimeDelta | TypeChar::DateTime => ("times", "; save them as numbers"),
        _ => ("raw bytes", ""),
    };
    format!("expected an array of numbers or bools, got {what} (dtype {}){advice}", dtype.descr())
}
