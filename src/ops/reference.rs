//! The f64 reference of every op: what the device's result is held against. Floats are computed in f64, integers exactly, by
//! the plain definition of each op and without any code that the kernels share.

use super::infer::{Spec, infer};
use super::op::{Op, Reduction};
use crate::error::{Error, Result};
use crate::expr::{Dag, Value};
use crate::tensor::{Array, DType, Data, Shape};

/// Row-major elements of a reference value.
#[derive(Debug, Clone, PartialEq)]
pub enum Exact {
    /// Floats, in f64.
    F32(Vec<f64>),
    /// Unsigned integers.
    U32(Vec<u32>),
    /// Signed integers.
    I32(Vec<i32>),
    /// Truth values.
    Bool(Vec<bool>),
}

/// A shaped array of the f64 reference.
#[derive(Debug, Clone, PartialEq)]
pub struct HostArray {
    /// Sizes of the axes.
    pub shape: Shape,
    /// Elements.
    pub data: Exact,
}

impl HostArray {
    /// A float array; the number of elements must match the shape.
    pub fn f64(shape: impl Into<Shape>, values: Vec<f64>) -> Result<Self> {
        let shape = shape.into();
        if shape.elements() != values.len() {
            return Err(Error::argument("values", format!("{} for shape {shape}", shape.elements()), values.len()));
        }
        Ok(HostArray { shape, data: Exact::F32(values) })
    }

    /// Spec of the array.
    pub fn spec(&self) -> Spec {
        let dtype = match self.data {
            Exact::F32(_) => DType::F32,
            Exact::U32(_) => DType::U32,
            Exact::I32(_) => DType::I32,
            Exact::Bool(_) => DType::Bool,
        };
        Spec::new(self.shape.clone(), dtype)
    }

    /// All elements as f64.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            Exact::F32(v) => v.clone(),
            Exact::U32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Exact::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Exact::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
        }
    }

    fn value(&self, i: usize) -> Value {
        match &self.data {
            Exact::F32(v) => Value::F32(v[i]),
            Exact::U32(v) => Value::U32(v[i]),
            Exact::I32(v) => Value::I32(v[i]),
            Exact::Bool(v) => Value::Bool(v[i]),
        }
    }

    /// The elements at `positions` (row-major), or the given filler where a position is none.
    fn pick(&self, shape: Shape, fill: u32, positions: impl Iterator<Item = Option<usize>>) -> HostArray {
        let data = match &self.data {
            Exact::F32(v) => {
                Exact::F32(positions.map(|p| p.map_or(f64::from(f32::from_bits(fill)), |i| v[i])).collect())
            }
            Exact::U32(v) => Exact::U32(positions.map(|p| p.map_or(fill, |i| v[i])).collect()),
            Exact::I32(v) => Exact::I32(positions.map(|p| p.map_or(fill as i32, |i| v[i])).collect()),
            Exact::Bool(v) => Exact::Bool(positions.map(|p| p.map_or(fill != 0, |i| v[i])).collect()),
        };
        HostArray { shape, data }
    }
}

impl From<&Array> for HostArray {
    fn from(array: &Array) -> Self {
        let data = match array.data() {
            Data::F32(v) => Exact::F32(v.iter().map(|&x| f64::from(x)).collect()),
            Data::U32(v) => Exact::U32(v.clone()),
            Data::I32(v) => Exact::I32(v.clone()),
            Data::Bool(v) => Exact::Bool(v.clone()),
        };
        HostArray { shape: array.shape().clone(), data }
    }
}

/// Collects scalar values of one dtype into an array.
fn collect(spec: Spec, values: impl Iterator<Item = Value>) -> HostArray {
    fn as_f64(v: Value) -> f64 {
        if let Value::F32(x) = v { x } else { f64::NAN }
    }
    let data = match spec.dtype {
        DType::F32 => Exact::F32(values.map(as_f64).collect()),
        DType::U32 => Exact::U32(values.map(|v| if let Value::U32(x) = v { x } else { 0 }).collect()),
        DType::I32 => Exact::I32(values.map(|v| if let Value::I32(x) = v { x } else { 0 }).collect()),
        DType::Bool => Exact::Bool(values.map(|v| matches!(v, Value::Bool(true))).collect()),
    };
    HostArray { shape: spec.shape, data }
}

/// Multi-index of a row-major position.
fn unravel(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = position % shape[axis];
        position /= shape[axis];
    }
    index
}

/// Row-major position of a multi-index.
fn ravel(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |at, (i, n)| at * n + i)
}

/// The result of `op`; an error when the operands do not fit or an index is out of range. `Input` has no reference of its own.
pub fn reference(op: &Op, inputs: &[&HostArray]) -> Result<HostArray> {
    let specs: Vec<Spec> = inputs.iter().map(|a| a.spec()).collect();
    let spec = infer(op, &specs).map_err(|problem| Error::argument(op.name(), "operands that fit", problem))?;
    let positions = |map: &dyn Fn(Vec<usize>) -> Option<usize>, fill: u32| {
        let out = spec.shape.clone();
        let each = (0..out.elements()).map(|i| map(unravel(i, &out)));
        inputs[0].pick(out.clone(), fill, each)
    };
    Ok(match op {
        Op::Input { .. } => return Err(Error::argument("input", "a value given by the caller", "none")),
        Op::Constant(array) => HostArray::from(&**array),
        Op::Iota { shape, axis } => {
            let counts = (0..shape.elements()).map(|i| unravel(i, shape)[*axis] as u32).collect();
            HostArray { shape: shape.clone(), data: Exact::U32(counts) }
        }
        Op::Map(dag) => map(dag, inputs, spec),
        Op::Reduce { reduction, axes } => reduce(*reduction, axes, inputs[0], spec),
        Op::Broadcast { axes, .. } => {
            positions(&|index| Some(ravel(&axes.iter().map(|&a| index[a]).collect::<Vec<_>>(), &inputs[0].shape)), 0)
        }
        Op::Reshape { shape } => HostArray { shape: shape.clone(), data: inputs[0].data.clone() },
        Op::StopGradient => inputs[0].clone(),
        Op::Permute { axes } => positions(
            &|index| {
                let mut source = vec![0; index.len()];
                axes.iter().zip(&index).for_each(|(&from, &i)| source[from] = i);
                Some(ravel(&source, &inputs[0].shape))
            },
            0,
        ),
        Op::Slice { start, .. } => positions(
            &|index| Some(ravel(&index.iter().zip(start).map(|(i, s)| i + s).collect::<Vec<_>>(), &inputs[0].shape)),
            0,
        ),
        Op::Pad { before, value, .. } => positions(
            &|index| {
                let source: Option<Vec<usize>> = index
                    .iter()
                    .enumerate()
                    .map(|(a, i)| i.checked_sub(before[a]).filter(|&j| j < inputs[0].shape[a]))
                    .collect();
                source.map(|s| ravel(&s, &inputs[0].shape))
            },
            *value,
        ),
        Op::Concat { axis } => concat(*axis, inputs, spec),
        Op::Gather { batch } => gather(*batch, inputs[0], inputs[1], spec)?,
        Op::ScatterAdd { batch, size } => scatter_add(*batch, *size, inputs[0], inputs[1], spec)?,
        Op::MatMul { transpose_a, transpose_b } => matmul(*transpose_a, *transpose_b, inputs, spec),
        Op::RandomBits { shape } => random_bits(shape, inputs, spec),
    })
}

fn map(dag: &Dag, inputs: &[&HostArray], spec: Spec) -> HostArray {
    let mut evaluator = dag.evaluator();
    let mut args = vec![Value::Bool(false); inputs.len()];
    let mut out = Vec::with_capacity(1);
    let n = spec.shape.elements();
    collect(
        spec,
        (0..n).map(|i| {
            args.iter_mut().zip(inputs).for_each(|(a, input)| *a = input.value(i));
            evaluator.eval(&args, &mut out);
            out[0]
        }),
    )
}

fn reduce(reduction: Reduction, axes: &[usize], input: &HostArray, spec: Spec) -> HostArray {
    let kept: Vec<usize> = (0..input.shape.rank()).filter(|a| !axes.contains(a)).collect();
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); spec.shape.elements()];
    for i in 0..input.shape.elements() {
        let index = unravel(i, &input.shape);
        let target: Vec<usize> = kept.iter().map(|&a| index[a]).collect();
        groups[ravel(&target, &spec.shape)].push(i);
    }
    let before = |a: f64, b: f64| match reduction {
        Reduction::Min => a.is_nan() || a <= b,
        _ => a.is_nan() || a >= b,
    };
    let best = |group: &[usize]| {
        let key = |i: usize| match input.value(i) {
            Value::F32(x) => x,
            Value::I32(x) => f64::from(x),
            Value::U32(x) => f64::from(x),
            Value::Bool(x) => f64::from(u8::from(x)),
        };
        (1..group.len()).fold(0, |at, j| if before(key(group[at]), key(group[j])) { at } else { j })
    };
    collect(
        spec,
        groups.iter().map(|group| match (reduction, &input.data) {
            (Reduction::Sum, Exact::F32(v)) => Value::F32(group.iter().map(|&i| v[i]).sum()),
            (Reduction::Sum, Exact::U32(v)) => Value::U32(group.iter().fold(0, |s: u32, &i| s.wrapping_add(v[i]))),
            (Reduction::Sum, Exact::I32(v)) => Value::I32(group.iter().fold(0, |s: i32, &i| s.wrapping_add(v[i]))),
            (Reduction::ArgMax, _) => Value::U32(best(group) as u32),
            _ => input.value(group[best(group)]),
        }),
    )
}

fn concat(axis: usize, inputs: &[&HostArray], spec: Spec) -> HostArray {
    let shape = spec.shape.clone();
    collect(
        spec,
        (0..shape.elements()).map(|i| {
            let mut index = unravel(i, &shape);
            let mut which = 0;
            while index[axis] >= inputs[which].shape[axis] {
                index[axis] -= inputs[which].shape[axis];
                which += 1;
            }
            inputs[which].value(ravel(&index, &inputs[which].shape))
        }),
    )
}

/// Row indices, checked against `size` rows.
fn rows<'a>(what: &str, index: &'a HostArray, size: usize) -> Result<&'a [u32]> {
    let Exact::U32(rows) = &index.data else { return Err(Error::argument(what, "u32 indices", index.spec())) };
    match rows.iter().position(|&r| r as usize >= size) {
        Some(at) => Err(Error::Numerical {
            origin: what.into(),
            problem: format!("index {} at position {at} is out of range for {size} rows", rows[at]),
        }),
        None => Ok(rows),
    }
}

fn gather(batch: usize, data: &HostArray, index: &HostArray, spec: Spec) -> Result<HostArray> {
    let rows = rows("gather", index, data.shape[batch])?;
    let each = (0..spec.shape.elements()).map(|i| {
        let mut at = unravel(i, &spec.shape);
        at[batch] = rows[ravel(&at[..=batch], &index.shape)] as usize;
        Some(ravel(&at, &data.shape))
    });
    Ok(data.pick(spec.shape.clone(), 0, each))
}

fn scatter_add(batch: usize, size: usize, updates: &HostArray, index: &HostArray, spec: Spec) -> Result<HostArray> {
    let rows = rows("scatter_add", index, size)?;
    let target = |i: usize| {
        let mut at = unravel(i, &updates.shape);
        at[batch] = rows[ravel(&at[..=batch], &index.shape)] as usize;
        ravel(&at, &spec.shape)
    };
    let n = spec.shape.elements();
    let data = match &updates.data {
        Exact::F32(v) => {
            let mut sums = vec![0.0; n];
            v.iter().enumerate().for_each(|(i, x)| sums[target(i)] += x);
            Exact::F32(sums)
        }
        Exact::U32(v) => {
            let mut sums = vec![0u32; n];
            v.iter().enumerate().for_each(|(i, &x)| sums[target(i)] = sums[target(i)].wrapping_add(x));
            Exact::U32(sums)
        }
        Exact::I32(v) => {
            let mut sums = vec![0i32; n];
            v.iter().enumerate().for_each(|(i, &x)| sums[target(i)] = sums[target(i)].wrapping_add(x));
            Exact::I32(sums)
        }
        Exact::Bool(_) => return Err(Error::argument("scatter_add", "numbers", "bool")),
    };
    Ok(HostArray { shape: spec.shape, data })
}

fn matmul(ta: bool, tb: bool, inputs: &[&HostArray], spec: Spec) -> HostArray {
    let (a, b) = (inputs[0].to_f64(), inputs[1].to_f64());
    let rank = spec.shape.rank();
    let (m, n) = (spec.shape[rank - 2], spec.shape[rank - 1]);
    let k = if ta { inputs[0].shape[rank - 2] } else { inputs[0].shape[rank - 1] };
    let batches = spec.shape[..rank - 2].iter().product();
    let mut out = vec![0.0; spec.shape.elements()];
    let (step_i, step_ka) = if ta { (1, m) } else { (k, 1) };
    let (step_kb, step_j) = if tb { (1, k) } else { (n, 1) };
    for batch in 0..batches {
        let (a, b) = (&a[batch * m * k..], &b[batch * k * n..]);
        for i in 0..m {
            for p in 0..k {
                let left = a[i * step_i + p * step_ka];
                for j in 0..n {
                    out[(batch * m + i) * n + j] += left * b[p * step_kb + j * step_j];
                }
            }
        }
    }
    HostArray { shape: spec.shape, data: Exact::F32(out) }
}

/// Philox 4x32-10 (Salmon et al., SC 2011): ten rounds of multiply, exchange and key addition.
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let left = u64::from(counter[0]) * 0xD251_1F53;
        let right = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (right >> 32) as u32 ^ counter[1] ^ key[0],
            right as u32,
            (left >> 32) as u32 ^ counter[3] ^ key[1],
            left as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

fn random_bits(shape: &Shape, inputs: &[&HostArray], spec: Spec) -> HostArray {
    let words = shape.elements();
    let pair = |a: &HostArray, lane: usize| match &a.data {
        Exact::U32(v) => [v[2 * lane], v[2 * lane + 1]],
        _ => [0, 0],
    };
    let bits = (0..spec.shape.elements()).map(|i| {
        let (lane, word) = (i / words, i % words);
        let counter = pair(inputs[1], lane);
        philox4x32([(word / 4) as u32, counter[0], counter[1], 0], pair(inputs[0], lane))[word % 4]
    });
    HostArray { shape: spec.shape.clone(), data: Exact::U32(bits.collect()) }
}
