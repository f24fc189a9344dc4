//! Arrays: dtype, shape, layout, and the way between host and device.

mod array;
mod dtype;
mod layout;
mod shape;

pub use array::{Array, Data};
pub use dtype::DType;
pub use layout::Layout;
pub use shape::Shape;
