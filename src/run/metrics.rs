//! What a run measured, held against its targets.

use serde::Serialize;

use crate::error::{Error, Result};

/// On which side of its target a metric has to lie. The target itself passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// `value <= target`: errors, times.
    AtMost,
    /// `value >= target`: rates, scores.
    AtLeast,
}

/// One measured number.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// What was measured, with its norm and unit: `relative_l2_u`, `steps_per_s`.
    pub name: String,
    /// The measured value.
    pub value: f64,
    /// The bound; none for a number that is only reported.
    pub target: Option<f64>,
    /// The side of the target that passes.
    pub direction: Direction,
}

impl Metric {
    /// A metric that passes when `value <= target`.
    pub fn at_most(name: impl Into<String>, value: f64, target: f64) -> Self {
        Metric { name: name.into(), value, target: Some(target), direction: Direction::AtMost }
    }

    /// A metric that passes when `value >= target`.
    pub fn at_least(name: impl Into<String>, value: f64, target: f64) -> Self {
        Metric { name: name.into(), value, target: Some(target), direction: Direction::AtLeast }
    }

    /// A number without a target. It passes when it is finite.
    pub fn reported(name: impl Into<String>, value: f64) -> Self {
        Metric { name: name.into(), value, target: None, direction: Direction::AtMost }
    }

    /// Whether the value is finite and on the right side of its target. NaN and the infinities never pass, and a target that is
    /// NaN lets nothing pass.
    pub fn pass(&self) -> bool {
        self.value.is_finite()
            && match (self.target, self.direction) {
                (None, _) => true,
                (Some(target), Direction::AtMost) => self.value <= target,
                (Some(target), Direction::AtLeast) => self.value >= target,
            }
    }

    fn miss(&self) -> String {
        let bound = match self.direction {
            Direction::AtMost => "at most",
            Direction::AtLeast => "at least",
        };
        match self.target {
            Some(target) => format!("`{}` is {:?}, expected {bound} {target:?}", self.name, self.value),
            None => format!("`{}` is {:?}, expected a finite value", self.name, self.value),
        }
    }
}

/// All metrics of one run, with what identifies the run. [`crate::run::Folder::write_metrics`] gives its JSON form.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// Name of the experiment.
    pub experiment: String,
    /// Seed of the run.
    pub seed: u64,
    /// `small` or `full`.
    pub size: String,
    /// The adapter's name.
    pub adapter: String,
    /// Wall time of the run in seconds.
    pub wall_s: f64,
    /// The metrics, in the order in which they are reported.
    pub metrics: Vec<Metric>,
}

impl Metrics {
    /// The JSON document: `{"experiment","seed","size","adapter","wall_s","metrics":[{"name","value","target","direction","pass"}]}`.
    /// Numbers that are not finite are the strings `"nan"`, `"inf"`, `"-inf"`; a missing target is `null`.
    ///
    /// # Errors
    /// [`Error::Argument`] when the document cannot be built (not reachable with the types of today).
    pub fn to_json(&self) -> Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Document<'a> {
            experiment: &'a str,
            seed: u64,
            size: &'a str,
            adapter: &'a str,
            wall_s: f64,
            metrics: Vec<Row<'a>>,
        }
        let metrics = self.metrics.iter().map(Row::from).collect();
        let document = Document {
            experiment: &self.experiment,
            seed: self.seed,
            size: &self.size,
            adapter: &self.adapter,
            wall_s: self.wall_s,
            metrics,
        };
        super::nonfinite::to_json_pretty("metrics", &document)
    }

    /// # Errors
    /// [`Error::Check`] naming each metric that does not [pass](Metric::pass), with its value and target.
    pub fn check(&self) -> Result<()> {
        let misses: Vec<String> = self.metrics.iter().filter(|m| !m.pass()).map(Metric::miss).collect();
        if misses.is_empty() {
            Ok(())
        } else {
            Err(Error::Check(format!("{}: {}", self.experiment, misses.join("; "))))
        }
    }
}

/// A metric as it stands in the file.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    value: f64,
    target: Option<f64>,
    direction: Direction,
    pass: bool,
}

impl<'a> From<&'a Metric> for Row<'a> {
    fn from(m: &'a Metric) -> Self {
        Row { name: &m.name, value: m.value, target: m.target, direction: m.direction, pass: m.pass() }
    }
}
