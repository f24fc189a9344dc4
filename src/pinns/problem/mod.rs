//! Problem files: a differential equation, its conditions and how to solve it, as TOML.
//!
//! ```toml
//! title = "Viscous Burgers' equation"
//! unknowns = ["u"]                  # the default
//! reference = "cole-hopf"           # or "file.npz", or instead: exact = "sin(pi*x)"
//! target = 5e-4                     # relative L2 error that a check demands
//!
//! [coordinates]                     # names of letters and digits, with their ranges
//! x = [-1, 1]
//! t = [0, 1]
//!
//! [constants]                       # numbers, or texts of constants above them
//! nu = "0.01/pi"
//!
//! [residuals]                       # expressions that vanish, or equations; { equation = "...", weight = 2 } with a weight
//! burgers = "u_t + u*u_x = nu*u_xx"
//!
//! [[conditions]]
//! kind = "initial"                  # at the lower end of `t` unless `where` names another face
//! value = "-sin(pi*x)"
//!
//! [[conditions]]
//! kind = "dirichlet"
//! where = ["x = -1", "x = max"]     # faces: an end of a range, `min` or `max`; or "boundary", all of them
//! value = 0
//! hard = true                       # built into the trial function; or weight = 10 in the loss
//!
//! # kind = "periodic", coordinate = "x": value and normal derivative agree on both faces
//! # kind = "equation", where = "x = 1", equation = "u_x = 0": Neumann, Robin, initial velocity
//!
//! [network]                         # all keys of this and the next tables have defaults
//! hidden = [24, 24]
//! activation = "tanh"               # tanh, sin, gelu, silu
//! fourier = { features = 16, scale = 1.0 }
//! seed = 0
//!
//! [sampling]
//! interior = 2000
//! boundary = 200
//! initial = 200
//! method = "lhs"                    # lhs, uniform, grid
//! resample = 20                     # steps between two draws; 0: never
//! adaptive = { candidates = 4, power = 1.0, floor = 1.0 }
//!
//! [[stages]]
//! optimiser = "adam"
//! steps = 1000
//! learning_rate = 1e-3
//! decay = 0.9
//! decay_every = 1000
//!
//! [[stages]]
//! optimiser = "lm"
//! steps = 300
//! damping = 1e-3
//! acceleration = true               # second-order correction of the steps
//! trials = 4                        # damping values tried in one batch
//! tolerance = 0.0
//!
//! [evaluation]
//! grid = [201, 101]
//! ```
//!
//! Derivatives are named by the rule of [`names::partial`]: `u_t`, `u_xx`, `u_r_theta`, of total order at most 4.

mod block;
mod condition;
mod equation;
pub mod names;
mod read;
mod table;
mod training;
mod tree;
mod trial;
mod warnings;
mod write;

pub use block::{Block, Site};
pub use condition::{Condition, Law};
pub use equation::{Formula, Residual};
pub use names::Partial;
pub use training::{Adaptive, Fourier, Network, Sampling, Stage};
pub use trial::Trial;

use super::builtin;
use super::sampling::Domain;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// A named number.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Name.
    pub name: String,
    /// Resolved value.
    pub value: f64,
}

/// Where trusted values of the solution come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Reference {
    /// A closed form.
    Exact(Formula),
    /// The Cole-Hopf solution of Burgers' equation with this viscosity.
    ColeHopf {
        /// Viscosity, read off the residual.
        nu: f64,
    },
    /// Arrays in an npz file: one axis for each coordinate, and the unknown.
    File(PathBuf),
}

/// A checked problem with all numbers resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Short name: of the built-in problem, or the file's stem.
    pub name: String,
    /// One line for humans.
    pub title: String,
    /// Names of the coordinates; their ranges are in `domain`.
    pub coordinates: Vec<String>,
    /// The box of all coordinates.
    pub domain: Domain,
    /// Names of the unknowns (exactly one at present).
    pub unknowns: Vec<String>,
    /// Constants, already folded into all formulas.
    pub constants: Vec<Constant>,
    /// The equations of the interior.
    pub residuals: Vec<Residual>,
    /// The conditions on faces.
    pub conditions: Vec<Condition>,
    /// The network.
    pub network: Network,
    /// Collocation points.
    pub sampling: Sampling,
    /// Optimisers in order.
    pub stages: Vec<Stage>,
    /// Trusted solution, if there is one.
    pub reference: Option<Reference>,
    /// Points of the evaluation grid for each coordinate, ends included.
    pub evaluation: Vec<usize>,
    /// Relative L2 error that a check demands.
    pub target: Option<f64>,
    warnings: Vec<String>,
}

impl Problem {
    /// Reads a problem from TOML; `source` is the name of the text in messages.
    /// Errors: each names the place in the text, the key, what was expected and what came.
    pub fn from_toml(text: &str, source: &str) -> Result<Self> {
        Self::from_toml_with(text, source, &[])
    }

    /// [`Problem::from_toml`] with values set on the command line: pairs of `key.path` and value, such as
    /// `("stages.0.steps", "50")`. The value is read as TOML, or else taken as a text. Errors: a key that does not exist.
    pub fn from_toml_with(text: &str, source: &str, overrides: &[(String, String)]) -> Result<Self> {
        let mut root = tree::parse(text, source)?;
        for (path, value) in overrides {
            tree::set(&mut root, path, value)?;
        }
        let stem = Path::new(source).file_stem().map_or(source.into(), |s| s.to_string_lossy());
        read::problem(&root, &stem, Path::new(source).parent())
    }

    /// A built-in problem, or the problem in a file. Errors: neither exists, or [`Problem::from_toml`]'s.
    pub fn load(name_or_path: &str) -> Result<Self> {
        Self::load_with(name_or_path, &[])
    }

    /// [`Problem::load`] with the overrides of [`Problem::from_toml_with`].
    pub fn load_with(name_or_path: &str, overrides: &[(String, String)]) -> Result<Self> {
        if let Some(text) = builtin::text(name_or_path) {
            return Self::from_toml_with(text, &format!("{name_or_path}.toml"), overrides);
        }
        let path = Path::new(name_or_path);
        if !path.exists() {
            let names: Vec<&str> = builtin::names().collect();
            let hint = names::nearest(name_or_path, &names).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
            let known = names.join(", ");
            return Err(Error::file(path, format!("no such problem file, nor a built-in problem ({known}){hint}")));
        }
        let text =
            std::fs::read_to_string(path).map_err(|e| Error::file(path, format!("cannot be read as text: {e}")))?;
        Self::from_toml_with(&text, name_or_path, overrides)
    }

    /// What is probably a mistake but can be computed: a condition that seems to be missing, a constant that nothing uses.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The resolved problem as TOML: reading it again gives an equal problem.
    pub fn to_toml(&self) -> String {
        write::problem(self)
    }

    /// The value of a constant.
    pub fn constant(&self, name: &str) -> Option<f64> {
        self.constants.iter().find(|c| c.name == name).map(|c| c.value)
    }

    /// The evaluation grid's coordinates, for each coordinate in order, ends included.
    pub fn axes(&self) -> Vec<Vec<f64>> {
        let range = self.domain.lower().iter().zip(self.domain.upper());
        range.zip(&self.evaluation).map(|((&a, &b), &n)| linspace(a, b, n)).collect()
    }

    /// The trial function A + B N that satisfies all hard Dirichlet and initial conditions for any network N, if there are
    /// such conditions. Errors: hard conditions that contradict each other where faces meet.
    pub fn trial(&self) -> Result<Option<Trial>> {
        trial::build(self)
    }
}

/// `n` equidistant numbers from `a` to `b`, both exact.
pub(crate) fn linspace(a: f64, b: f64, n: usize) -> Vec<f64> {
    let last = (n.max(2) - 1) as f64;
    (0..n).map(|i| if i + 1 == n && n > 1 { b } else { a + (b - a) * (i as f64 / last) }).collect()
}
