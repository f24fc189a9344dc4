//! A run's folder, history, checkpoints, plots and progress.
