//! Arrays: dtype, shape, layout, and the way between host and device.

mod array;
mod dtype;
mod shape;

pub use array::{Array, Data};
pub use dtype::DType;
pub use shape::Shape;
