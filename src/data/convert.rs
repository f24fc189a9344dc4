//! Elements of files (13 types, either byte order, row- or column-major) to the four dtypes of arrays.
//!
//! Problems are texts here; the format that reads knows the file and puts its name in front.

use std::io::{self, Read};

use half::{bf16, f16};

use crate::tensor::{Array, Data, Shape};

/// An array read from a file, and what the conversion to one of the four dtypes may have changed.
///
/// f32, u32, i32 and bool come as they are; f16, bf16, u8, u16, i8 and i16 are widened exactly. f64 is rounded to f32, i64 and
/// u64 become i32 and u32, with a `warning`: later arithmetic is narrower even where no value changed. A value beyond the
/// range of the narrower type is an error, never an infinity or a wrapped integer.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The array.
    pub array: Array,
    /// What changed or may change; `None` when the array is exactly what the file holds.
    pub warning: Option<String>,
}

/// Type of an element in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Kind {
    /// Bytes of one element in the file.
    pub fn bytes(self) -> usize {
        match self {
            Kind::Bool | Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 | Kind::F16 | Kind::Bf16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }
}

/// How the elements lie in the file.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub kind: Kind,
    pub big_endian: bool,
    /// Column-major: the first axis runs fastest.
    pub column_major: bool,
    pub shape: Shape,
}

impl Layout {
    /// Bytes of all elements. The shape was checked, so the product cannot overflow.
    pub fn bytes(&self) -> u64 {
        self.shape.elements() as u64 * self.kind.bytes() as u64
    }

    /// The index, axis by axis, of the element at `position` in the file.
    fn index(&self, mut position: usize) -> Shape {
        let mut index = vec![0; self.shape.rank()];
        let mut split = |axis: usize| {
            index[axis] = position % self.shape[axis];
            position /= self.shape[axis];
        };
        if self.column_major {
            (0..self.shape.rank()).for_each(&mut split);
        } else {
            (0..self.shape.rank()).rev().for_each(&mut split);
        }
        Shape::new(index)
    }
}

/// A shape whose size in bytes (of the widest element) can be computed without overflow, whatever the order of its axes.
pub(super) fn checked_shape(sizes: &[u64]) -> Result<Shape, String> {
    let sizes_usize = sizes.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<Vec<usize>>>();
    // An axis of zero counts as one: strides are products of the other axes.
    let total = sizes.iter().try_fold(8_u64, |total, &n| total.checked_mul(n.max(1)));
    match (sizes_usize, total) {
        (Some(sizes), Some(total)) if total <= isize::MAX as u64 => Ok(Shape::new(sizes)),
        _ => Err(format!("expected a shape that fits in memory, got {sizes:?}")),
    }
}

/// Reads all elements of `layout`. The caller has made sure that so many bytes can come.
pub(super) fn read_elements(reader: &mut dyn Read, layout: &Layout) -> Result<Converted, String> {
    let mut warning = None;
    let data = match layout.kind {
        Kind::F32 => Data::F32(elements(reader, layout, |_, b| Ok(f32::from_le_bytes(b)))?),
        Kind::F16 => Data::F32(elements(reader, layout, |_, b| Ok(f16::from_le_bytes(b).to_f32()))?),
        Kind::Bf16 => Data::F32(elements(reader, layout, |_, b| Ok(bf16::from_le_bytes(b).to_f32()))?),
        Kind::F64 => {
            let mut narrowing = Narrowing::default();
            let values = elements(reader, layout, |at, b| narrowing.float(layout, at, f64::from_le_bytes(b)))?;
            warning = Some(narrowing.warning(values.len()));
            Data::F32(values)
        }
        Kind::I32 => Data::I32(elements(reader, layout, |_, b| Ok(i32::from_le_bytes(b)))?),
        Kind::I8 => Data::I32(elements(reader, layout, |_, b| Ok(i32::from(i8::from_le_bytes(b))))?),
        Kind::I16 => Data::I32(elements(reader, layout, |_, b| Ok(i32::from(i16::from_le_bytes(b))))?),
        Kind::I64 => {
            warning = Some("int64 converted to int32: every value fits".to_string());
            Data::I32(elements(reader, layout, |at, b| {
                let value = i64::from_le_bytes(b);
                i32::try_from(value).map_err(|_| out_of_range("an int64 that fits in int32", layout, at, value))
            })?)
        }
        Kind::U32 => Data::U32(elements(reader, layout, |_, b| Ok(u32::from_le_bytes(b)))?),
        Kind::U8 => Data::U32(elements(reader, layout, |_, b| Ok(u32::from(u8::from_le_bytes(b))))?),
        Kind::U16 => Data::U32(elements(reader, layout, |_, b| Ok(u32::from(u16::from_le_bytes(b))))?),
        Kind::U64 => {
            warning = Some("uint64 converted to uint32: every value fits".to_string());
            Data::U32(elements(reader, layout, |at, b| {
                let value = u64::from_le_bytes(b);
                u32::try_from(value).map_err(|_| out_of_range("a uint64 that fits in uint32", layout, at, value))
            })?)
        }
        Kind::Bool => Data::Bool(elements(reader, layout, |at, [b]| match b {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(out_of_range("a bool of 0 or 1", layout, at, b)),
        })?),
    };
    let data = if layout.column_major { to_row_major(&layout.shape, data) } else { data };
    let array = Array::new(layout.shape.clone(), data).map_err(|e| e.to_string())?;
    Ok(Converted { array, warning })
}

fn out_of_range(expected: &str, layout: &Layout, position: usize, got: impl std::fmt::Display) -> String {
    format!("element {}: expected {expected}, got {got}", layout.index(position))
}

/// What rounding f64 to f32 did.
#[derive(Default)]
struct Narrowing {
    rounded: usize,
    became_zero: usize,
}

impl Narrowing {
    fn float(&mut self, layout: &Layout, position: usize, value: f64) -> Result<f32, String> {
        let narrow = value as f32;
        if value.is_finite() && !narrow.is_finite() {
            return Err(out_of_range("a float64 within the range of float32", layout, position, format!("{value:e}")));
        }
        self.rounded += usize::from(!value.is_nan() && f64::from(narrow) != value);
        self.became_zero += usize::from(value != 0.0 && narrow == 0.0);
        Ok(narrow)
    }

    fn warning(&self, count: usize) -> String {
        match (self.rounded, self.became_zero) {
            (0, _) => "float64 converted to float32: every value is exact".to_string(),
            (n, 0) => format!("float64 converted to float32: {n} of {count} values rounded"),
            (n, zero) => format!(
                "float64 converted to float32: {n} of {count} values rounded, of which {zero} became zero (smaller than float32 can hold)"
            ),
        }
    }
}

/// Reads the elements in the order of the file; `convert` gets the position and the bytes, least significant first.
fn elements<const N: usize, T>(
    reader: &mut dyn Read,
    layout: &Layout,
    mut convert: impl FnMut(usize, [u8; N]) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let count = layout.shape.elements();
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| format!("no memory for {count} elements of shape {}", layout.shape))?;
    let mut buffer = vec![0_u8; N * count.min((1 << 16) / N)];
    while values.len() < count {
        let bytes = buffer.len().min(N * (count - values.len()));
        let chunk = &mut buffer[..bytes];
        reader.read_exact(chunk).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => {
                format!("expected {} bytes of data for shape {}, got fewer", layout.bytes(), layout.shape)
            }
            _ => format!("cannot read the data: {e}"),
        })?;
        for element in chunk.as_chunks_mut::<N>().0 {
            if layout.big_endian {
                element.reverse();
            }
            values.push(convert(values.len(), *element)?);
        }
    }
    Ok(values)
}

/// Column-major data of `shape` in row-major order.
fn to_row_major(shape: &Shape, data: Data) -> Data {
    if shape.rank() < 2 {
        return data;
    }
    match data {
        Data::F32(v) => Data::F32(transpose(shape, &v)),
        Data::U32(v) => Data::U32(transpose(shape, &v)),
        Data::I32(v) => Data::I32(transpose(shape, &v)),
        Data::Bool(v) => Data::Bool(transpose(shape, &v)),
    }
}

fn transpose<T: Copy>(shape: &Shape, column_major: &[T]) -> Vec<T> {
    let mut strides = vec![1; shape.rank()];
    for axis in 1..shape.rank() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.rank()];
    let mut from = 0;
    let mut row_major = Vec::with_capacity(column_major.len());
    for _ in 0..column_major.len() {
        row_major.push(column_major[from]);
        // The next index in row-major order: count up the last axis, carry to the axes before it.
        for axis in (0..shape.rank()).rev() {
            index[axis] += 1;
            from += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            from -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    row_major
}
