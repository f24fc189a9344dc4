//! The closed, small set of primitive ops: shape rule, derivative rules as other ops, batching rule, cost model, f64 reference.

mod bound;
mod cost;
pub mod emit;
mod infer;
mod op;
mod reference;
mod vjp;
mod vmap;

pub use bound::{bound, within};
pub use cost::{Cost, cost};
pub use emit::{Emit, ValueId};
pub use infer::{Spec, element_type, infer, scalar_type};
pub use op::{Op, Reduction};
pub use reference::{Exact, HostArray, philox4x32, reference};
pub use vjp::{Cotangent, extremum_weights, reuse_result, vjp};
pub use vmap::{Lane, batched, vmap};
