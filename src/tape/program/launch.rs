//! A dispatch before it meets a device: which shader, what it binds, its parameters and its grid.

use super::elementwise::Generated;
use crate::error::{Error, Result};
use crate::gpu::{Composed, Composer, fold_groups};

/// Where a kernel's WGSL comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// Generated.
    Text(String),
    /// A file of the shader tree with values and text blocks for the composer.
    File { key: &'static str, defines: Vec<(&'static str, i64)>, inserts: Vec<(&'static str, String)> },
    /// A fused kernel of an upper layer.
    Custom { key: String, entry: String, defines: Vec<(String, i64)> },
}

/// One dispatch.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub label: String,
    pub source: Source,
    /// Buffer and whether it is written, in binding order.
    pub bindings: Vec<(usize, bool)>,
    pub params: Vec<u32>,
    pub groups: [u32; 3],
    /// The fault word is bound last.
    pub faults: bool,
}

impl Launch {
    pub fn entry(&self) -> &str {
        match &self.source {
            Source::Custom { entry, .. } => entry,
            _ => "main",
        }
    }

    pub fn compose(&self) -> Result<Composed> {
        match &self.source {
            Source::Text(text) => Composer::new().compose_text(&self.label, text),
            Source::File { key, defines, inserts } => {
                let mut composer = Composer::new();
                for (name, value) in defines {
                    composer = composer.define(name, *value);
                }
                for (name, text) in inserts {
                    composer = composer.insert(name, text);
                }
                composer.compose(key)
            }
            Source::Custom { key, defines, .. } => {
                let mut composer = Composer::new();
                for (name, value) in defines {
                    composer = composer.define(name, *value);
                }
                composer.compose(key)
            }
        }
    }
}

impl From<Generated> for Launch {
    fn from(kernel: Generated) -> Self {
        Launch {
            label: kernel.label,
            source: Source::Text(kernel.text),
            bindings: kernel.bindings,
            params: kernel.params,
            groups: kernel.groups,
            faults: kernel.faults,
        }
    }
}

/// A parameter word.
pub(super) fn word(value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::argument("array", "fewer than 2^32 elements", value))
}

/// Parameter words.
pub(super) fn words(values: &[usize]) -> Result<Vec<u32>> {
    values.iter().map(|&v| word(v)).collect()
}

/// Workgroups of 64 invocations for `items` invocations.
pub(super) fn groups_of_64(items: usize) -> [u32; 3] {
    fold_groups(items.div_ceil(64) as u64)
}
