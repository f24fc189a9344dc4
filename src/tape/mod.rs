//! Recorded programs: SSA over typed, shaped values, plain data.
//!
//! [`Tape::record`] runs a closure over [`Var`]s; shapes are checked while recording and an error names the op, the shapes and
//! the caller's line. A tape is differentiated into another tape ([`Recorder::gradient`], [`Tape::jet`]), batched
//! ([`Tape::vmap`]), run in f64 on the host ([`Tape::interpret`], the reference of every gradient and every kernel) and
//! compiled into a [`Program`](program::Program) that replays on a device.

mod bound;
mod builder;
mod custom;
mod functions;
mod interpret;
mod jet;
mod listing;
pub mod named;
mod peephole;
pub mod program;
mod recorder;
mod reverse;
mod var;
mod vmap;

pub use builder::{Action, Node};
pub use custom::{CustomKernel, CustomOp};
pub use recorder::Recorder;
pub use var::{Var, concat};

use crate::error::{Error, Result};
use crate::ops::{Spec, ValueId};
use builder::Builder;

/// A recorded program.
#[derive(Debug, Clone)]
pub struct Tape {
    nodes: Vec<Node>,
    inputs: Vec<(String, ValueId)>,
    outputs: Vec<(String, ValueId)>,
}

impl Tape {
    /// Records what `program` does; the tape keeps the values that its outputs need, and every input.
    ///
    /// # Errors
    /// The first op whose operands do not fit, with the line that recorded it; whatever `program` returns.
    #[track_caller]
    pub fn record(program: impl FnOnce(&Recorder) -> Result<()>) -> Result<Tape> {
        let recorder = Recorder::new();
        program(&recorder)?;
        recorder.finish()
    }

    /// Values in the order in which they are computed.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Names, in order, and specs of the arguments.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &Spec)> {
        self.inputs.iter().map(|(name, v)| (name.as_str(), &self.nodes[v.index()].spec))
    }

    /// Names, in order, and specs of the results.
    pub fn outputs(&self) -> impl Iterator<Item = (&str, &Spec)> {
        self.outputs.iter().map(|(name, v)| (name.as_str(), &self.nodes[v.index()].spec))
    }

    pub(super) fn input_ids(&self) -> &[(String, ValueId)] {
        &self.inputs
    }

    pub(super) fn output_ids(&self) -> &[(String, ValueId)] {
        &self.outputs
    }

    /// Keeps what the outputs need, and the inputs; numbers the values anew.
    fn from_builder(builder: Builder) -> Result<Tape> {
        if let Some(error) = builder.error {
            return Err(error);
        }
        let mut needed = vec![false; builder.nodes.len()];
        builder.inputs.iter().chain(&builder.outputs).for_each(|(_, v)| needed[v.index()] = true);
        for index in (0..needed.len()).rev() {
            if needed[index] {
                builder.nodes[index].inputs.iter().for_each(|i| needed[i.index()] = true);
            }
        }
        let mut renumbered = vec![ValueId(0); needed.len()];
        let mut nodes = Vec::new();
        for (index, mut node) in builder.nodes.into_iter().enumerate() {
            if needed[index] {
                node.inputs.iter_mut().for_each(|i| *i = renumbered[i.index()]);
                renumbered[index] = ValueId(nodes.len() as u32);
                nodes.push(node);
            }
        }
        let rename = |list: Vec<(String, ValueId)>| {
            list.into_iter().map(|(name, v)| (name, renumbered[v.index()])).collect::<Vec<_>>()
        };
        Ok(Tape { nodes, inputs: rename(builder.inputs), outputs: rename(builder.outputs) })
    }

    /// Checks the number and specs of arguments.
    fn check_arguments(&self, what: &str, specs: &[Spec]) -> Result<()> {
        if specs.len() != self.inputs.len() {
            return Err(Error::argument(what, format!("{} arguments", self.inputs.len()), specs.len()));
        }
        for ((name, expected), got) in self.inputs().zip(specs) {
            if expected != got {
                return Err(Error::argument(format!("{what}: argument `{name}`"), expected.to_string(), got));
            }
        }
        Ok(())
    }
}
