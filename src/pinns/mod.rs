//! Physics-informed neural networks: differential equations from text to a trained, checked solution.

pub mod builtin;
mod philox;
pub mod problem;
pub mod reference;
pub mod sampling;
pub mod solver;
