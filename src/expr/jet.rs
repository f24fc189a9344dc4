//! Jets: a DAG that maps the derivatives of its inputs to those of its outputs (note A1, sections 1 and 2).
//!
//! Each node is given the streams of its operands: linear ops act on each stream, products by Leibniz' formula, functions
//! of one argument by Faa di Bruno's. Absent streams are structural zeros, so no operation is spent on them.

use super::streams::Rules;
use super::{Binary, Dag, Id, MAX_ORDER, Node, Streams, Type, Unary, rules};
use crate::error::{Error, Result};

/// A DAG of streams, made by [`Dag::jet`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Jet {
    /// Inputs: for each input of the original DAG, in order, its active streams, ascending. Outputs: for each original
    /// output, in order, its present streams, ascending.
    pub dag: Dag,
    /// `present[o][s]`: whether stream s of output o is not structurally zero. Stream 0 is always present.
    pub present: Vec<Vec<bool>>,
}

/// The streams of a node; entry 0 is the value.
type Row = Vec<Option<Id>>;

impl Dag {
    /// The jet of this DAG. `active[i][s]` says whether input i has stream s (others are zero); stream 0 of every input is
    /// active, and inputs that are no f32 have no other. Kinks as for [`derivative`](Dag::derivative): min, max, abs and
    /// select take their branch for every stream.
    ///
    /// Errors: invalid `streams`, or `active` that does not fit.
    pub fn jet(&self, streams: &Streams, active: &[Vec<bool>]) -> Result<Jet> {
        streams.validate()?;
        self.check_active(streams, active)?;
        let flat = self.inlined();
        let varying: Vec<usize> = (0..active.len()).filter(|&i| active[i][1..].contains(&true)).collect();
        Ok(match varying[..] {
            [input] => flat.jet_of_one(input, streams, active),
            _ => flat.jet_of_all(streams, active),
        })
    }

    /// The jet of a DAG without calls, node by node.
    fn jet_of_all(&self, streams: &Streams, active: &[Vec<bool>]) -> Jet {
        let needed = self.needed();
        let (mut pass, inputs) = Pass::new(streams, active, self.inputs());
        let mut rows: Vec<Row> = vec![Vec::new(); self.len()];
        for (i, node) in self.nodes().iter().enumerate().filter(|(i, _)| needed[*i]) {
            rows[i] = match node {
                Node::Input(n) => inputs[*n as usize].clone(),
                Node::Const(c) => {
                    let id = pass.dag.constant_node(*c);
                    pass.only(id)
                }
                node => pass.row(node, &rows),
            };
        }
        let outputs: Vec<&Row> = self.outputs().iter().map(|o| &rows[o.index()]).collect();
        pass.finish(&outputs)
    }

    /// The jet where only one input varies (an activation function, say): the derivatives s_n of the whole DAG by that input
    /// come from a Taylor jet with z_1 = 1, and the many streams pass through Faa di Bruno's formula once instead of once
    /// a node.
    fn jet_of_one(&self, input: usize, streams: &Streams, active: &[Vec<bool>]) -> Jet {
        let order = streams.order();
        let line = |i: usize| (0..=order).map(|s| s == 0 || (s == 1 && i == input)).collect();
        let lines: Vec<Vec<bool>> = (0..active.len()).map(line).collect();
        let inner = self.jet_of_all(&Streams::taylor(order as u8), &lines);
        let (mut pass, inputs) = Pass::new(streams, active, self.inputs());
        let mut arguments = Vec::new();
        for (i, row) in inputs.iter().enumerate() {
            arguments.push(value(row));
            if i == input {
                arguments.push(pass.dag.f32(1.0));
            }
        }
        let mut results = pass.dag.copy(&inner.dag, &arguments, false).into_iter();
        let mut rows = Vec::new();
        for present in &inner.present {
            let mut derivatives: Vec<Option<Id>> = present
                .iter()
                .map(|&p| p.then(|| results.next().expect("one output for each present stream")))
                .collect();
            derivatives.resize(MAX_ORDER + 1, None);
            let slopes = [derivatives[1], derivatives[2], derivatives[3], derivatives[4]];
            rows.push(pass.chain(&inputs[input], value(&derivatives), |_, _| slopes));
        }
        pass.finish(&rows.iter().collect::<Vec<_>>())
    }

    fn check_active(&self, streams: &Streams, active: &[Vec<bool>]) -> Result<()> {
        if active.len() != self.inputs().len() {
            return Err(Error::argument("active", format!("{} inputs", self.inputs().len()), active.len()));
        }
        for (i, (row, &ty)) in active.iter().zip(self.inputs()).enumerate() {
            if row.len() != streams.len() {
                let expected = format!("{} streams", streams.len());
                return Err(Error::argument(format!("active[{i}]"), expected, row.len()));
            }
            if !row[0] {
                return Err(Error::argument(format!("active[{i}][0]"), "true: each input has a value", false));
            }
            if ty != Type::F32 && row[1..].contains(&true) {
                let expected = format!("only stream 0 of an input of type {ty}");
                return Err(Error::argument(format!("active[{i}]"), expected, "a derivative"));
            }
        }
        Ok(())
    }
}

/// A jet in the making.
struct Pass {
    dag: Dag,
    rules: Rules,
    /// Number of streams.
    count: usize,
}

impl Pass {
    /// An empty jet and the rows of its inputs.
    fn new(streams: &Streams, active: &[Vec<bool>], types: &[Type]) -> (Pass, Vec<Row>) {
        let mut dag = Dag::new();
        let mut row = |(active, &ty): (&Vec<bool>, &Type)| active.iter().map(|&a| a.then(|| dag.input(ty))).collect();
        let inputs: Vec<Row> = active.iter().zip(types).map(&mut row).collect();
        (Pass { dag, rules: Rules::new(streams), count: streams.len() }, inputs)
    }

    fn finish(mut self, outputs: &[&Row]) -> Jet {
        let present = outputs.iter().map(|row| row.iter().map(Option::is_some).collect()).collect();
        outputs.iter().flat_map(|row| row.iter().flatten()).for_each(|&id| self.dag.output(id));
        Jet { dag: self.dag.compacted(), present }
    }

    /// A row with a value and no derivatives.
    fn only(&self, value: Id) -> Row {
        let mut row = vec![None; self.count];
        row[0] = Some(value);
        row
    }

    fn row(&mut self, node: &Node, rows: &[Row]) -> Row {
        let of = |id: &Id| &rows[id.index()];
        match node {
            Node::Unary(op, x) => self.unary(*op, of(x)),
            Node::Binary(op, a, b) => self.binary(*op, of(a), of(b), a == b),
            Node::Select { condition, then, otherwise } => {
                let condition = value(of(condition));
                let (then, otherwise) = (of(then), of(otherwise));
                self.each(|dag, s| dag.chosen(condition, then[s], otherwise[s]))
            }
            Node::Cast(ty, x) => {
                let id = self.dag.cast(*ty, value(of(x)));
                self.only(id)
            }
            Node::Const(_) | Node::Input(_) => unreachable!("handled by Dag::jet"),
            Node::Call(f, _) => unreachable!("call of `{}` was expanded by Dag::inlined", f.name()),
        }
    }

    fn each(&mut self, mut stream: impl FnMut(&mut Dag, usize) -> Option<Id>) -> Row {
        (0..self.count).map(|s| stream(&mut self.dag, s)).collect()
    }

    fn unary(&mut self, op: Unary, x: &Row) -> Row {
        let z = value(x);
        let result = self.dag.un(op, z);
        if op == Unary::Neg {
            return self.each(|dag, s| Some(dag.un(Unary::Neg, x[s]?)));
        }
        self.chain(x, result, |dag, order| rules::unary(dag, op, z, result, order))
    }

    /// Faa di Bruno's formula: h_alpha = sum_n s_n (sum over partitions of alpha into n blocks of products of z).
    fn chain(&mut self, z: &Row, result: Id, derivatives: impl FnOnce(&mut Dag, usize) -> rules::Derivatives) -> Row {
        if z[1..].iter().all(Option::is_none) {
            return self.only(result);
        }
        let Pass { dag, rules, count } = self;
        // The sums over partitions first: they say how many derivatives s_n are needed.
        let sums: Vec<[Option<Id>; MAX_ORDER]> = (0..*count)
            .map(|s| {
                let mut sums = [None; MAX_ORDER];
                for term in &rules.chain[s] {
                    let slot = &mut sums[term.blocks.len() - 1];
                    let product = product(dag, term.weight, term.blocks.iter().map(|&b| z[b]));
                    *slot = dag.plus(*slot, product);
                }
                sums
            })
            .collect();
        let order = sums.iter().flat_map(|s| s.iter().rposition(Option::is_some)).max().map_or(0, |n| n + 1);
        let slopes = derivatives(dag, order);
        let mut row = vec![None; *count];
        for (s, sums) in sums.iter().enumerate().skip(1) {
            for (slope, sum) in slopes.iter().zip(sums) {
                let term = product(dag, 1.0, [*slope, *sum].into_iter());
                row[s] = dag.plus(row[s], term);
            }
        }
        row[0] = Some(result);
        row
    }

    fn binary(&mut self, op: Binary, a: &Row, b: &Row, same: bool) -> Row {
        let (x, y) = (value(a), value(b));
        let result = self.dag.bin(op, x, y);
        let steady = |row: &Row| row[1..].iter().all(Option::is_none);
        if steady(a) && steady(b) {
            return self.only(result);
        }
        let mut row = match op {
            Binary::Add => self.each(|dag, s| dag.plus(a[s], b[s])),
            Binary::Sub => self.each(|dag, s| dag.minus(a[s], b[s])),
            // A square has fewer terms by the chain rule: s_1 = 2x, s_2 = 2.
            Binary::Mul if same => self.chain(a, result, |dag, _| {
                let two = dag.f32(2.0);
                [Some(dag.times(x, two)), Some(two), None, None]
            }),
            Binary::Mul => self.product(a, b),
            Binary::Div => self.quotient(a, b, result),
            Binary::Rem => {
                let whole = rules::whole_quotient(&mut self.dag, x, y);
                self.each(|dag, s| {
                    let second = b[s].map(|b| dag.times(b, whole));
                    dag.minus(a[s], second)
                })
            }
            Binary::Pow if steady(b) => self.chain(a, result, |dag, order| rules::power(dag, x, y, order)),
            Binary::Pow => self.power(a, b, result),
            Binary::Min | Binary::Max => {
                let first = rules::chooses_first(&mut self.dag, op, x, y);
                self.each(|dag, s| dag.chosen(first, a[s], b[s]))
            }
            // Comparisons, logic and bits give no f32.
            _ => self.only(result),
        };
        row[0] = Some(result);
        row
    }

    /// Leibniz' formula.
    fn product(&mut self, a: &Row, b: &Row) -> Row {
        let Pass { dag, rules, count } = self;
        let mut row = vec![None; *count];
        for (s, slot) in row.iter_mut().enumerate() {
            for term in &rules.product[s] {
                let product = product(dag, term.weight, [a[term.left], b[term.right]].into_iter());
                *slot = dag.plus(*slot, product);
            }
        }
        row
    }

    /// q = a/b from a = q b: q_alpha = (a_alpha - sum of the terms of Leibniz' formula without q_alpha b_0) / b.
    fn quotient(&mut self, a: &Row, b: &Row, result: Id) -> Row {
        let Pass { dag, rules, count } = self;
        let mut row = vec![None; *count];
        row[0] = Some(result);
        let mut inverse = None;
        for &s in rules.ascending.iter().filter(|s| **s != 0) {
            let mut rest = a[s];
            for term in rules.product[s].iter().filter(|term| term.left != s) {
                let product = product(dag, term.weight, [row[term.left], b[term.right]].into_iter());
                rest = dag.minus(rest, product);
            }
            row[s] = rest.map(|rest| {
                let inverse = *inverse.get_or_insert_with(|| dag.reciprocal(value(b)));
                dag.times(rest, inverse)
            });
        }
        row
    }

    /// x^y = exp(y log x) where the exponent varies too. First derivatives use the rules of `derivative`, which know the
    /// limits at x = 0; the higher ones exist for x > 0 only.
    fn power(&mut self, a: &Row, b: &Row, result: Id) -> Row {
        let (x, y) = (value(a), value(b));
        let log = self.dag.un(Unary::Log, x);
        let logs = self.chain(a, log, |dag, order| rules::unary(dag, Unary::Log, x, log, order));
        let exponents = self.product(b, &logs);
        let mut row = self.chain(&exponents, result, |_, _| [Some(result); MAX_ORDER]);
        let dag = &mut self.dag;
        for (s, slot) in row.iter_mut().enumerate().skip(1) {
            // Only streams of first order have a single term.
            if self.rules.chain[s].len() == 1 && s == self.rules.chain[s][0].blocks[0] {
                let by_base = a[s].and_then(|a| {
                    let rule = rules::power(dag, x, y, 1)[0]?;
                    Some(dag.times(a, rule))
                });
                let by_exponent = b[s].map(|b| {
                    let rule = rules::power_by_exponent(dag, x, y, result);
                    dag.times(b, rule)
                });
                *slot = dag.plus(by_base, by_exponent);
            }
        }
        row
    }
}

fn value(row: &Row) -> Id {
    row[0].expect("every node has a value")
}

/// weight * product of the factors; `None` where one of them is.
fn product(dag: &mut Dag, weight: f64, mut factors: impl Iterator<Item = Option<Id>>) -> Option<Id> {
    let first = factors.next()??;
    let mut product = first;
    for factor in factors {
        product = dag.times(product, factor?);
    }
    Some(dag.scaled(product, weight))
}
