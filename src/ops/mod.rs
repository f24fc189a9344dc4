//! The closed, small set of primitive ops.
