//! `fieldline`: a GPU compute engine for science. Hand-written WGSL compute shaders, run by wgpu on any vendor's GPU.
//!
//! The floors, lowest first; a module uses what lies below it, never above:
//! [`error`], [`expr`] · [`gpu`] · [`tensor`], [`data`] · [`ops`] · [`tape`] · [`nn`], [`optim`], [`run`] · [`pinns`] · [`cli`].

#![warn(missing_docs)]

pub mod cli;
pub mod data;
pub mod error;
pub mod expr;
pub mod gpu;
pub mod nn;
pub mod ops;
pub mod optim;
pub mod pinns;
pub mod run;
pub mod tape;
pub mod tensor;

pub use error::{Error, Result};
/// The wgpu version whose types cross this crate's interface.
pub use wgpu;
