//! What a run must allocate, compared with what there is before anything is allocated: a failed allocation of the host ends the
//! process.
//!
//! The estimates are lower bounds (arrays that certainly exist at the same time), so that no run that fits is refused.

use crate::error::{Error, Result};
use crate::gpu::{Gpu, available_memory};
use crate::pinns::problem::{Problem, Site, Stage};

/// The bound of the host where the system does not tell what it has: 64 GiB.
const HOST_BYTES: u64 = 1 << 36;

/// The sizes of a run. All counts are u128: products of the largest counts that a file may hold do not fit fewer bits.
struct Sizes {
    /// Rows of the Jacobian: points of all blocks.
    rows: u128,
    /// The largest block.
    block: u128,
    /// The most points that are drawn at once (candidates of adaptive sampling included).
    drawn: u128,
    dimension: u128,
    parameters: u128,
    /// The key that holds most of the rows, and its value.
    points: (&'static str, String),
    /// The key that makes most of the parameters, and its value.
    network: (&'static str, String),
}

impl Sizes {
    fn of(problem: &Problem) -> Result<Self> {
        let sampling = &problem.sampling;
        let blocks = problem.blocks()?;
        let rows = blocks.iter().map(|b| b.points as u128).sum();
        let largest = blocks.iter().max_by_key(|b| b.points);
        let block = largest.map_or(0, |b| b.points as u128);
        // A block on faces has the points of `initial` if it is an initial condition.
        let points = match largest.map(|b| &b.site) {
            Some(Site::Faces(_) | Site::Pair(_)) if block == sampling.boundary as u128 => {
                ("sampling.boundary", sampling.boundary)
            }
            Some(Site::Faces(_) | Site::Pair(_)) => ("sampling.initial", sampling.initial),
            _ => ("sampling.interior", sampling.interior),
        };
        let candidates = match &sampling.adaptive {
            Some(adaptive) if sampling.resample > 0 => sampling.interior as u128 * adaptive.candidates as u128,
            _ => 0,
        };
        let dimension = problem.domain.dimension() as u128;
        let inputs = problem.network.fourier.map_or(dimension, |f| 2 * f.features as u128);
        let hidden = &problem.network.hidden;
        let mut parameters = 0u128;
        let mut before = inputs;
        for width in hidden.iter().map(|&w| w as u128).chain([1]) {
            parameters = parameters.saturating_add((before + 1) * width);
            before = width;
        }
        let widest = hidden.iter().max().map_or(0, |&w| w as u128);
        let network = match problem.network.fourier {
            Some(f) if inputs > widest => ("network.fourier.features", f.features.to_string()),
            _ => ("network.hidden", format!("{hidden:?}")),
        };
        let points = (points.0, points.1.to_string());
        Ok(Sizes { rows, block, drawn: block.max(candidates), dimension, parameters, points, network })
    }

    /// The key to blame for a product of rows and parameters: the larger factor.
    fn larger(&self) -> &(&'static str, String) {
        if self.rows >= self.parameters { &self.points } else { &self.network }
    }
}

/// Refuses a run whose points, parameters, Jacobian or normal equations cannot fit the device's largest binding or the memory
/// that the host has left (on Linux what the system tells, elsewhere 64 GiB).
///
/// # Errors
/// [`Error::Argument`] with the key to lower, the bytes asked for and the limit.
pub fn check_memory(gpu: &Gpu, problem: &Problem) -> Result<()> {
    let sizes = Sizes::of(problem)?;
    let least_squares = problem.stages.iter().any(|s| matches!(s, Stage::Lm { .. }));
    let (rows, parameters, dimension) = (sizes.rows, sizes.parameters, sizes.dimension);
    let binding = u128::from(gpu.facts().limits.storage_binding_bytes);
    let of_device = format!("one storage binding of {}", gpu.facts().name);
    let host = u128::from(available_memory().unwrap_or(HOST_BYTES));
    let of_host = "the memory that is available";
    let require = |what: String, bytes: u128, limit: u128, place: &str, key: &(&'static str, String), remedy: &str| {
        if bytes <= limit {
            return Ok(());
        }
        let expected = format!("{what} within {} ({place}), not {}: take {remedy}", size(limit), size(bytes));
        Err(Error::argument(key.0, expected, &key.1))
    };
    let points = |n: u128| format!("coordinates of {n} points");
    let (fewer, smaller) = ("fewer points", "a smaller network");
    let bytes = sizes.block.saturating_mul(4 * dimension);
    require(points(sizes.block), bytes, binding, &of_device, &sizes.points, fewer)?;
    // While points are drawn: fractions of their ranges in f64, coordinates in f32.
    let drawn = sizes.drawn.saturating_mul(12 * dimension);
    require(points(sizes.drawn), drawn, host, of_host, &sizes.points, fewer)?;
    let bytes = parameters.saturating_mul(4);
    require(format!("{parameters} parameters"), bytes, binding, &of_device, &sizes.network, smaller)?;
    if !least_squares {
        return Ok(());
    }
    let jacobian = format!("a Jacobian of {rows} rows and {parameters} columns");
    let entries = rows.saturating_mul(parameters);
    let remedy = "fewer points, a smaller network or Adam";
    require(jacobian.clone(), entries.saturating_mul(4), binding, &of_device, sizes.larger(), remedy)?;
    // Read back in f32, widened to f64.
    let of_jacobian = entries.saturating_mul(4 + 8);
    require(jacobian, of_jacobian, host, of_host, sizes.larger(), remedy)?;
    // J^T J, its damped copy and the Cholesky factor, in f64.
    let gram = parameters.saturating_mul(parameters).saturating_mul(3 * 8);
    let normal = format!("normal equations of {parameters} parameters");
    require(normal, gram.saturating_add(of_jacobian), host, of_host, &sizes.network, "a smaller network or Adam")
}

/// Bytes in the largest unit that keeps a digit before the point.
fn size(bytes: u128) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}
