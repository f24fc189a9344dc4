//! What the command takes.

use crate::error::{Error, Result};
use crate::gpu::{Gpu, Selector};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The exit codes, as the help shows them.
const EXIT_CODES: &str = "First steps:\n  fieldline list                list the built-in problems\n  \
    fieldline solve poisson-1d    solve one; seconds on a software device\n\n\
    Exit codes: 0 done, 1 a check failed or a value is not finite, 2 wrong usage or input, 3 no usable adapter,\n\
    4 device lost or out of memory.";

/// A GPU compute engine for science: differential equations from text to a trained, checked solution on any vendor's GPU.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List the adapters of this machine and what the engine uses of each
    #[command(after_help = "Example:\n  fieldline adapters --json")]
    Adapters(Adapters),
    /// List the built-in problems, or the ops
    #[command(after_help = "Examples:\n  fieldline list\n  fieldline list --ops --json")]
    List(List),
    /// Solve a differential equation: a built-in name or a problem file
    #[command(after_help = "Examples:\n  fieldline solve burgers --out runs/burgers\n  \
        fieldline solve heat --set constants.alpha=0.2 --set 'stages.0.steps=100'\n  fieldline solve my-problem.toml --check")]
    Solve(Solve),
    /// Evaluate a solved model at points from a csv file
    #[command(
        after_help = "Example:\n  fieldline eval runs/burgers/model.safetensors --at points.csv --out values.csv"
    )]
    Eval(Eval),
    /// Run one op on arrays from an npz file (a0, a1, .. in, y0 out)
    #[command(
        after_help = "Example:\n  fieldline op matmul --in in.npz --attrs '{\"transpose_b\": true}' --out out.npz --grad\n\
        With --grad the input also holds the cotangent g0, and the output gets d0, d1, .. of the float operands."
    )]
    Op(OpArguments),
}

/// Which device.
#[derive(Debug, Args)]
pub(super) struct Device {
    /// Adapter: `auto`, an index, or a part of its name (`gl:` or `vulkan:` in front chooses the backend)
    #[arg(long, value_name = "INDEX|NAME", default_value = "auto")]
    pub adapter: String,
}

impl Device {
    /// Opens the device.
    pub fn open(&self) -> Result<Gpu> {
        Gpu::new(&self.adapter.parse::<Selector>()?)
    }
}

#[derive(Debug, Args)]
pub(super) struct Adapters {
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// List the ops of `fieldline op` instead
    #[arg(long)]
    pub ops: bool,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Solve {
    /// Name of a built-in problem (see `fieldline list`) or path of a problem file
    #[arg(value_name = "NAME|FILE.toml")]
    pub problem: String,
    #[command(flatten)]
    pub device: Device,
    /// Seed of the network and of the points: a whole number, the same seed gives the same model on one adapter
    #[arg(long, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Folder of the run (default: runs/NAME-DATE)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Set a value of the problem, such as network.hidden=[32,32]; lists count from 0; may be given several times
    #[arg(long = "set", value_name = "KEY.PATH=VALUE")]
    pub set: Vec<String>,
    /// End with exit code 1 when the error misses the problem's target (the file needs a target and a reference)
    #[arg(long)]
    pub check: bool,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// No progress and no messages
    #[arg(long)]
    pub quiet: bool,
}

impl Solve {
    /// Overrides as pairs of key path and value.
    pub fn overrides(&self) -> Result<Vec<(String, String)>> {
        let mut pairs = Vec::with_capacity(self.set.len() + 1);
        for text in &self.set {
            let pair = text.split_once('=').filter(|(key, _)| !key.trim().is_empty());
            let (key, value) = pair.ok_or_else(|| {
                Error::argument("--set", "KEY.PATH=VALUE, such as network.seed=3", format!("`{text}`"))
            })?;
            pairs.push((key.trim().to_string(), value.trim().to_string()));
        }
        pairs.extend(self.seed.map(|seed| ("network.seed".to_string(), seed.to_string())));
        Ok(pairs)
    }
}

#[derive(Debug, Args)]
pub(super) struct Eval {
    /// The model that `fieldline solve` wrote
    #[arg(value_name = "MODEL.safetensors")]
    pub model: PathBuf,
    /// Points: a csv file with a header and a column for each coordinate; other columns are ignored
    #[arg(long, value_name = "POINTS.csv")]
    pub at: PathBuf,
    /// Where the values go: a csv file with the points and the unknown (default: standard output)
    #[arg(long, value_name = "FILE.csv")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub device: Device,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct OpArguments {
    /// Name of the op (see `fieldline list --ops`)
    pub name: String,
    /// Operands a0, a1, .. (and the cotangent g0 with --grad)
    #[arg(long = "in", value_name = "IN.npz")]
    pub input: PathBuf,
    /// Attributes as a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub attrs: String,
    /// Where the result y0 (and d0, d1, ..) goes
    #[arg(long, value_name = "OUT.npz")]
    pub out: PathBuf,
    /// Add the vector-Jacobian product
    #[arg(long)]
    pub grad: bool,
    #[command(flatten)]
    pub device: Device,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}
