//! The tape in f64 on the host: the independent reference of every gradient test and every kernel.

use super::{Action, Tape};
use crate::error::{Error, Result};
use crate::ops::{HostArray, Spec, reference};

impl Tape {
    /// Runs the tape in f64. `arguments` in the order of the inputs.
    ///
    /// # Errors
    /// Arguments that do not fit; an index out of range.
    pub fn interpret(&self, arguments: &[HostArray]) -> Result<Vec<HostArray>> {
        let specs: Vec<Spec> = arguments.iter().map(HostArray::spec).collect();
        self.check_arguments("interpret", &specs)?;
        let mut last_use: Vec<usize> = (0..self.nodes.len()).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            node.inputs.iter().for_each(|i| last_use[i.index()] = index);
        }
        self.output_ids().iter().for_each(|(_, v)| last_use[v.index()] = usize::MAX);
        let mut values: Vec<Option<HostArray>> = vec![None; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            let position = self.input_ids().iter().position(|(_, v)| v.index() == index);
            let value = match position {
                Some(position) => arguments[position].clone(),
                None => self.interpret_node(index, &values)?,
            };
            values[index] = Some(value);
            for input in node.inputs.iter().filter(|i| last_use[i.index()] == index) {
                values[input.index()] = None;
            }
        }
        let missing = || Error::argument("interpret", "an output that was computed", "none");
        self.output_ids().iter().map(|(_, v)| values[v.index()].clone().ok_or_else(missing)).collect()
    }

    fn interpret_node(&self, index: usize, values: &[Option<HostArray>]) -> Result<HostArray> {
        let node = &self.nodes[index];
        let gone = || Error::argument("interpret", "operands computed before their use", "a tape out of order");
        let inputs: Vec<&HostArray> =
            node.inputs.iter().map(|i| values[i.index()].as_ref().ok_or_else(gone)).collect::<Result<_>>()?;
        match &node.action {
            Action::Op(op) => reference(op, &inputs),
            Action::Custom(custom) => {
                let owned: Vec<HostArray> = inputs.into_iter().cloned().collect();
                Ok(custom.decomposition.interpret(&owned)?.swap_remove(0))
            }
        }
    }
}
