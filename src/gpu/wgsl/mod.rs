//! WGSL: the embedded files, the composer and the check by naga.

mod composed;
mod composer;
mod directives;
pub mod embedded;
mod expression;
mod translate;

pub(super) use composed::capabilities;
pub use composed::{Composed, Origin, ParamsMode, Requirement, Validated};
pub use composer::Composer;
pub use expression::Value;
