//! Neural networks composed on the tape.
