//! A typed scalar SSA DAG: built in Rust or parsed from text; simplified, differentiated, evaluated in f64, printed as WGSL.
//!
//! Every elementwise op of the engine is a map of such a DAG, so every scalar derivative rule is written once, in `rules`.
//!
//! ```
//! use fieldline::expr::{Type, Value, parse};
//! let mut dag = parse("u_t + u*u_x", "residual", &[("u", Type::F32), ("u_t", Type::F32), ("u_x", Type::F32)])?;
//! let residual = dag.outputs()[0];
//! let slope = dag.derivative(residual, 0).expect("u*u_x depends on u");
//! dag.output(slope);
//! assert_eq!(dag.eval(&[2.0, 1.0, 3.0].map(Value::F32)), [7.0, 3.0].map(Value::F32));
//! # Ok::<(), fieldline::Error>(())
//! ```

mod bound;
mod build;
mod complex;
mod cost;
mod dag;
mod derivative;
mod eval;
mod jet;
mod lexer;
mod parse;
mod rewrite;
mod rules;
mod simplify;
mod streams;
mod syntax;
mod text;
mod types;
mod wgsl;
mod words;

pub use bound::{BoundEvaluator, flushed};
pub use complex::Complex;
pub use cost::Cost;
pub use dag::Dag;
pub use eval::{Evaluator, Value};
pub use jet::Jet;
pub use parse::{Identifier, identifiers, parse};
pub use rules::MAX_ORDER;
pub use streams::{Collapsed, Streams};
pub use syntax::MAX_DEPTH;
pub use types::{Binary, Const, Function, Id, Node, Real, Type, Unary};
pub use wgsl::Wgsl;
