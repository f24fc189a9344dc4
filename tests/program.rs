//! Compiled programs on the device against the f64 interpreter, within derived bounds.

#[path = "program/bounded.rs"]
#[allow(dead_code)]
mod bounded;
#[path = "program/jacobian.rs"]
mod jacobian;
#[path = "program/ops.rs"]
mod ops;
#[path = "program/training.rs"]
mod training;

pub use bounded::{F32, both, check, check_on, gpu, normal, turn};
