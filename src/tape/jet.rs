//! Taylor mode: a tape on streams of derivatives (methods/A1; Griewank & Walther 2008, ch. 13; collapsed sums: Dangel et al.
//! 2025). Linear ops act on every stream, maps by the rules of [`Dag::jet`], products by Leibniz. The streams of a matrix that
//! multiplies a constant one are stacked, so that a layer stays one product.

use super::builder::Builder;
use super::recorder::Recorder;
use super::var::Var;
use super::{Action, Tape};
use crate::error::{Error, Result};
use crate::expr::{Dag, Streams};
use crate::ops::emit::{add, emit_map, mul, scale, slice_axis, sum};
use crate::ops::{Emit, Op, Reduction, ValueId, extremum_weights, reuse_result};
use crate::tensor::DType;

/// The streams of one value: entry 0 is the value itself, the others its derivatives; none is structurally zero.
type Jet = Vec<Option<ValueId>>;

impl Tape {
    /// Records this tape on streams. `arguments[i][s]` is stream `s` of input `i` (entry 0 must be there; a missing stream is
    /// zero); gives `outputs[o][s]`. Derivatives are plain ones, without factorials; see [`Streams`].
    ///
    /// # Errors
    /// Streams whose number or spec does not fit; an op that cannot be expanded.
    #[track_caller]
    pub fn jet(
        &self,
        recorder: &Recorder,
        arguments: &[Vec<Option<Var>>],
        streams: &Streams,
    ) -> Result<Vec<Vec<Option<Var>>>> {
        recorder.at_caller();
        let count = streams.len();
        for (position, argument) in arguments.iter().enumerate() {
            if argument.len() != count || argument[0].is_none() {
                return Err(Error::argument(
                    format!("jet: argument {position}"),
                    format!("{count} streams of which the first is the value"),
                    argument.len(),
                ));
            }
            let expected = self.inputs().nth(position).map(|(_, spec)| spec.clone());
            if let Some(wrong) = argument.iter().flatten().find(|v| Some(v.spec()) != expected) {
                let expected = expected.map_or("no such input".into(), |s| s.to_string());
                return Err(Error::argument(format!("jet: argument {position}"), expected, wrong.spec()));
            }
        }
        if arguments.len() != self.input_ids().len() {
            return Err(Error::argument("jet", format!("{} arguments", self.input_ids().len()), arguments.len()));
        }
        let ids: Vec<Jet> =
            arguments.iter().map(|a| a.iter().map(|v| v.as_ref().map(|v| recorder.id_of(v))).collect()).collect();
        let outputs = self.jet_ids(&mut recorder.0.borrow_mut(), &ids, streams)?;
        let var = |id: Option<ValueId>| id.map(|id| recorder.var(id));
        Ok(outputs.into_iter().map(|jet| jet.into_iter().map(var).collect()).collect())
    }

    fn jet_ids(&self, b: &mut Builder, arguments: &[Jet], streams: &Streams) -> Result<Vec<Jet>> {
        let mut values: Vec<Jet> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let inputs: Vec<&Jet> = node.inputs.iter().map(|i| &values[i.index()]).collect();
            let position = self.input_ids().iter().position(|(_, v)| v.index() == index);
            let jet = match (&node.action, position) {
                (_, Some(position)) => arguments[position].clone(),
                (Action::Op(op), None) => jet_op(b, op, &inputs, streams)?,
                (Action::Custom(custom), None) => {
                    let owned: Vec<Jet> = inputs.into_iter().cloned().collect();
                    custom.decomposition.jet_ids(b, &owned, streams)?.swap_remove(0)
                }
            };
            values.push(jet);
        }
        Ok(self.output_ids().iter().map(|(_, v)| values[v.index()].clone()).collect())
    }

    /// Forward mode: the tangents of the outputs for tangents of the inputs (none: zero).
    ///
    /// # Errors
    /// As [`Tape::jet`].
    #[track_caller]
    pub fn jvp(&self, recorder: &Recorder, arguments: &[(&Var, Option<&Var>)]) -> Result<Vec<(Var, Option<Var>)>> {
        let jets: Vec<_> = arguments.iter().map(|(v, t)| vec![Some((*v).clone()), t.cloned()]).collect();
        let outputs = self.jet(recorder, &jets, &Streams::taylor(1))?;
        let pair = |mut jet: Vec<Option<Var>>| {
            let tangent = jet.pop().flatten();
            let value = jet.pop().flatten().ok_or_else(|| Error::argument("jvp", "a value", "none"))?;
            Ok((value, tangent))
        };
        outputs.into_iter().map(pair).collect()
    }
}

fn primal(jet: &Jet) -> ValueId {
    jet[0].expect("stream 0 is the value: checked for arguments, always given by the rules")
}

fn constant_jet(value: ValueId, streams: &Streams) -> Jet {
    let mut jet = vec![None; streams.len()];
    jet[0] = Some(value);
    jet
}

fn jet_op(b: &mut Builder, op: &Op, inputs: &[&Jet], streams: &Streams) -> Result<Jet> {
    let values: Vec<ValueId> = inputs.iter().map(|j| primal(j)).collect();
    let moving = inputs.iter().any(|j| j[1..].iter().any(Option::is_some));
    let value_only = matches!(op, Op::StopGradient | Op::Reduce { reduction: Reduction::ArgMax, .. });
    if !moving || value_only {
        let value = b.emit(op.clone(), &values);
        return Ok(constant_jet(value, streams));
    }
    match op {
        Op::Map(dag) => jet_map(b, dag, inputs, streams),
        Op::MatMul { transpose_a, transpose_b } => Ok(jet_matmul(b, *transpose_a, *transpose_b, inputs, streams)),
        Op::Reduce { reduction: Reduction::Max | Reduction::Min, axes } => {
            Ok(jet_extremum(b, op, axes, inputs[0], streams))
        }
        // The index of a gather or scatter is an integer: it has no streams, and the op is linear in the rest.
        Op::Gather { .. } | Op::ScatterAdd { .. } => {
            Ok(each_stream(inputs[0], |_, v| b.emit(op.clone(), &[v, values[1]])))
        }
        Op::Pad { before, shape, .. } => Ok(each_stream(inputs[0], |s, v| {
            let flat = Op::Pad { before: before.clone(), shape: shape.clone(), value: 0 };
            b.emit(if s == 0 { op.clone() } else { flat }, &[v])
        })),
        Op::Concat { .. } => Ok(jet_concat(b, op, inputs)),
        _ => Ok(each_stream(inputs[0], |_, v| b.emit(op.clone(), &[v]))),
    }
}

fn each_stream(jet: &Jet, mut f: impl FnMut(usize, ValueId) -> ValueId) -> Jet {
    jet.iter().enumerate().map(|(s, v)| v.map(|v| f(s, v))).collect()
}

fn jet_concat(b: &mut Builder, op: &Op, inputs: &[&Jet]) -> Jet {
    (0..inputs[0].len())
        .map(|s| {
            inputs.iter().any(|j| j[s].is_some()).then(|| {
                let parts: Vec<ValueId> = inputs
                    .iter()
                    .map(|j| {
                        j[s].unwrap_or_else(|| {
                            let spec = b.spec(primal(j)).clone();
                            crate::ops::emit::zeros(b, &spec)
                        })
                    })
                    .collect();
                b.emit(op.clone(), &parts)
            })
        })
        .collect()
}

/// Max and min are linear where they are differentiable: every stream is the weighted sum of the streams at the extremum.
fn jet_extremum(b: &mut Builder, op: &Op, axes: &[usize], input: &Jet, streams: &Streams) -> Jet {
    let x = primal(input);
    let value = b.emit(op.clone(), &[x]);
    let weights = extremum_weights(b, x, value, axes);
    let mut jet = each_stream(input, |_, v| {
        let weighted = mul(b, v, weights);
        sum(b, weighted, axes.to_vec())
    });
    debug_assert_eq!(jet.len(), streams.len());
    jet[0] = Some(value);
    jet
}

/// One map a stream; streams read the stored value of the function instead of computing it again.
fn jet_map(b: &mut Builder, dag: &Dag, inputs: &[&Jet], streams: &Streams) -> Result<Jet> {
    let active: Vec<Vec<bool>> = inputs
        .iter()
        .map(|j| {
            let float = b.spec(primal(j)).dtype == DType::F32;
            j.iter().enumerate().map(|(s, v)| v.is_some() && (s == 0 || float)).collect()
        })
        .collect();
    let expanded = dag.jet(streams, &active)?;
    let operands: Vec<ValueId> = inputs
        .iter()
        .zip(&active)
        .flat_map(|(j, on)| j.iter().zip(on).filter_map(|(v, &on)| v.filter(|_| on)))
        .collect();
    let values: Vec<ValueId> = inputs.iter().map(|j| primal(j)).collect();
    let value = b.emit(Op::Map(std::sync::Arc::new(dag.clone())), &values);
    let mut outputs = expanded.dag.outputs().iter();
    let mut jet = vec![None; streams.len()];
    let Some(&result) = outputs.next() else {
        return Err(Error::argument("jet", "a stream of the value", "none"));
    };
    jet[0] = Some(value);
    for s in (1..streams.len()).filter(|&s| expanded.present[0][s]) {
        let Some(&stream) = outputs.next() else { break };
        let mut operands = operands.clone();
        let mut one = expanded.dag.clone();
        one.take_outputs();
        let stream = reuse_result(&mut one, stream, result, &mut operands, value);
        one.output(stream);
        jet[s] = Some(emit_map(b, &one, &operands));
    }
    Ok(jet)
}

fn jet_matmul(b: &mut Builder, ta: bool, tb: bool, inputs: &[&Jet], streams: &Streams) -> Jet {
    let (left, right) = (inputs[0], inputs[1]);
    let op = Op::MatMul { transpose_a: ta, transpose_b: tb };
    let moves = |j: &Jet| j[1..].iter().any(Option::is_some);
    match (moves(left), moves(right)) {
        (true, false) => stacked_product(b, op, left, primal(right), ta, true),
        (false, true) => stacked_product(b, op, right, primal(left), !tb, false),
        _ => leibniz(b, left, right, streams, |b, x, y| b.emit(op.clone(), &[x, y])),
    }
}

/// The product of every stream of `moving` with one constant matrix, as one product of the stacked streams. `last`: the free
/// axis of `moving` (not the summed one) is its last.
fn stacked_product(b: &mut Builder, op: Op, moving: &Jet, constant: ValueId, last: bool, is_left: bool) -> Jet {
    let shape = b.spec(primal(moving)).shape.clone();
    let rank = shape.rank();
    let free = if last { rank - 1 } else { rank - 2 };
    let present: Vec<ValueId> = moving.iter().flatten().copied().collect();
    let stack = b.emit(Op::Concat { axis: free }, &present);
    let operands = if is_left { [stack, constant] } else { [constant, stack] };
    let product = b.emit(op, &operands);
    let (axis, size) = (if is_left { rank - 2 } else { rank - 1 }, shape[free]);
    let mut at = 0;
    each_stream(moving, |_, _| {
        at += size;
        slice_axis(b, product, axis, at - size, size)
    })
}

/// The streams of a bilinear product: `(xy)_a = sum_{b <= a} C(a, b) x_b y_{a-b}`, and for a collapsed sum the same along each
/// of its directions, with the two ends taken from the collapsed streams of the factors.
fn leibniz(
    b: &mut Builder,
    x: &Jet,
    y: &Jet,
    streams: &Streams,
    mut product: impl FnMut(&mut Builder, ValueId, ValueId) -> ValueId,
) -> Jet {
    (0..streams.len())
        .map(|s| {
            let mut total: Option<ValueId> = None;
            for (weight, left, right) in streams.product_terms(s) {
                let (Some(l), Some(r)) = (x[left], y[right]) else { continue };
                let mut term = product(b, l, r);
                if weight != 1.0 {
                    term = scale(b, weight, term);
                }
                total = Some(total.map_or(term, |t| add(b, t, term)));
            }
            total
        })
        .collect()
}
