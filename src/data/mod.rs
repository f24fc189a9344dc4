//! Files of arrays: npy / npz, csv, safetensors. Read with every size checked before memory is taken, written atomically.
//!
//! In memory everything is a [`crate::tensor::Array`] (f32, u32, i32, bool), or a [`Table`] of f64 columns for csv. Files hold
//! more types than that: [`Converted`] says what a conversion may have changed, and a value that does not fit is an error that
//! names its index. A malformed file is always an [`crate::Error::File`] that names the file, what was expected and what came.

mod atomic;
mod convert;
mod npy;
mod npy_header;
mod npz;
mod table;
mod tensors;
mod zip_guard;

pub use atomic::write_atomic;
pub(crate) use atomic::write_atomic_at;
pub use convert::Converted;
pub use npy::{read_npy, write_npy};
pub use npz::{read_npz, write_npz};
pub use table::{Table, read_csv, write_csv};
pub use tensors::{Tensors, read_safetensors, write_safetensors};
