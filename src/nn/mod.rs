//! Neural networks composed on the tape.

mod activation;
mod embedding;
mod init;
mod mlp;
mod packed;

pub use activation::Activation;
pub use embedding::{Axis, Embedding, Fourier};
pub use init::{HostRandom, Initialiser};
pub use mlp::Mlp;
pub use packed::{Entry, Packing};
