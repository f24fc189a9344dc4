//! The primitive ops. Small and orthogonal: everything above is composed of these, and every elementwise function is a
//! [`Op::Map`] of a scalar [`Dag`].

use crate::expr::Dag;
use crate::tensor::{Array, DType, Shape};
use std::sync::Arc;

/// How an axis is reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Sum; integers wrap.
    Sum,
    /// Largest element; NaN if there is one.
    Max,
    /// Smallest element; NaN if there is one.
    Min,
    /// Index (u32) of the first largest element; of the first NaN if there is one. One axis only.
    ArgMax,
}

impl Reduction {
    /// Name in listings.
    pub fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "sum",
            Reduction::Max => "max",
            Reduction::Min => "min",
            Reduction::ArgMax => "argmax",
        }
    }
}

/// A primitive op. Shapes are fixed when it is recorded; see [`infer`](super::infer) for the shape rules.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Op {
    /// An argument of the program.
    Input {
        /// Shape of the argument.
        shape: Shape,
        /// Its dtype.
        dtype: DType,
    },
    /// Elements known when recording.
    Constant(Arc<Array>),
    /// u32 indices along `axis` of an array of `shape`.
    Iota {
        /// Shape of the result.
        shape: Shape,
        /// The axis that counts.
        axis: usize,
    },
    /// Applies a scalar function of one output to each tuple of elements; all inputs have one shape.
    Map(Arc<Dag>),
    /// Removes `axes` (sorted) by reduction.
    Reduce {
        /// Which reduction.
        reduction: Reduction,
        /// Axes that disappear, ascending.
        axes: Vec<usize>,
    },
    /// Repeats: axis `i` of the input becomes axis `axes[i]` of `shape`; the other axes are new.
    Broadcast {
        /// Shape of the result.
        shape: Shape,
        /// Where the input's axes go, ascending.
        axes: Vec<usize>,
    },
    /// The same elements in row-major order under another shape.
    Reshape {
        /// Shape of the result.
        shape: Shape,
    },
    /// Axis `i` of the result is axis `axes[i]` of the input.
    Permute {
        /// The order of the axes.
        axes: Vec<usize>,
    },
    /// The box of `shape` that begins at `start`.
    Slice {
        /// First index along each axis.
        start: Vec<usize>,
        /// Shape of the result.
        shape: Shape,
    },
    /// Surrounds the input by `value`.
    Pad {
        /// Elements put before, along each axis.
        before: Vec<usize>,
        /// Shape of the result.
        shape: Shape,
        /// Bits of the f32 that fills the border (0 or 1 for other dtypes).
        value: u32,
    },
    /// Joins the inputs along `axis`.
    Concat {
        /// The axis that grows.
        axis: usize,
    },
    /// `data[b.., n, rest..]`, `index[b.., k]` (u32) -> `[b.., k, rest..]`: rows of `data` by index. An index `>= n` sets the
    /// fault word and gives zero.
    Gather {
        /// Number of leading axes that data and index share.
        batch: usize,
    },
    /// `updates[b.., k, rest..]`, `index[b.., k]` (u32) -> `[b.., size, rest..]`: sums of rows by index, in the order of `k`.
    ScatterAdd {
        /// Number of leading axes that updates and index share.
        batch: usize,
        /// Rows of the result.
        size: usize,
    },
    /// `[b.., m, k] x [b.., k, n] -> [b.., m, n]`; a transposed operand is given with its last two axes exchanged.
    MatMul {
        /// The first operand is `[b.., k, m]`.
        transpose_a: bool,
        /// The second operand is `[b.., n, k]`.
        transpose_b: bool,
    },
    /// `key[b.., 2]`, `counter[b.., 2]` (u32) -> `[b.., shape..]` u32: Philox 4x32-10 words. Word `i` is word `i % 4` of the
    /// block with counter `(i / 4, counter[0], counter[1], 0)` (Salmon et al. 2011).
    RandomBits {
        /// Shape of the words of one lane.
        shape: Shape,
    },
    /// The identity, with a derivative of zero.
    StopGradient,
}

impl Op {
    /// Name of the op in messages and listings.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input { .. } => "input",
            Op::Constant(_) => "constant",
            Op::Iota { .. } => "iota",
            Op::Map(_) => "map",
            Op::Reduce { reduction, .. } => reduction.name(),
            Op::Broadcast { .. } => "broadcast",
            Op::Reshape { .. } => "reshape",
            Op::Permute { .. } => "permute",
            Op::Slice { .. } => "slice",
            Op::Pad { .. } => "pad",
            Op::Concat { .. } => "concat",
            Op::Gather { .. } => "gather",
            Op::ScatterAdd { .. } => "scatter_add",
            Op::MatMul { .. } => "matmul",
            Op::RandomBits { .. } => "random_bits",
            Op::StopGradient => "stop_gradient",
        }
    }
}
