//! What an op costs: operations and memory traffic, for choosing kernels and for rooflines.
//!
//! The model counts what the definition of an op needs when it runs alone: every operand read once and the result written once
//! (4 bytes an element, bools included). A fused program moves less, a kernel without enough cache more.

use super::infer::Spec;
use super::op::{Op, Reduction};
use crate::tensor::DType;

/// Operations and bytes of one op.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Arithmetic operations, one each; a multiply-add is two. Integer operations count alike.
    pub flops: u64,
    /// Calls of exp, log, sin, cos, tanh, erf and pow: some twenty operations each, not counted in `flops`.
    pub transcendental: u64,
    /// Bytes read from memory.
    pub bytes_read: u64,
    /// Bytes written to memory.
    pub bytes_written: u64,
}

/// Integer operations of one block of Philox 4x32-10 (Salmon et al. 2011): ten rounds of two wide products (two operations
/// each), four exclusive-ors and two additions to the key.
const PHILOX: u64 = 10 * (4 + 4 + 2);

/// The cost of `op` for operands and a result of these specs, which must be those that [`infer`](super::infer) accepts.
pub fn cost(op: &Op, inputs: &[Spec], output: &Spec) -> Cost {
    let elements = |spec: &Spec| spec.shape.elements() as u64;
    let bytes = |n: u64| n * DType::BYTES as u64;
    let out = elements(output);
    let read: u64 = inputs.iter().map(elements).sum();
    let moved = Cost { bytes_read: bytes(read), bytes_written: bytes(out), ..Cost::default() };
    match op {
        // There before the program runs.
        Op::Input { .. } | Op::Constant(_) => Cost::default(),
        // Views and identities move nothing.
        Op::Reshape { .. } | Op::Permute { .. } | Op::Broadcast { .. } | Op::Slice { .. } | Op::StopGradient => {
            Cost::default()
        }
        Op::Iota { .. } | Op::Pad { .. } | Op::Concat { .. } => moved,
        Op::Map(dag) => {
            let each = dag.flops();
            Cost { flops: each.arithmetic as u64 * out, transcendental: each.transcendental as u64 * out, ..moved }
        }
        // One operation joins each element but the first of a group; an argument of the maximum compares position too.
        Op::Reduce { reduction, .. } => {
            let joins = read.saturating_sub(out);
            Cost { flops: if *reduction == Reduction::ArgMax { 2 * joins } else { joins }, ..moved }
        }
        // Only the rows that are picked are read, and the indices.
        Op::Gather { .. } => Cost { bytes_read: bytes(out + inputs.get(1).map_or(0, elements)), ..moved },
        Op::ScatterAdd { .. } => Cost { flops: inputs.first().map_or(0, elements), ..moved },
        Op::MatMul { transpose_a, .. } => {
            let shape = inputs.first().map(|a| a.shape.to_vec()).unwrap_or_default();
            let inner = if *transpose_a { shape.len().checked_sub(2) } else { shape.len().checked_sub(1) };
            let k = inner.and_then(|axis| shape.get(axis)).map_or(0, |&k| k as u64);
            Cost { flops: 2 * k * out, ..moved }
        }
        Op::RandomBits { .. } => {
            let lanes = inputs.first().map_or(0, |key| elements(key) / 2).max(1);
            Cost { flops: PHILOX * lanes * (out / lanes).div_ceil(4), ..moved }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, cost};
    use crate::expr::{Dag, Type, Unary};
    use crate::ops::{Op, Reduction, Spec, infer};
    use crate::tensor::DType;
    use std::sync::Arc;

    fn of(op: &Op, inputs: &[Spec]) -> Cost {
        cost(op, inputs, &infer(op, inputs).expect("operands that fit"))
    }

    fn f32(shape: &[usize]) -> Spec {
        Spec::new(shape, DType::F32)
    }

    fn u32(shape: &[usize]) -> Spec {
        Spec::new(shape, DType::U32)
    }

    #[test]
    fn a_product_takes_two_operations_a_term() {
        let (batch, m, n, k) = (3, 5, 7, 11);
        let plain = Op::MatMul { transpose_a: false, transpose_b: false };
        let expected = Cost {
            flops: 2 * batch * m * n * k,
            transcendental: 0,
            bytes_read: 4 * batch * (m * k + k * n),
            bytes_written: 4 * batch * m * n,
        };
        assert_eq!(of(&plain, &[f32(&[3, 5, 11]), f32(&[3, 11, 7])]), expected);
        let turned = Op::MatMul { transpose_a: true, transpose_b: true };
        assert_eq!(of(&turned, &[f32(&[3, 11, 5]), f32(&[3, 7, 11])]), expected);
    }

    #[test]
    fn a_map_counts_its_function() {
        let mut dag = Dag::new();
        let (x, y) = (dag.input(Type::F32), dag.input(Type::F32));
        let exp = dag.unary(Unary::Exp, x).expect("f32");
        let product = dag.mul(exp, y).expect("f32");
        let sum = dag.add(product, x).expect("f32");
        dag.output(sum);
        let got = of(&Op::Map(Arc::new(dag)), &[f32(&[10]), f32(&[10])]);
        assert_eq!(got, Cost { flops: 20, transcendental: 10, bytes_read: 80, bytes_written: 40 });
    }

    #[test]
    fn reductions_join_all_but_the_first() {
        let sum = Op::Reduce { reduction: Reduction::Sum, axes: vec![1] };
        let expected = Cost { flops: 4 * 99, transcendental: 0, bytes_read: 1600, bytes_written: 16 };
        assert_eq!(of(&sum, &[f32(&[4, 100])]), expected);
        let largest = Op::Reduce { reduction: Reduction::ArgMax, axes: vec![1] };
        assert_eq!(of(&largest, &[f32(&[4, 100])]).flops, 2 * 4 * 99);
        assert_eq!(of(&sum, &[f32(&[4, 0])]).flops, 0);
    }

    #[test]
    fn rows_by_index() {
        let gather = of(&Op::Gather { batch: 0 }, &[f32(&[1000, 8]), u32(&[5])]);
        assert_eq!(gather, Cost { flops: 0, transcendental: 0, bytes_read: 4 * 45, bytes_written: 4 * 40 });
        let scatter = of(&Op::ScatterAdd { batch: 0, size: 3 }, &[f32(&[5, 8]), u32(&[5])]);
        assert_eq!(scatter, Cost { flops: 40, transcendental: 0, bytes_read: 4 * 45, bytes_written: 4 * 24 });
    }

    #[test]
    fn movement_of_memory_only() {
        let concat = of(&Op::Concat { axis: 0 }, &[f32(&[2, 3]), f32(&[1, 3])]);
        assert_eq!(concat, Cost { flops: 0, transcendental: 0, bytes_read: 36, bytes_written: 36 });
        assert_eq!(of(&Op::Permute { axes: vec![1, 0] }, &[f32(&[2, 3])]), Cost::default());
        let bits = of(&Op::RandomBits { shape: [5].into() }, &[u32(&[2, 2]), u32(&[2, 2])]);
        assert_eq!(bits.flops, 2 * 2 * 100, "two lanes of two blocks");
        assert_eq!(bits.bytes_written, 40);
    }
}
