//! Where every value lies. A join is computed in place: its operands are written where they belong in the joined buffer, so
//! that stacking and packing cost no copy. A state is updated in place when nothing reads its old value later.

use super::ir::{Ir, accepts, matrix_layout, view_layout};
use super::levels::{Levels, levels};
use crate::error::{Error, Result};
use crate::ops::Op;
use crate::tensor::Layout;

/// Elements of a buffer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub buffer: usize,
    pub layout: Layout,
}

/// All places; buffers are numbered, `sizes[buffer]` is in elements.
#[derive(Debug)]
pub(super) struct Places {
    pub of: Vec<Place>,
    pub sizes: Vec<usize>,
    /// States, as (input, output) values, whose new value must be copied over the old one at the end of the program.
    pub copied_states: Vec<(usize, usize)>,
}

/// Adds copies to `ir` until every join can be computed in place, and gives the places. `states` pairs positions in the lists
/// of inputs and outputs; those named in `copied` are not updated in place.
pub(super) fn place(ir: &mut Ir, states: &[(usize, usize)], copied: &[usize]) -> Result<(Places, Levels)> {
    loop {
        let levels = levels(ir);
        let mut attempt = Attempt::new(ir);
        let mut copied_states = Vec::new();
        for (state, &(i, o)) in states.iter().enumerate() {
            let (input, output) = (ir.inputs[i].1, ir.outputs[o].1);
            if !copied.contains(&state) && attempt.may_overwrite(input, output, &levels) {
                attempt.overwrite(input, output);
            } else {
                copied_states.push((input, output));
            }
        }
        attempt.claim_joins();
        let places = attempt.finish(copied_states)?;
        if attempt.refused.is_empty() {
            return Ok((places, levels));
        }
        *ir = ir.with_copies(&attempt.refused);
    }
}

struct Attempt<'a> {
    ir: &'a Ir,
    users: Vec<Vec<usize>>,
    places: Vec<Option<Place>>,
    sizes: Vec<usize>,
    /// Operands of joins that must be copied: (join, position).
    refused: Vec<(usize, usize)>,
    /// The join operand that each placed value serves, to refuse it later if its kernel cannot write there.
    served: Vec<Option<(usize, usize)>>,
}

impl<'a> Attempt<'a> {
    fn new(ir: &'a Ir) -> Self {
        let n = ir.nodes.len();
        let mut attempt = Attempt {
            ir,
            users: ir.users(),
            places: vec![None; n],
            sizes: Vec::new(),
            refused: Vec::new(),
            served: vec![None; n],
        };
        for index in 0..n {
            if ir.nodes[index].is_leaf() {
                attempt.own_buffer(index);
            }
        }
        attempt
    }

    fn own_buffer(&mut self, value: usize) {
        let shape = &self.ir.nodes[value].spec.shape;
        self.sizes.push(shape.elements());
        self.places[value] = Some(Place { buffer: self.sizes.len() - 1, layout: Layout::contiguous(shape) });
    }

    /// True when `output` may be written over `input`: a map at the end of everything that reads `input`, which reads it, if
    /// at all, at the element that it writes.
    fn may_overwrite(&self, input: usize, output: usize, levels: &Levels) -> bool {
        let node = &self.ir.nodes[output];
        if node.map().is_none() || self.places[output].is_some() || !self.ir.nodes[input].is_leaf() {
            return false;
        }
        let level = levels.runs[output];
        let mut pending = vec![input];
        while let Some(value) = pending.pop() {
            // An input that is itself a result must keep its old value.
            if self.ir.outputs.iter().any(|(_, v)| *v == value) {
                return false;
            }
            for &user in &self.users[value] {
                let reader = &self.ir.nodes[user];
                if reader.is_view() || reader.is_concat() {
                    // A join reads through the copies of its operands, which are maps of their own.
                    pending.push(user);
                    continue;
                }
                let same_kernel = levels.runs[user] == level && reader.map().is_some() && value == input;
                let together = same_kernel && reader.spec.shape == node.spec.shape;
                if levels.runs[user] > level || (levels.runs[user] == level && !together) {
                    return false;
                }
            }
        }
        true
    }

    fn overwrite(&mut self, input: usize, output: usize) {
        self.places[output] = self.places[input].clone();
    }

    /// Last to first, so that a join inside a join has its place before its operands are placed.
    fn claim_joins(&mut self) {
        for index in (0..self.ir.nodes.len()).rev() {
            let Some(Op::Concat { axis }) = self.ir.nodes[index].op() else { continue };
            if self.places[index].is_none() {
                self.own_buffer(index);
            }
            let Some(whole) = self.places[index].clone() else { continue };
            let mut start = vec![0; whole.layout.shape.rank()];
            for (position, &operand) in self.ir.nodes[index].inputs.iter().enumerate() {
                let shape = self.ir.nodes[operand].spec.shape.clone();
                let part = Place { buffer: whole.buffer, layout: whole.layout.slice(&start, &shape) };
                if !self.claim(operand, &part, (index, position)) {
                    self.refused.push((index, position));
                }
                start[*axis] += shape[*axis];
            }
        }
    }

    /// Places `value`, or what it is a reshape of, at `place` if its kernel can write there and all its readers can read there.
    fn claim(&mut self, value: usize, place: &Place, operand: (usize, usize)) -> bool {
        let node = &self.ir.nodes[value];
        if let Some(Op::Reshape { .. }) = node.op() {
            let source = node.inputs[0];
            let Some(layout) = place.layout.reshape(&self.ir.nodes[source].spec.shape) else { return false };
            return self.claim(source, &Place { buffer: place.buffer, layout }, operand);
        }
        let writable = match node.op() {
            Some(Op::Map(_) | Op::Concat { .. }) => true,
            Some(Op::MatMul { .. }) => {
                matrix_layout(&place.layout).is_some_and(|m| m.strides[2] == 1 || m.shape[2] == 1)
            }
            None => place.layout.is_contiguous() && place.layout.offset == 0,
            _ => !node.is_view() && !node.is_leaf() && place.layout.is_contiguous(),
        };
        if self.places[value].is_some() || !writable || !self.readable(value, &place.layout) {
            return false;
        }
        self.places[value] = Some(place.clone());
        self.served[value] = Some(operand);
        true
    }

    /// True when every reader of `value`, through views, can read it lying as `layout`.
    fn readable(&self, value: usize, layout: &Layout) -> bool {
        self.users[value].iter().all(|&user| {
            let node = &self.ir.nodes[user];
            if node.is_view() {
                let view = node.op().and_then(|op| view_layout(op, layout));
                return view.is_some_and(|view| self.readable(user, &view));
            }
            let reads = |position| node.inputs[position] != value || accepts(node, position, layout);
            (0..node.inputs.len()).all(reads)
        })
    }

    /// Gives every other value a buffer, every view its layout, and checks that no kernel but a map writes a buffer it reads.
    fn finish(&mut self, copied_states: Vec<(usize, usize)>) -> Result<Places> {
        for index in 0..self.ir.nodes.len() {
            let node = &self.ir.nodes[index];
            if node.is_view() {
                let source = self.places[node.inputs[0]].clone();
                let view = source.and_then(|place| {
                    let layout = node.op().and_then(|op| view_layout(op, &place.layout))?;
                    Some(Place { buffer: place.buffer, layout })
                });
                self.places[index] = view;
            } else if self.places[index].is_none() {
                self.own_buffer(index);
            }
            let buffer = |v: usize| self.places[v].as_ref().map(|p| p.buffer);
            let clash = node.is_kernel() && node.inputs.iter().any(|&i| buffer(i) == buffer(index));
            if let Some(operand) = self.served[index].filter(|_| clash) {
                self.refused.push(operand);
            }
        }
        let of = self.places.iter().enumerate().map(|(index, place)| {
            let lost = || Error::argument("compile", "a layout for every view", format!("value %{index} without one"));
            place.clone().ok_or_else(lost)
        });
        Ok(Places { of: of.collect::<Result<_>>()?, sizes: self.sizes.clone(), copied_states })
    }
}
