//! A typed scalar SSA DAG: built in Rust or parsed from text; simplified, differentiated, evaluated in f64, printed as WGSL.
