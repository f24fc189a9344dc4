//! The scalar DAG: rules against differences of the evaluation, jets against nested derivatives, the simplifier against an
//! evaluation of what was written, the language, and the printed WGSL against naga.

#[path = "expr/derivatives.rs"]
mod derivatives;
#[path = "expr/device.rs"]
mod device;
#[path = "expr/functions.rs"]
mod functions;
#[path = "expr/jets.rs"]
mod jets;
#[path = "expr/language.rs"]
mod language;
#[path = "expr/programs.rs"]
mod programs;
#[path = "expr/reference.rs"]
mod reference;
#[path = "expr/simplifier.rs"]
mod simplifier;
#[path = "expr/wgsl.rs"]
mod wgsl;
