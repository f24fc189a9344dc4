//! The handle through which programs are recorded.

use super::builder::Builder;
use super::custom::CustomOp;
use super::reverse::reverse;
use super::var::Var;
use super::{Action, Tape};
use crate::error::{Error, Result};
use crate::ops::emit::zeros;
use crate::ops::{Emit, Op, Spec, ValueId};
use crate::tensor::{Array, DType, Data, Shape};
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// Records a program. Clones share one recording.
#[derive(Debug, Clone)]
pub struct Recorder(pub(super) Rc<RefCell<Builder>>);

impl Recorder {
    #[track_caller]
    pub(super) fn new() -> Self {
        Recorder(Rc::new(RefCell::new(Builder::new())))
    }

    pub(super) fn finish(self) -> Result<Tape> {
        // Variables that outlive the closure may still hold the recording; its content is taken from under them.
        let builder = self.0.replace(Builder::new());
        Tape::from_builder(builder)
    }

    /// Sets the line to which the next nodes belong.
    #[track_caller]
    pub(super) fn at_caller(&self) -> &Self {
        self.0.borrow_mut().caller = Location::caller();
        self
    }

    pub(super) fn var(&self, id: ValueId) -> Var {
        Var { recorder: self.clone(), id }
    }

    /// Records one op.
    #[track_caller]
    pub fn op(&self, op: Op, inputs: &[&Var]) -> Var {
        self.at_caller();
        let ids: Vec<ValueId> = inputs.iter().map(|v| self.id_of(v)).collect();
        let id = self.0.borrow_mut().emit(op, &ids);
        self.var(id)
    }

    /// The id of a variable of this recording; one of another recording is an error.
    pub(super) fn id_of(&self, var: &Var) -> ValueId {
        if Rc::ptr_eq(&self.0, &var.recorder.0) {
            return var.id;
        }
        self.0.borrow_mut().reject("record", "a variable belongs to another recording".into())
    }

    /// An argument of the program.
    #[track_caller]
    pub fn input(&self, name: &str, shape: impl Into<Shape>, dtype: DType) -> Var {
        self.at_caller();
        let mut b = self.0.borrow_mut();
        if b.inputs.iter().any(|(n, _)| n == name) {
            b.reject("input", format!("two inputs are named `{name}`"));
        }
        let id = b.emit(Op::Input { shape: shape.into(), dtype }, &[]);
        b.inputs.push((name.into(), id));
        drop(b);
        self.var(id)
    }

    /// A result of the program.
    #[track_caller]
    pub fn output(&self, name: &str, value: &Var) {
        self.at_caller();
        let id = self.id_of(value);
        let mut b = self.0.borrow_mut();
        if b.outputs.iter().any(|(n, _)| n == name) {
            b.reject("output", format!("two outputs are named `{name}`"));
        }
        b.outputs.push((name.into(), id));
    }

    /// Elements that are known now.
    #[track_caller]
    pub fn constant(&self, array: Array) -> Var {
        self.op(Op::Constant(Arc::new(array)), &[])
    }

    /// A scalar.
    #[track_caller]
    pub fn scalar(&self, value: f32) -> Var {
        self.full([], value)
    }

    /// An f32 array whose elements are all `value`.
    #[track_caller]
    pub fn full(&self, shape: impl Into<Shape>, value: f32) -> Var {
        self.at_caller();
        let id = crate::ops::emit::fill(&mut *self.0.borrow_mut(), Data::F32(vec![value]), shape.into());
        self.var(id)
    }

    /// u32 indices along `axis` of an array of `shape`.
    #[track_caller]
    pub fn iota(&self, shape: impl Into<Shape>, axis: usize) -> Var {
        self.op(Op::Iota { shape: shape.into(), axis }, &[])
    }

    /// Philox 4x32-10 words of `shape` from `key[.., 2]` and `counter[.., 2]`; see [`Op::RandomBits`].
    #[track_caller]
    pub fn random_bits(&self, shape: impl Into<Shape>, key: &Var, counter: &Var) -> Var {
        self.op(Op::RandomBits { shape: shape.into() }, &[key, counter])
    }

    /// A fused kernel.
    #[track_caller]
    pub fn custom(&self, custom: &Arc<CustomOp>, inputs: &[&Var]) -> Var {
        self.at_caller();
        let ids: Vec<ValueId> = inputs.iter().map(|v| self.id_of(v)).collect();
        let id = self.0.borrow_mut().custom(custom, &ids);
        self.var(id)
    }

    /// The gradients of the scalar `loss` with respect to `wrt`, recorded in reverse mode; zeros where `loss` does not depend
    /// on a variable. Nests to any order.
    #[track_caller]
    pub fn gradient(&self, loss: &Var, wrt: &[&Var]) -> Vec<Var> {
        self.at_caller();
        let spec = loss.spec();
        if spec.shape.rank() != 0 || spec.dtype != DType::F32 {
            let problem = format!("the differentiated value is {spec}, expected a scalar f32[]");
            self.0.borrow_mut().reject("gradient", problem);
        }
        let one = self.full(spec.shape, 1.0);
        self.vjp(&[(loss, &one)], wrt)
    }

    /// The cotangents of `wrt` for given `(value, cotangent)` pairs.
    #[track_caller]
    pub fn vjp(&self, seeds: &[(&Var, &Var)], wrt: &[&Var]) -> Vec<Var> {
        self.at_caller();
        let seeds: Vec<_> = seeds.iter().map(|(v, c)| (self.id_of(v), self.id_of(c))).collect();
        let ids: Vec<ValueId> = wrt.iter().map(|v| self.id_of(v)).collect();
        let mut b = self.0.borrow_mut();
        for &(value, cotangent) in &seeds {
            if b.spec(value) != b.spec(cotangent) {
                let problem = format!("cotangent {} of a value {}", b.spec(cotangent), b.spec(value));
                b.reject("vjp", problem);
                return wrt.iter().map(|v| (*v).clone()).collect();
            }
        }
        let found = reverse(&mut b, &seeds, &ids);
        let each = ids.iter().zip(found).map(|(&id, g)| {
            g.unwrap_or_else(|| {
                let spec = b.spec(id).clone();
                zeros(&mut *b, &spec)
            })
        });
        let gradients: Vec<ValueId> = each.collect();
        drop(b);
        gradients.into_iter().map(|g| self.var(g)).collect()
    }
}

impl Tape {
    /// Records this tape's computation into another recording with the given arguments; gives its outputs in order.
    ///
    /// # Errors
    /// Arguments that do not fit the tape's inputs.
    #[track_caller]
    pub fn call(&self, recorder: &Recorder, arguments: &[&Var]) -> Result<Vec<Var>> {
        recorder.at_caller();
        let specs: Vec<Spec> = arguments.iter().map(|v| v.spec()).collect();
        self.check_arguments("call", &specs)?;
        let ids: Vec<ValueId> = arguments.iter().map(|v| recorder.id_of(v)).collect();
        let outputs = self.inline_ids(&mut recorder.0.borrow_mut(), &ids);
        Ok(outputs.into_iter().map(|id| recorder.var(id)).collect())
    }

    pub(super) fn inline_ids(&self, b: &mut Builder, arguments: &[ValueId]) -> Vec<ValueId> {
        let mut values: Vec<ValueId> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let inputs: Vec<ValueId> = node.inputs.iter().map(|i| values[i.index()]).collect();
            let position = self.inputs.iter().position(|(_, v)| v.index() == index);
            values.push(match (&node.action, position) {
                (_, Some(position)) => arguments[position],
                (Action::Op(op), None) => b.emit(op.clone(), &inputs),
                (Action::Custom(custom), None) => b.custom(custom, &inputs),
            });
        }
        self.outputs.iter().map(|(_, v)| values[v.index()]).collect()
    }

    /// The gradient of the first output, a scalar, with respect to the named inputs, as a tape with the same inputs: outputs
    /// are the value and one gradient an input, named `grad_NAME`.
    ///
    /// # Errors
    /// An unknown name; a first output that is no scalar.
    pub fn grad(&self, wrt: &[&str]) -> Result<Tape> {
        let positions: Vec<usize> = wrt
            .iter()
            .map(|name| {
                self.inputs.iter().position(|(n, _)| n == name).ok_or_else(|| {
                    let known: Vec<&str> = self.inputs.iter().map(|(n, _)| n.as_str()).collect();
                    Error::argument("grad: input name", format!("one of {known:?}"), format!("`{name}`"))
                })
            })
            .collect::<Result<_>>()?;
        Tape::record(|r| {
            let arguments: Vec<Var> =
                self.inputs().map(|(name, spec)| r.input(name, spec.shape.clone(), spec.dtype)).collect();
            let outputs = self.call(r, &arguments.iter().collect::<Vec<_>>())?;
            let value = outputs.first().ok_or_else(|| Error::argument("grad", "a tape with an output", "none"))?;
            let wanted: Vec<&Var> = positions.iter().map(|&p| &arguments[p]).collect();
            let gradients = r.gradient(value, &wanted);
            r.output(&self.outputs[0].0, value);
            wrt.iter().zip(&gradients).for_each(|(name, g)| r.output(&format!("grad_{name}"), g));
            Ok(())
        })
    }
}
