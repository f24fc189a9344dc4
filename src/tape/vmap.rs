//! Batching: a tape on operands some of which have one more leading axis.

use super::builder::Builder;
use super::recorder::Recorder;
use super::var::Var;
use super::{Action, Tape};
use crate::error::{Error, Result};
use crate::ops::{Lane, ValueId, batched, vmap};
use crate::tensor::DType;

impl Tape {
    /// Records this tape for `size` lanes at once: `arguments[i]` with `true` has a leading batch axis, with `false` all lanes
    /// share it. Every output gets the batch axis in front.
    ///
    /// # Errors
    /// Arguments that do not fit the tape's inputs.
    #[track_caller]
    pub fn vmap(&self, recorder: &Recorder, arguments: &[(&Var, bool)], size: usize) -> Result<Vec<Var>> {
        recorder.at_caller();
        let expected: Vec<_> = self.inputs().map(|(name, spec)| (name.to_string(), spec.clone())).collect();
        if expected.len() != arguments.len() {
            return Err(Error::argument("vmap", format!("{} arguments", expected.len()), arguments.len()));
        }
        for ((name, mut spec), (var, is_batched)) in expected.into_iter().zip(arguments) {
            if *is_batched {
                spec.shape = spec.shape.with_leading(size);
            }
            if spec != var.spec() {
                return Err(Error::argument(format!("vmap: argument `{name}`"), spec.to_string(), var.spec()));
            }
        }
        let lanes: Vec<Lane> =
            arguments.iter().map(|(v, on)| Lane { value: recorder.id_of(v), batched: *on }).collect();
        let outputs = self.vmap_ids(&mut recorder.0.borrow_mut(), &lanes, size);
        Ok(outputs.into_iter().map(|id| recorder.var(id)).collect())
    }

    fn vmap_ids(&self, b: &mut Builder, arguments: &[Lane], size: usize) -> Vec<ValueId> {
        let lanes = self.lanes(b, arguments, size);
        lanes.into_iter().map(|lane| batched(b, lane, size)).collect()
    }

    fn lanes(&self, b: &mut Builder, arguments: &[Lane], size: usize) -> Vec<Lane> {
        let mut values: Vec<Lane> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let inputs: Vec<Lane> = node.inputs.iter().map(|i| values[i.index()]).collect();
            let position = self.input_ids().iter().position(|(_, v)| v.index() == index);
            values.push(match (&node.action, position) {
                (_, Some(position)) => arguments[position],
                (Action::Op(op), None) => vmap(b, op, &inputs, size),
                (Action::Custom(custom), None) => custom.decomposition.lanes(b, &inputs, size).swap_remove(0),
            });
        }
        self.output_ids().iter().map(|(_, v)| values[v.index()]).collect()
    }

    /// This tape for `size` lanes, as a tape; `is_batched` says which inputs get the batch axis.
    ///
    /// # Errors
    /// A wrong number of flags.
    pub fn vmapped(&self, is_batched: &[bool], size: usize) -> Result<Tape> {
        if is_batched.len() != self.input_ids().len() {
            return Err(Error::argument("vmapped", format!("{} flags", self.input_ids().len()), is_batched.len()));
        }
        Tape::record(|r| {
            let mut arguments: Vec<(Var, bool)> = Vec::new();
            for ((name, spec), &on) in self.inputs().zip(is_batched) {
                let shape = if on { spec.shape.with_leading(size) } else { spec.shape.clone() };
                let dtype: DType = spec.dtype;
                arguments.push((r.input(name, shape, dtype), on));
            }
            let refs: Vec<(&Var, bool)> = arguments.iter().map(|(v, on)| (v, *on)).collect();
            let outputs = self.vmap(r, &refs, size)?;
            self.outputs().zip(&outputs).for_each(|((name, _), v)| r.output(name, v));
            Ok(())
        })
    }
}
