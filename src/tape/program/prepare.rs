//! The tape rewritten into ops that have kernels: padding becomes joins, which are computed in place; a custom op without a
//! kernel becomes its decomposition.

use crate::error::Result;
use crate::ops::{Emit, Op, Spec, ValueId};
use crate::tape::builder::Builder;
use crate::tape::{Action, Tape};
use crate::tensor::{DType, Data};

impl Tape {
    pub(super) fn with_kernels_only(&self) -> Result<Tape> {
        let mut b = Builder::new();
        let mut values: Vec<ValueId> = Vec::with_capacity(self.nodes().len());
        for (index, node) in self.nodes().iter().enumerate() {
            b.caller = node.caller;
            let inputs: Vec<ValueId> = node.inputs.iter().map(|i| values[i.index()]).collect();
            let value = match &node.action {
                Action::Op(Op::Pad { before, value, .. }) => pad(&mut b, inputs[0], before, *value, &node.spec),
                Action::Op(op) => b.emit(op.clone(), &inputs),
                Action::Custom(custom) if custom.kernel.is_none() => {
                    custom.decomposition.inline_ids(&mut b, &inputs)[0]
                }
                Action::Custom(custom) => b.custom(custom, &inputs),
            };
            if let Some((name, _)) = self.input_ids().iter().find(|(_, v)| v.index() == index) {
                b.inputs.push((name.clone(), value));
            }
            values.push(value);
        }
        // The inputs keep the order in which they were recorded.
        let order = |name: &str| self.input_ids().iter().position(|(n, _)| n == name);
        b.inputs.sort_by_key(|(name, _)| order(name));
        b.outputs = self.output_ids().iter().map(|(name, v)| (name.clone(), values[v.index()])).collect();
        Tape::from_builder(b)
    }
}

/// Border elements joined in front and behind, one axis after the other.
fn pad(b: &mut Builder, input: ValueId, before: &[usize], value: u32, spec: &Spec) -> ValueId {
    let mut padded = input;
    for axis in 0..spec.shape.rank() {
        let inner = b.spec(padded).shape.to_vec();
        let after = spec.shape[axis] - before[axis] - inner[axis];
        let mut parts = Vec::with_capacity(3);
        let border = |b: &mut Builder, size: usize| {
            let mut shape = inner.clone();
            shape[axis] = size;
            (size > 0).then(|| crate::ops::emit::fill(b, element(spec.dtype, value), shape.into()))
        };
        parts.extend(border(b, before[axis]));
        parts.push(padded);
        parts.extend(border(b, after));
        padded = b.emit(Op::Concat { axis }, &parts);
    }
    padded
}

/// One element of the dtype from its bits (see [`Op::Pad`]).
fn element(dtype: DType, bits: u32) -> Data {
    match dtype {
        DType::F32 => Data::F32(vec![f32::from_bits(bits)]),
        DType::U32 => Data::U32(vec![bits]),
        DType::I32 => Data::I32(vec![bits as i32]),
        DType::Bool => Data::Bool(vec![bits != 0]),
    }
}
