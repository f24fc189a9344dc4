//! The command: arguments in, rendering out.
