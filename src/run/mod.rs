//! A run's folder, history, metrics, plots, progress and interruption.
//!
//! A run writes everything it knows under one folder ([`Folder`]): the resolved configuration, the environment, one JSON line per
//! recorded step, the metrics with their targets, the figures and the trained parameters. Loops report to a [`Progress`] and poll
//! [`interrupted`]; who draws and who sends the signal is none of their business.

mod folder;
mod interrupt;
mod metrics;
mod nonfinite;
pub mod plot;
mod progress;
mod terminal;

pub use folder::{Env, Folder};
pub use interrupt::{install_interrupt_handler, interrupted};
pub use metrics::{Direction, Metric, Metrics};
pub use plot::{
    Fields, Image, LinePlot, Profile, Series, field::field_triptych, line::line_plot, profile::profile_plot,
};
pub use progress::{Event, Progress, Recorded, Silent};
pub use terminal::Terminal;
