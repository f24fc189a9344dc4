//! Element types. Every element takes four bytes on the device; a bool is stored as a `u32` that is 0 or 1.

use std::fmt;

/// Type of the elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// IEEE 754 single precision, the working type.
    F32,
    /// Unsigned 32-bit integer.
    U32,
    /// Signed 32-bit integer.
    I32,
    /// Truth value; a `u32` of 0 or 1 in memory.
    Bool,
}

impl DType {
    /// Bytes of one element on the device.
    pub const BYTES: usize = 4;

    /// Name as it is written in messages and listings.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::U32 => "u32",
            DType::I32 => "i32",
            DType::Bool => "bool",
        }
    }

    /// The WGSL type of an element in a storage buffer.
    pub fn storage_wgsl(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::U32 | DType::Bool => "u32",
            DType::I32 => "i32",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
