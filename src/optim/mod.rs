//! Optimisers: updates that are part of a program, and drivers that own several programs.

mod adam;
mod levenberg_marquardt;
mod normal_equations;
mod schedule;

pub use adam::{Adam, AdamStep};
pub use levenberg_marquardt::{LeastSquares, LevenbergMarquardt, State, Stop};
pub use normal_equations::{Damped, NormalEquations};
pub use schedule::Schedule;
