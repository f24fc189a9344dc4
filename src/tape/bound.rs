//! The tape in f64 on the host, with a bound on how far a device's f32 result may lie from it.

use super::{Action, Tape};
use crate::error::{Error, Result};
use crate::ops::{Exact, HostArray, Spec, bound, reference};

/// A value and the bound of each of its elements.
type Bounded = (HostArray, Vec<f64>);

impl Tape {
    /// Runs the tape in f64, as [`Tape::interpret`], and gives with every output a bound, element by element, on the distance of
    /// a device's result from it; [`ops::within`](crate::ops::within) compares. Arguments that are not f32 count as rounded to it.
    ///
    /// A custom op is bound through its decomposition: a fused kernel must meet what its decomposition promises.
    ///
    /// # Errors
    /// Arguments that do not fit; an index out of range.
    pub fn bounds(&self, arguments: &[HostArray]) -> Result<Vec<Bounded>> {
        let rounding = |a: &HostArray| match &a.data {
            Exact::F32(v) => {
                v.iter().map(|&x| if x.is_finite() { (f64::from(x as f32) - x).abs() } else { 0.0 }).collect()
            }
            _ => vec![0.0; a.shape.elements()],
        };
        self.bounds_of(&arguments.iter().map(|a| (a.clone(), rounding(a))).collect::<Vec<_>>())
    }

    /// As [`Tape::bounds`], for arguments that are themselves known within bounds.
    ///
    /// # Errors
    /// As [`Tape::bounds`].
    pub fn bounds_of(&self, arguments: &[Bounded]) -> Result<Vec<Bounded>> {
        let specs: Vec<Spec> = arguments.iter().map(|(a, _)| a.spec()).collect();
        self.check_arguments("bounds", &specs)?;
        let mut last_use: Vec<usize> = (0..self.nodes.len()).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            node.inputs.iter().for_each(|i| last_use[i.index()] = index);
        }
        self.output_ids().iter().for_each(|(_, v)| last_use[v.index()] = usize::MAX);
        let mut values: Vec<Option<Bounded>> = vec![None; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            let position = self.input_ids().iter().position(|(_, v)| v.index() == index);
            let value = match position {
                Some(position) => arguments[position].clone(),
                None => self.bound_node(index, &values)?,
            };
            values[index] = Some(value);
            for input in node.inputs.iter().filter(|i| last_use[i.index()] == index) {
                values[input.index()] = None;
            }
        }
        let missing = || Error::argument("bounds", "an output that was computed", "none");
        self.output_ids().iter().map(|(_, v)| values[v.index()].clone().ok_or_else(missing)).collect()
    }

    fn bound_node(&self, index: usize, values: &[Option<Bounded>]) -> Result<Bounded> {
        let node = &self.nodes[index];
        let gone = || Error::argument("bounds", "operands computed before their use", "a tape out of order");
        let inputs: Vec<&Bounded> =
            node.inputs.iter().map(|i| values[i.index()].as_ref().ok_or_else(gone)).collect::<Result<_>>()?;
        match &node.action {
            Action::Op(op) => {
                let operands: Vec<&HostArray> = inputs.iter().map(|(a, _)| a).collect();
                let result = reference(op, &operands)?;
                let bounded: Vec<(&HostArray, &[f64])> = inputs.iter().map(|(a, e)| (a, &e[..])).collect();
                let errors = bound(op, &bounded, &result)?;
                Ok((result, errors))
            }
            Action::Custom(custom) => {
                let owned: Vec<Bounded> = inputs.into_iter().cloned().collect();
                Ok(custom.decomposition.bounds_of(&owned)?.swap_remove(0))
            }
        }
    }
}
