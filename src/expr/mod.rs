//! A typed scalar SSA DAG: built in Rust or parsed from text; simplified, differentiated, evaluated in f64, printed as WGSL.
//!
//! Every elementwise op of the engine is a map of such a DAG, so every scalar derivative rule is written once, in
//! [`rules`](self).

mod cost;
mod dag;
mod derivative;
mod eval;
mod jet;
mod rules;
mod simplify;
mod streams;
mod types;
mod wgsl;

pub use cost::Cost;
pub use dag::Dag;
pub use eval::{Evaluator, Value};
pub use jet::Jet;
pub use rules::MAX_ORDER;
pub use streams::{Collapsed, Streams};
pub use types::{Binary, Const, Function, Id, Node, Real, Type, Unary};
pub use wgsl::Wgsl;
