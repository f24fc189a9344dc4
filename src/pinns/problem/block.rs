//! What a solver minimises: blocks of residual rows, hard conditions substituted, everything in terms of the network.

use super::equation::Residual;
use super::{Law, Partial, Problem, Trial};
use crate::error::Result;
use crate::expr::{Binary, Dag, Type};
use crate::pinns::sampling::{self, Face, Points, Side};

/// Where a block's rows are taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Site {
    /// In the open domain.
    Interior,
    /// On these faces.
    Faces(Vec<Face>),
    /// On both faces of this coordinate: a row is the residual at the lower face minus that at the opposite point.
    Pair(usize),
}

/// Rows of one kind: the loss is the sum over blocks of `weight` times the mean square of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Name in logs and plots.
    pub name: String,
    /// Where.
    pub site: Site,
    /// Factor of the mean square.
    pub weight: f64,
    /// Number of points.
    pub points: usize,
    /// What is evaluated. Its partials are those of the network N, which is the unknown itself unless there is a [`Trial`].
    pub residual: Residual,
}

impl Problem {
    /// All blocks: residuals first, then the conditions that are not hard.
    pub fn blocks(&self) -> Result<Vec<Block>> {
        let trial = self.trial()?;
        let mut blocks = Vec::new();
        let mut push = |site: Site, weight: f64, points: usize, residual: Residual| -> Result<()> {
            let residual = trial.as_ref().map_or(Ok(residual.clone()), |t: &Trial| t.substitute(&residual))?;
            blocks.push(Block { name: residual.name.clone(), site, weight, points, residual });
            Ok(())
        };
        for residual in &self.residuals {
            push(Site::Interior, residual.weight, self.sampling.interior, residual.clone())?;
        }
        for c in &self.conditions {
            let (site, points) = (Site::Faces(c.faces.clone()), self.sampling.boundary);
            match &c.law {
                Law::Dirichlet(_) | Law::Initial(_) if c.hard => {}
                Law::Dirichlet(value) => push(site, c.weight, points, self.misfit(&c.name, Some(&value.dag), None)?)?,
                Law::Initial(value) => {
                    push(site, c.weight, self.sampling.initial, self.misfit(&c.name, Some(&value.dag), None)?)?;
                }
                Law::Equation(residual) => push(site, c.weight * residual.weight, points, residual.clone())?,
                Law::Periodic(k) => {
                    push(Site::Pair(*k), c.weight, points, self.misfit(&c.name, None, None)?)?;
                    let name = format!("{}_slope", c.name);
                    push(Site::Pair(*k), c.weight, points, self.misfit(&name, None, Some(*k))?)?;
                }
            }
        }
        Ok(blocks)
    }

    /// Fresh points of a block; those of a [`Site::Pair`] lie on the lower face. `draw` counts the resamplings, `index` is the
    /// block's position, so that no two sets of points are alike.
    pub fn points(&self, block: &Block, index: usize, draw: u32) -> Result<Points> {
        let (method, seed) = (self.sampling.method, self.network.seed);
        // Room for 64 faces in a block and 64 blocks in a draw: a domain has two faces a coordinate.
        let stream = |face: usize| draw.wrapping_mul(4096).wrapping_add((index * 64 + face) as u32);
        match &block.site {
            Site::Interior => Ok(sampling::interior(&self.domain, block.points, method, seed, stream(0))),
            Site::Pair(k) => {
                let face = Face { coordinate: *k, side: Side::Lower };
                sampling::face(&self.domain, face, block.points, method, seed, stream(0))
            }
            Site::Faces(faces) => {
                let mut values = Vec::new();
                for (i, face) in faces.iter().enumerate() {
                    // The first faces take the points that do not divide evenly; each face gets at least one.
                    let share = (block.points + faces.len() - 1 - i) / faces.len();
                    let points = sampling::face(&self.domain, *face, share.max(1), method, seed, stream(i))?;
                    values.extend_from_slice(points.values());
                }
                Points::new(self.domain.dimension(), values)
            }
        }
    }

    /// The residual `u - value`, or `u`, or the derivative of `u` by one coordinate.
    fn misfit(&self, name: &str, value: Option<&Dag>, slope: Option<usize>) -> Result<Residual> {
        let mut dag = Dag::new();
        let coordinates: Vec<_> = self.coordinates.iter().map(|_| dag.input(Type::F32)).collect();
        let u = dag.input(Type::F32);
        let output = match value {
            Some(value) => {
                let value = dag.inline(value, &coordinates)?[0];
                dag.binary(Binary::Sub, u, value)?
            }
            None => u,
        };
        dag.output(output);
        let mut orders = vec![0; self.coordinates.len()];
        if let Some(k) = slope {
            orders[k] = 1;
        }
        let partials = vec![Partial { unknown: 0, orders }];
        Ok(Residual { name: name.to_string(), text: String::new(), weight: 1.0, partials, dag })
    }
}
