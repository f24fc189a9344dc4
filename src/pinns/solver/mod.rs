//! Training a problem's network: stages of optimisers on the device, with progress and fresh points.

mod least_squares;
mod memory;
mod model;
mod points;
mod residuals;
mod stages;

pub use memory::check_memory;
pub use model::{Evaluator, Model};
pub use residuals::network;
pub use stages::{Observer, Row, Solver, Trained};
