//! Physics-informed neural networks: differential equations from text to a trained, checked solution.
