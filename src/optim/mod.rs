//! Optimisers: updates that are part of a program, and drivers that own several programs.
