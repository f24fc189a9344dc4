//! Packed parameters: every array of a model in one flat buffer, so that an optimiser's step is one dispatch.

use crate::error::{Error, Result};
use crate::tape::Var;
use crate::tensor::{Array, Shape};
use std::collections::BTreeMap;

/// One named array inside the packed buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name, such as `layer0.weight`.
    pub name: String,
    /// Shape of the array.
    pub shape: Shape,
    /// First element in the packed buffer.
    pub offset: usize,
}

/// Names, shapes and positions of the arrays of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packing {
    entries: Vec<Entry>,
    total: usize,
}

impl Packing {
    /// Appends an array and gives its number.
    pub fn push(&mut self, name: impl Into<String>, shape: impl Into<Shape>) -> usize {
        let shape = shape.into();
        let elements = shape.elements();
        self.entries.push(Entry { name: name.into(), shape, offset: self.total });
        self.total += elements;
        self.entries.len() - 1
    }

    /// The arrays in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of parameters.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Array `number` of a packed `theta` `[total]`.
    #[track_caller]
    pub fn unpack(&self, theta: &Var, number: usize) -> Var {
        let entry = &self.entries[number];
        theta.slice_axis(0, entry.offset, entry.shape.elements()).reshape(entry.shape.clone())
    }

    /// The arrays of packed values, by name, for files.
    ///
    /// # Errors
    /// A wrong number of values.
    pub fn split(&self, values: &[f32]) -> Result<BTreeMap<String, Array>> {
        if values.len() != self.total {
            return Err(Error::argument("packed parameters", format!("{} values", self.total), values.len()));
        }
        let part = |e: &Entry| {
            let slice = &values[e.offset..e.offset + e.shape.elements()];
            Array::f32(e.shape.clone(), slice).map(|a| (e.name.clone(), a))
        };
        self.entries.iter().map(part).collect()
    }

    /// Packs named arrays.
    ///
    /// # Errors
    /// An array that is missing, has another shape or is no f32 array.
    pub fn join(&self, arrays: &BTreeMap<String, Array>) -> Result<Vec<f32>> {
        let mut values = Vec::with_capacity(self.total);
        for entry in &self.entries {
            let array = arrays.get(&entry.name).ok_or_else(|| {
                Error::argument(format!("array `{}`", entry.name), format!("f32{}", entry.shape), "nothing")
            })?;
            if *array.shape() != entry.shape {
                let expected = format!("shape {}", entry.shape);
                return Err(Error::argument(format!("array `{}`", entry.name), expected, array.shape()));
            }
            values.extend_from_slice(array.as_f32(&entry.name)?);
        }
        Ok(values)
    }
}
