//! Fused kernels as ops. A custom op is its decomposition into other ops plus a kernel that computes the same faster: shape,
//! f64 reference, derivatives of any order and batching all come from the decomposition.

use super::Tape;
use super::builder::Builder;
use crate::ops::{Cotangent, Spec, ValueId};
use std::hash::{Hash, Hasher};

/// How a custom op runs on a device. Bindings are the contiguous operands in order, then the result.
#[derive(Debug, Clone)]
pub struct CustomKernel {
    /// Composer key of the WGSL file, such as `kernels/name`.
    pub source: String,
    /// Entry point.
    pub entry: String,
    /// Values for the composer.
    pub defines: Vec<(String, i64)>,
    /// Words of the parameter block for operands and result of these specs.
    pub params: fn(&[Spec], &Spec) -> Vec<u32>,
    /// Workgroups to dispatch.
    pub groups: fn(&[Spec], &Spec) -> [u32; 3],
}

/// An op given by its decomposition, with an optional fused kernel.
#[derive(Debug, Clone)]
pub struct CustomOp {
    /// Name in messages, listings and profiles.
    pub name: String,
    /// What the op computes: one output, inputs in the order of the operands.
    pub decomposition: Tape,
    /// The fused kernel; without it the decomposition runs.
    pub kernel: Option<CustomKernel>,
}

impl CustomOp {
    /// The spec of the result, or what does not fit.
    pub fn infer(&self, inputs: &[Spec]) -> Result<Spec, String> {
        let expected: Vec<Spec> = self.decomposition.inputs().map(|(_, spec)| spec.clone()).collect();
        if expected != inputs {
            let list = |specs: &[Spec]| specs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(format!("takes ({}), got ({})", list(&expected), list(inputs)));
        }
        match self.decomposition.outputs().collect::<Vec<_>>()[..] {
            [(_, spec)] => Ok(spec.clone()),
            ref outputs => Err(format!("the decomposition has {} outputs, expected one", outputs.len())),
        }
    }

    /// Cotangents through the decomposition, recorded again from the operands.
    pub(super) fn vjp(&self, b: &mut Builder, inputs: &[ValueId], g: ValueId) -> Vec<Option<Cotangent>> {
        let output = self.decomposition.inline_ids(b, inputs)[0];
        let cotangents = super::reverse::reverse(b, &[(output, g)], inputs);
        // A value that stands twice among the operands gets its whole cotangent once.
        let first = |i: usize| !inputs[..i].contains(&inputs[i]);
        let each = cotangents.into_iter().enumerate();
        each.map(|(i, c)| c.filter(|_| first(i)).map(Cotangent::Whole)).collect()
    }
}

/// Equal when name and kernel are the same and the decomposition is the same list of nodes.
impl PartialEq for CustomOp {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.kernel.is_some() == other.kernel.is_some()
            && self.decomposition.to_string() == other.decomposition.to_string()
    }
}

impl Hash for CustomOp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
