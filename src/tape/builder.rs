//! The recorder behind [`Var`](super::Var): appends ops, infers shapes, finds common subexpressions, keeps the first error.

use super::custom::CustomOp;
use super::peephole;
use crate::error::Error;
use crate::ops::{Emit, Op, Spec, ValueId, infer};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::Location;
use std::sync::Arc;

/// What computes a value.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Action {
    /// A primitive op.
    Op(Op),
    /// A fused kernel with its decomposition.
    Custom(Arc<CustomOp>),
}

impl Action {
    /// Name in messages and listings.
    pub fn name(&self) -> &str {
        match self {
            Action::Op(op) => op.name(),
            Action::Custom(custom) => &custom.name,
        }
    }
}

/// One value of a program: what computes it, from which values, and where it was recorded.
#[derive(Debug, Clone)]
pub struct Node {
    /// What computes it.
    pub action: Action,
    /// Operands.
    pub inputs: Vec<ValueId>,
    /// Shape and dtype.
    pub spec: Spec,
    /// Line of the recording program.
    pub caller: &'static Location<'static>,
}

/// An append-only list of nodes under construction.
#[derive(Debug)]
pub struct Builder {
    pub(super) nodes: Vec<Node>,
    pub(super) inputs: Vec<(String, ValueId)>,
    pub(super) outputs: Vec<(String, ValueId)>,
    /// First thing that went wrong; recording goes on so that closures stay plain mathematics, and ends with this error.
    pub(super) error: Option<Error>,
    /// Line of the recording program for the nodes that are appended now.
    pub(super) caller: &'static Location<'static>,
    seen: HashMap<u64, Vec<ValueId>>,
}

impl Builder {
    #[track_caller]
    pub(super) fn new() -> Self {
        Builder {
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            error: None,
            caller: Location::caller(),
            seen: HashMap::new(),
        }
    }

    pub(super) fn node(&self, value: ValueId) -> &Node {
        &self.nodes[value.index()]
    }

    /// The op that computes `value`, unless it is a custom one.
    pub(super) fn op(&self, value: ValueId) -> Option<&Op> {
        match &self.node(value).action {
            Action::Op(op) => Some(op),
            Action::Custom(_) => None,
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Appends a node, or gives the one that computes the same. Every input of a program stays distinct.
    pub(super) fn append(&mut self, action: Action, inputs: &[ValueId], spec: Spec) -> ValueId {
        let unique = matches!(action, Action::Op(Op::Input { .. }));
        let mut hasher = DefaultHasher::new();
        action.hash(&mut hasher);
        inputs.hash(&mut hasher);
        let key = hasher.finish();
        if let Some(found) = self.seen.get(&key).filter(|_| !unique) {
            let same = |v: &&ValueId| self.node(**v).action == action && self.node(**v).inputs == inputs;
            if let Some(&value) = found.iter().find(same) {
                return value;
            }
        }
        let value = ValueId(self.nodes.len() as u32);
        self.nodes.push(Node { action, inputs: inputs.to_vec(), spec, caller: self.caller });
        self.seen.entry(key).or_default().push(value);
        value
    }

    /// Records a fused kernel.
    pub(super) fn custom(&mut self, custom: &Arc<CustomOp>, inputs: &[ValueId]) -> ValueId {
        let specs: Vec<Spec> = inputs.iter().map(|&v| self.spec(v).clone()).collect();
        match custom.infer(&specs) {
            Ok(spec) => self.append(Action::Custom(custom.clone()), inputs, spec),
            Err(problem) => self.reject("custom", format!("`{}`: {problem}", custom.name)),
        }
    }
}

impl Emit for Builder {
    fn emit(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
        let specs: Vec<Spec> = inputs.iter().map(|&v| self.spec(v).clone()).collect();
        let spec = match infer(&op, &specs) {
            Ok(spec) => spec,
            Err(problem) => return self.reject(op.name(), problem),
        };
        if let Some(value) = peephole::simplify(self, &op, inputs, &spec) {
            return value;
        }
        self.append(Action::Op(op), inputs, spec)
    }

    fn spec(&self, value: ValueId) -> &Spec {
        &self.nodes[value.index()].spec
    }

    fn reject(&mut self, op: &'static str, problem: String) -> ValueId {
        let caller = self.caller.to_string();
        self.fail(Error::Shape { op, problem, caller });
        // A stand-in, so that recording can go on; the tape is never returned.
        let shape = crate::tensor::Shape::scalar();
        let dtype = crate::tensor::DType::F32;
        self.append(Action::Op(Op::Input { shape: shape.clone(), dtype }), &[], Spec::new(shape, dtype))
    }
}
