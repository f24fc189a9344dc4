//! Arrays in host memory: a shape and row-major elements of one dtype. What files hold, what goes to and comes from a device.

use super::{DType, Shape};
use crate::error::{Error, Result};

/// Row-major elements in host memory.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Single precision.
    F32(Vec<f32>),
    /// Unsigned integers.
    U32(Vec<u32>),
    /// Signed integers.
    I32(Vec<i32>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::U32(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::Bool(v) => v.len(),
        }
    }

    /// True when there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A shaped array in host memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Shape,
    data: Data,
}

impl Array {
    /// An array of `shape` from row-major `data`; the number of elements must match.
    pub fn new(shape: impl Into<Shape>, data: Data) -> Result<Self> {
        let shape = shape.into();
        if shape.elements() != data.len() {
            return Err(Error::argument(
                "array data",
                format!("{} elements for shape {shape}", shape.elements()),
                format!("{} elements", data.len()),
            ));
        }
        Ok(Array { shape, data })
    }

    /// A float array of `shape`.
    pub fn f32(shape: impl Into<Shape>, values: impl Into<Vec<f32>>) -> Result<Self> {
        Self::new(shape, Data::F32(values.into()))
    }

    /// A u32 array of `shape`.
    pub fn u32(shape: impl Into<Shape>, values: impl Into<Vec<u32>>) -> Result<Self> {
        Self::new(shape, Data::U32(values.into()))
    }

    /// An i32 array of `shape`.
    pub fn i32(shape: impl Into<Shape>, values: impl Into<Vec<i32>>) -> Result<Self> {
        Self::new(shape, Data::I32(values.into()))
    }

    /// A bool array of `shape`.
    pub fn bool(shape: impl Into<Shape>, values: impl Into<Vec<bool>>) -> Result<Self> {
        Self::new(shape, Data::Bool(values.into()))
    }

    /// Zeros (false) of the dtype.
    pub fn zeros(dtype: DType, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let n = shape.elements();
        let data = match dtype {
            DType::F32 => Data::F32(vec![0.0; n]),
            DType::U32 => Data::U32(vec![0; n]),
            DType::I32 => Data::I32(vec![0; n]),
            DType::Bool => Data::Bool(vec![false; n]),
        };
        Array { shape, data }
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The dtype of the elements.
    pub fn dtype(&self) -> DType {
        match self.data {
            Data::F32(_) => DType::F32,
            Data::U32(_) => DType::U32,
            Data::I32(_) => DType::I32,
            Data::Bool(_) => DType::Bool,
        }
    }

    /// The elements.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The elements of a float array; an error that names `what` for another dtype.
    pub fn as_f32(&self, what: &str) -> Result<&[f32]> {
        match &self.data {
            Data::F32(v) => Ok(v),
            _ => Err(Error::argument(what, "dtype f32", self.dtype())),
        }
    }

    /// All elements as f64 (exact for every dtype; a bool is 0 or 1).
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            Data::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::U32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
        }
    }

    /// The elements as the device stores them, four bytes each, little endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.data {
            Data::F32(v) => bytemuck::cast_slice(v).to_vec(),
            Data::U32(v) => bytemuck::cast_slice(v).to_vec(),
            Data::I32(v) => bytemuck::cast_slice(v).to_vec(),
            Data::Bool(v) => v.iter().flat_map(|&x| u32::from(x).to_le_bytes()).collect(),
        }
    }

    /// The inverse of [`Array::to_bytes`].
    pub fn from_bytes(dtype: DType, shape: impl Into<Shape>, bytes: &[u8]) -> Result<Self> {
        let shape = shape.into();
        if bytes.len() != shape.elements() * DType::BYTES {
            return Err(Error::argument(
                "array bytes",
                format!("{} bytes for shape {shape}", shape.elements() * DType::BYTES),
                bytes.len(),
            ));
        }
        let words = bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
        let data = match dtype {
            DType::F32 => Data::F32(words.map(f32::from_bits).collect()),
            DType::U32 => Data::U32(words.collect()),
            DType::I32 => Data::I32(words.map(|w| w as i32).collect()),
            DType::Bool => Data::Bool(words.map(|w| w != 0).collect()),
        };
        Ok(Array { shape, data })
    }
}

/// By shape, dtype and bits, so that recorded constants can be found again. A NaN is unequal to itself, which costs a program
/// one missed common subexpression.
impl std::hash::Hash for Array {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.shape.hash(state);
        self.dtype().hash(state);
        match &self.data {
            Data::F32(v) => bytemuck::cast_slice::<f32, u32>(v).hash(state),
            Data::U32(v) => v.hash(state),
            Data::I32(v) => v.hash(state),
            Data::Bool(v) => v.hash(state),
        }
    }
}
