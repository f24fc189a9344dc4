//! Collocation points: interior of a box and its faces, from a counter-based generator, so that the points of a run depend
//! on nothing but its seed, the stream and their index.
//!
//! All arithmetic is f64; coordinates are rounded to f32 at the end and kept strictly inside the open box (a point that
//! rounds onto a face moves one f32 inwards), because a residual is only required to hold in the interior.

use super::philox::Philox;
use crate::error::{Error, Result};

/// An axis-parallel box, `lower[k] < upper[k]` for each coordinate.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Domain {
    /// A box from its two corners. Errors: no coordinate, lengths that differ, a bound that is not finite, an empty range, or
    /// a range so narrow that no f32 lies strictly inside.
    pub fn new(lower: impl Into<Vec<f64>>, upper: impl Into<Vec<f64>>) -> Result<Self> {
        let (lower, upper) = (lower.into(), upper.into());
        if lower.is_empty() || lower.len() != upper.len() {
            return Err(Error::argument(
                "domain",
                "as many lower as upper bounds, at least one",
                format!("{} and {}", lower.len(), upper.len()),
            ));
        }
        for (k, (&a, &b)) in lower.iter().zip(&upper).enumerate() {
            let open = a.is_finite() && b.is_finite() && (a as f32).next_up() < b as f32;
            if !open {
                let expected = "finite bounds, lower < upper, with room for a single-precision number between them";
                return Err(Error::argument(format!("domain, coordinate {k}"), expected, format!("[{a}, {b}]")));
            }
        }
        Ok(Domain { lower, upper })
    }

    /// Number of coordinates.
    pub fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// Lower corner.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// Upper corner.
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// The coordinate `k` at the fraction `s` of its range, as an f32 strictly inside the range.
    fn inside(&self, k: usize, s: f64) -> f32 {
        let (a, b) = (self.lower[k], self.upper[k]);
        let x = (a + s * (b - a)) as f32;
        x.clamp((a as f32).next_up(), (b as f32).next_down())
    }
}

/// One end of a coordinate's range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The smaller end.
    Lower,
    /// The larger end.
    Upper,
}

/// A face of the box: one coordinate held at one end of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Face {
    /// Index of the coordinate.
    pub coordinate: usize,
    /// Which end.
    pub side: Side,
}

/// How points are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Independent and uniform.
    Uniform,
    /// Latin hypercube: every coordinate has exactly one point in each of `n` equal strata (McKay, Beckman and Conover 1979).
    LatinHypercube,
    /// Centres of a regular grid of cells. The largest grid with at most the wanted number of cells, as even as possible.
    Grid,
}

impl Method {
    /// The names used in problem files.
    pub const NAMES: [&'static str; 3] = ["uniform", "lhs", "grid"];

    /// Name in problem files.
    pub fn name(self) -> &'static str {
        match self {
            Method::Uniform => "uniform",
            Method::LatinHypercube => "lhs",
            Method::Grid => "grid",
        }
    }

    /// The method of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Method::Uniform, Method::LatinHypercube, Method::Grid].into_iter().find(|m| m.name() == name)
    }
}

/// Points of one dimension, row-major `[points, dimension]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    dimension: usize,
    values: Vec<f32>,
}

impl Points {
    /// Points from row-major coordinates. Errors: a length that is no multiple of `dimension`.
    pub fn new(dimension: usize, values: Vec<f32>) -> Result<Self> {
        if dimension == 0 || !values.len().is_multiple_of(dimension) {
            let expected = format!("a multiple of the dimension ({dimension}, at least 1) coordinates");
            return Err(Error::argument("points", expected, values.len()));
        }
        Ok(Points { dimension, values })
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.values.len() / self.dimension
    }

    /// True when there is no point.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Number of coordinates of a point.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Row-major coordinates `[points, dimension]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Point after point.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimension)
    }
}

/// `n` points of the open box (fewer with [`Method::Grid`]). `stream` tells draws of one seed apart: use another for each set of
/// points and each resampling.
pub fn interior(domain: &Domain, n: usize, method: Method, seed: u64, stream: u32) -> Points {
    let axes: Vec<usize> = (0..domain.dimension()).collect();
    spread(domain, &axes, None, n, method, seed, stream)
}

/// `n` points (fewer with [`Method::Grid`]) of the relative interior of a face: its coordinate is exactly the f32 next to the
/// bound, the others lie in their open ranges. In one dimension a face is a point: one row comes back. Errors: a coordinate
/// that the box does not have.
pub fn face(domain: &Domain, face: Face, n: usize, method: Method, seed: u64, stream: u32) -> Result<Points> {
    let d = domain.dimension();
    if face.coordinate >= d {
        return Err(Error::argument("face coordinate", format!("an index below {d}"), face.coordinate));
    }
    let axes: Vec<usize> = (0..d).filter(|&k| k != face.coordinate).collect();
    let n = if axes.is_empty() { n.min(1) } else { n };
    Ok(spread(domain, &axes, Some(face), n, method, seed, stream))
}

/// How points are drawn from candidates where a residual is large: with probability proportional to
/// |r|^power / mean(|r|^power) + floor (residual-based adaptive distribution, Wu et al., CMAME 403 (2023) 115671).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concentration {
    /// Exponent of the residual.
    pub power: f64,
    /// Share of the uniform distribution.
    pub floor: f64,
}

/// Draws `n` of the candidates without replacement, and the weight of each: 1 / (probability * candidates), so that the
/// weighted mean square over the drawn points estimates the plain one over the domain. Concentrating points then lowers the
/// variance of the loss without changing what is minimised.
/// Errors: fewer candidates than `n`, a number of residuals that is not theirs, a residual that is not finite.
pub fn concentrated(
    candidates: &Points,
    residuals: &[f32],
    n: usize,
    concentration: Concentration,
    seed: u64,
    stream: u32,
) -> Result<(Points, Vec<f32>)> {
    let m = candidates.len();
    if residuals.len() != m || n > m {
        let expected = format!("a residual for each candidate and at least {n} candidates");
        return Err(Error::argument("candidates", expected, format!("{m} points, {} residuals", residuals.len())));
    }
    if let Some(i) = residuals.iter().position(|r| !r.is_finite()) {
        let problem = format!("the residual at candidate {i} is {}; no points can be drawn", residuals[i]);
        return Err(Error::Numerical { origin: "adaptive sampling".into(), problem });
    }
    let size: Vec<f64> = residuals.iter().map(|r| f64::from(r.abs()).powf(concentration.power)).collect();
    let mean = size.iter().sum::<f64>() / m as f64;
    // A residual that vanishes everywhere gives no preference.
    let raw = |v: f64| if mean > 0.0 { v / mean + concentration.floor } else { 1.0 };
    let total: f64 = size.iter().map(|&v| raw(v)).sum();
    let generator = Philox::new(seed, stream);
    // The n smallest of independent exponential times with these rates are a draw without replacement (Efraimidis and
    // Spirakis 2006). Candidates of rate 0 come last; there are enough others unless fewer than n residuals differ from 0.
    let mut order: Vec<(f64, usize)> =
        (0..m).map(|i| (-generator.fraction(i as u64, u32::MAX).ln() / raw(size[i]), i)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<usize> = order[..n].iter().map(|(_, i)| *i).collect();
    chosen.sort();
    let d = candidates.dimension();
    let values = chosen.iter().flat_map(|&i| &candidates.values()[i * d..(i + 1) * d]).copied().collect();
    // A candidate of probability 0 contributes its residual 0 with any weight: 0 keeps the arithmetic finite.
    let weight = |i: usize| if raw(size[i]) > 0.0 { (total / (raw(size[i]) * m as f64)) as f32 } else { 0.0 };
    Ok((Points { dimension: d, values }, chosen.iter().map(|&i| weight(i)).collect()))
}

/// Points of any face with the one coordinate left out, or of the whole box.
fn spread(
    domain: &Domain,
    axes: &[usize],
    held: Option<Face>,
    n: usize,
    method: Method,
    seed: u64,
    stream: u32,
) -> Points {
    let d = domain.dimension();
    let fractions = match method {
        Method::Uniform => uniform(n, axes.len(), seed, stream),
        Method::LatinHypercube => latin_hypercube(n, axes.len(), seed, stream),
        Method::Grid => grid(n, axes.len()),
    };
    let rows = if axes.is_empty() { n } else { fractions.len() / axes.len() };
    let mut values = vec![0.0f32; rows * d];
    for (i, row) in values.chunks_exact_mut(d).enumerate() {
        for (j, &k) in axes.iter().enumerate() {
            row[k] = domain.inside(k, fractions[i * axes.len() + j]);
        }
        if let Some(Face { coordinate, side }) = held {
            let bounds = if side == Side::Lower { &domain.lower } else { &domain.upper };
            row[coordinate] = bounds[coordinate] as f32;
        }
    }
    Points { dimension: d, values }
}

/// Independent uniform fractions `[n, d]`, each in (0, 1).
fn uniform(n: usize, d: usize, seed: u64, stream: u32) -> Vec<f64> {
    let generator = Philox::new(seed, stream);
    (0..n * d).map(|i| generator.fraction((i / d) as u64, (i % d) as u32)).collect()
}

/// Latin hypercube fractions `[n, d]`: coordinate k of point i is (p_k(i) + u) / n with a random permutation p_k.
fn latin_hypercube(n: usize, d: usize, seed: u64, stream: u32) -> Vec<f64> {
    let generator = Philox::new(seed, stream);
    let mut fractions = vec![0.0; n * d];
    for k in 0..d {
        // The jitter uses the blocks 0..d of the counter, the permutation the blocks d..2d: no number is used twice.
        let strata = permutation(n, &generator, (d + k) as u32);
        for (i, stratum) in strata.into_iter().enumerate() {
            fractions[i * d + k] = (stratum as f64 + generator.fraction(i as u64, k as u32)) / n as f64;
        }
    }
    fractions
}

/// A random permutation of `0..n` (Fisher and Yates).
fn permutation(n: usize, generator: &Philox, block: u32) -> Vec<usize> {
    let mut p: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        let j = (generator.fraction(i as u64, block) * (i + 1) as f64) as usize;
        p.swap(i, j.min(i));
    }
    p
}

/// Cell centres of the largest, most even grid with at most `n` cells, first coordinate slowest: fractions `[cells, d]`.
fn grid(n: usize, d: usize) -> Vec<f64> {
    if n == 0 || d == 0 {
        return Vec::new();
    }
    let mut counts = vec![1usize; d];
    // Growing the smallest count keeps the grid even; a coordinate that no longer fits ends the growth, since all others
    // are at least as large and would exceed `n` as well.
    loop {
        let k = (0..d).min_by_key(|&k| counts[k]).unwrap_or(0);
        let others: usize = counts.iter().enumerate().filter(|&(j, _)| j != k).map(|(_, c)| c).product();
        if others.saturating_mul(counts[k] + 1) > n {
            break;
        }
        counts[k] += 1;
    }
    let cells: usize = counts.iter().product();
    let mut fractions = Vec::with_capacity(cells * d);
    for cell in 0..cells {
        let mut rest = cell;
        let mut row = vec![0.0; d];
        for k in (0..d).rev() {
            row[k] = ((rest % counts[k]) as f64 + 0.5) / counts[k] as f64;
            rest /= counts[k];
        }
        fractions.extend(row);
    }
    fractions
}
