//! The hash-consed arena: building, copying and pruning DAGs.

use super::{Binary, Const, Function, Id, Node, Real, Type, Unary};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A scalar program: typed inputs, nodes in dependency order, outputs. Equal nodes are stored once, and each node is
/// simplified when it is added, so equal DAGs compare and hash equal by structure.
#[derive(Clone, Debug, Default)]
pub struct Dag {
    nodes: Vec<Node>,
    types: Vec<Type>,
    inputs: Vec<Type>,
    input_ids: Vec<Id>,
    outputs: Vec<Id>,
    /// Where each node is: a pure function of `nodes`, so it takes no part in equality.
    index: HashMap<Node, Id>,
}

impl PartialEq for Dag {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes && self.inputs == other.inputs && self.outputs == other.outputs
    }
}

impl Eq for Dag {}

impl Hash for Dag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nodes.hash(state);
        self.inputs.hash(state);
        self.outputs.hash(state);
    }
}

impl Dag {
    /// An empty DAG.
    pub fn new() -> Dag {
        Dag::default()
    }

    /// Appends an input of type `ty`.
    pub fn input(&mut self, ty: Type) -> Id {
        let position = self.inputs.len() as u32;
        self.inputs.push(ty);
        let id = self.push(Node::Input(position), ty);
        self.input_ids.push(id);
        id
    }

    /// Types of the inputs.
    pub fn inputs(&self) -> &[Type] {
        &self.inputs
    }

    /// Nodes of the inputs, in order.
    pub fn input_ids(&self) -> &[Id] {
        &self.input_ids
    }

    /// Nodes of the outputs, in order; a node may appear more than once.
    pub fn outputs(&self) -> &[Id] {
        &self.outputs
    }

    /// Appends an output.
    pub fn output(&mut self, id: Id) {
        self.outputs.push(id);
    }

    /// Removes all outputs and returns them.
    pub fn take_outputs(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.outputs)
    }

    /// Type of a node.
    pub fn ty(&self, id: Id) -> Type {
        self.types[id.index()]
    }

    /// A node.
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id.index()]
    }

    /// All nodes, operands before their users.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Number of nodes, unused ones included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The value of a node that is a constant.
    pub fn constant(&self, id: Id) -> Option<Const> {
        match self.node(id) {
            Node::Const(c) => Some(*c),
            _ => None,
        }
    }

    /// The value of a node that is an f32 constant.
    pub fn real(&self, id: Id) -> Option<f64> {
        match self.node(id) {
            Node::Const(Const::F32(v)) => Some(v.get()),
            _ => None,
        }
    }

    pub(super) fn constant_node(&mut self, value: Const) -> Id {
        self.push(Node::Const(value), value.ty())
    }

    /// An f32 constant; all of f64 is kept until it is printed.
    pub fn f32(&mut self, value: f64) -> Id {
        self.constant_node(Const::F32(Real::new(value)))
    }

    /// An i32 constant.
    pub fn i32(&mut self, value: i32) -> Id {
        self.constant_node(Const::I32(value))
    }

    /// A u32 constant.
    pub fn u32(&mut self, value: u32) -> Id {
        self.constant_node(Const::U32(value))
    }

    /// A bool constant.
    pub fn bool(&mut self, value: bool) -> Id {
        self.constant_node(Const::Bool(value))
    }

    /// The constant zero (false) of a type.
    pub fn zero(&mut self, ty: Type) -> Id {
        match ty {
            Type::F32 => self.f32(0.0),
            Type::I32 => self.i32(0),
            Type::U32 => self.u32(0),
            Type::Bool => self.bool(false),
        }
    }

    /// Adds `op(x)`. Error: `op` does not take the type of `x`.
    pub fn unary(&mut self, op: Unary, x: Id) -> Result<Id> {
        let ty = self.ty(x);
        if op.result(ty).is_none() {
            return Err(Error::argument(format!("operand of {op:?}"), "a type that it takes", ty));
        }
        Ok(self.un(op, x))
    }

    /// Adds `op(a, b)`. Error: `op` does not take the types of `a` and `b`.
    pub fn binary(&mut self, op: Binary, a: Id, b: Id) -> Result<Id> {
        let (ta, tb) = (self.ty(a), self.ty(b));
        if op.result(ta, tb).is_none() {
            let got = format!("{ta} and {tb}");
            return Err(Error::argument(format!("operands of {op:?}"), "two types that it takes", got));
        }
        Ok(self.bin(op, a, b))
    }

    /// Adds `condition ? then : otherwise`. Error: `condition` is no bool, or the arms differ in type.
    pub fn select(&mut self, condition: Id, then: Id, otherwise: Id) -> Result<Id> {
        let (tc, ta, tb) = (self.ty(condition), self.ty(then), self.ty(otherwise));
        if tc != Type::Bool {
            return Err(Error::argument("condition of select", "bool", tc));
        }
        if ta != tb {
            return Err(Error::argument("arms of select", "one type", format!("{ta} and {tb}")));
        }
        Ok(self.sel(condition, then, otherwise))
    }

    /// Adds a call. Error: number or types of `args` are not those of the function's inputs.
    pub fn call(&mut self, function: &Arc<Function>, args: &[Id]) -> Result<Id> {
        self.check_arguments(&format!("call of `{}`", function.name()), function.body().inputs(), args)?;
        Ok(self.push(Node::Call(function.clone(), args.to_vec()), function.ty()))
    }

    fn check_arguments(&self, what: &str, expected: &[Type], args: &[Id]) -> Result<()> {
        let got: Vec<Type> = args.iter().map(|&a| self.ty(a)).collect();
        if got != expected {
            let list = |types: &[Type]| format!("({})", types.iter().map(|t| t.name()).collect::<Vec<_>>().join(", "));
            return Err(Error::argument(what, format!("arguments {}", list(expected)), list(&got)));
        }
        Ok(())
    }

    /// Copies what the outputs of `other` need, with its inputs replaced by `args`; returns the ids of its outputs here.
    /// Error: number or types of `args` are not those of `other`'s inputs.
    pub fn inline(&mut self, other: &Dag, args: &[Id]) -> Result<Vec<Id>> {
        self.check_arguments("inlined expression", other.inputs(), args)?;
        Ok(self.copy(other, args, false))
    }

    /// The same DAG with every call replaced by the body of its function.
    pub fn inlined(&self) -> Dag {
        let mut dag = Dag::new();
        let args: Vec<Id> = self.inputs.iter().map(|&ty| dag.input(ty)).collect();
        dag.outputs = dag.copy(self, &args, true);
        dag
    }

    /// `inline` for arguments that are known to fit; `expand` also replaces calls.
    pub(super) fn copy(&mut self, other: &Dag, args: &[Id], expand: bool) -> Vec<Id> {
        let needed = other.needed();
        // Unneeded nodes keep a placeholder that no needed node refers to.
        let mut map = vec![Id(u32::MAX); other.len()];
        for (i, node) in other.nodes.iter().enumerate().filter(|(i, _)| needed[*i]) {
            let at = |id: &Id| map[id.index()];
            map[i] = match node {
                Node::Const(c) => self.constant_node(*c),
                Node::Input(n) => args[*n as usize],
                Node::Unary(op, x) => self.un(*op, at(x)),
                Node::Binary(op, a, b) => self.bin(*op, at(a), at(b)),
                Node::Select { condition, then, otherwise } => self.sel(at(condition), at(then), at(otherwise)),
                Node::Cast(ty, x) => self.cast(*ty, at(x)),
                Node::Call(f, xs) => {
                    let xs: Vec<Id> = xs.iter().map(at).collect();
                    if expand {
                        self.copy(f.body(), &xs, true)[0]
                    } else {
                        self.push(Node::Call(f.clone(), xs), f.ty())
                    }
                }
            };
        }
        other.outputs.iter().map(|o| map[o.index()]).collect()
    }

    /// For each node, whether some output depends on it.
    pub fn needed(&self) -> Vec<bool> {
        self.needed_for(&self.outputs)
    }

    /// For each node, whether one of `roots` depends on it.
    pub(super) fn needed_for(&self, roots: &[Id]) -> Vec<bool> {
        let mut needed = vec![false; self.len()];
        for root in roots {
            needed[root.index()] = true;
        }
        // Operands come before their users, so one sweep downwards reaches everything.
        for i in (0..self.len()).rev() {
            if needed[i] {
                for operand in self.nodes[i].operands() {
                    needed[operand.index()] = true;
                }
            }
        }
        needed
    }

    /// Only the nodes that the outputs need, in dependency order, without unused inputs; and the old position of each
    /// input that was kept.
    pub fn pruned(&self) -> (Dag, Vec<usize>) {
        let needed = self.needed();
        let kept: Vec<usize> = (0..self.inputs.len()).filter(|&k| needed[self.input_ids[k].index()]).collect();
        (self.with_inputs(&kept), kept)
    }

    /// Only the nodes that the outputs need, and all inputs.
    pub fn compacted(&self) -> Dag {
        self.with_inputs(&(0..self.inputs.len()).collect::<Vec<_>>())
    }

    /// The needed nodes and the inputs at `kept`.
    fn with_inputs(&self, kept: &[usize]) -> Dag {
        let needed = self.needed();
        let mut dag = Dag::new();
        let mut map = vec![Id(u32::MAX); self.len()];
        // Inputs first, in their own order: they need not have been declared in front of other nodes.
        for &position in kept {
            map[self.input_ids[position].index()] = dag.input(self.inputs[position]);
        }
        for (i, node) in self.nodes.iter().enumerate().filter(|(i, _)| needed[*i]) {
            let at = |id: &Id| map[id.index()];
            let node = match node {
                Node::Input(_) => continue,
                Node::Const(c) => Node::Const(*c),
                Node::Unary(op, x) => Node::Unary(*op, at(x)),
                // Moving the inputs to the front may change which operand has the smaller index.
                Node::Binary(op, a, b) => dag.ordered(*op, at(a), at(b)),
                Node::Select { condition, then, otherwise } => {
                    Node::Select { condition: at(condition), then: at(then), otherwise: at(otherwise) }
                }
                Node::Cast(ty, x) => Node::Cast(*ty, at(x)),
                Node::Call(f, xs) => Node::Call(f.clone(), xs.iter().map(at).collect()),
            };
            map[i] = dag.push(node, self.types[i]);
        }
        dag.outputs = self.outputs.iter().map(|o| map[o.index()]).collect();
        dag
    }

    /// Stores a node as it is, or finds it.
    pub(super) fn push(&mut self, node: Node, ty: Type) -> Id {
        if let Some(&id) = self.index.get(&node) {
            return id;
        }
        let id = Id(self.nodes.len() as u32);
        self.index.insert(node.clone(), id);
        self.nodes.push(node);
        self.types.push(ty);
        id
    }
}
