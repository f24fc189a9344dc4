//! The device layer: adapters, buffers, WGSL composition, pipelines, recording, timing, read-back.

pub mod wgsl;

pub use wgsl::{Composed, Composer, ParamsMode, Requirement};
