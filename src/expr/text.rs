//! Printing as infix text that [`parse`](super::parse) reads.

use super::{Binary, Const, Dag, Id, Node, Unary, words};
use std::fmt;

/// Printed out in full, up to this many nodes; beyond, what is used twice gets a name.
const FULL: usize = 200;
/// A text longer than this gets a name, so that the work of putting texts together stays linear.
const LONG: usize = 2000;
/// Deeper nesting gets a name: half of what the parser allows.
const DEEP: usize = super::syntax::MAX_DEPTH / 2;

/// Binding powers, as in the grammar.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARE: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const SIGN: u8 = 7;
const POWER: u8 = 8;
const ATOM: u8 = 9;

/// The text of a node.
#[derive(Clone, Default)]
struct Piece {
    text: String,
    /// Binding power of its outermost operator.
    power: u8,
    /// Nesting as the parser counts it.
    depth: usize,
}

impl Piece {
    fn atom(text: impl Into<String>) -> Piece {
        Piece { text: text.into(), power: ATOM, depth: 0 }
    }

    /// The piece as an operand that must bind at least as tightly as `least`.
    fn within(mut self, least: u8) -> Piece {
        if self.power < least {
            self = Piece { text: format!("({})", self.text), power: ATOM, depth: self.depth + 1 };
        }
        self
    }

    fn prefix(sign: &str, power: u8, operand: Piece) -> Piece {
        let operand = operand.within(power);
        Piece { text: format!("{sign}{}", operand.text), power, depth: operand.depth + 1 }
    }

    fn infix(sign: &str, power: u8, a: Piece, b: Piece) -> Piece {
        let (a, b) = match power {
            POWER => (a.within(ATOM), b.within(POWER)),
            COMPARE => (a.within(SUM), b.within(SUM)),
            power => (a.within(power), b.within(power + 1)),
        };
        let depth = a.depth.max(b.depth + usize::from(power == POWER));
        let mut text = a.text;
        text.push_str(&if power < PRODUCT || sign == "%" { format!(" {sign} ") } else { sign.to_string() });
        text.push_str(&b.text);
        Piece { text, power, depth }
    }

    fn call(name: &str, arguments: Vec<Piece>) -> Piece {
        let depth = arguments.iter().map(|a| a.depth).max().unwrap_or(0) + 1;
        let arguments: Vec<String> = arguments.into_iter().map(|a| a.text).collect();
        Piece { text: format!("{name}({})", arguments.join(", ")), power: ATOM, depth }
    }
}

impl Dag {
    /// The outputs as infix text in terms of `names` (`x0, x1, ..` where there are none), joined by commas. Large DAGs have
    /// definitions `v0 = ..;` in front for what is used more than once. [`parse`](super::parse()) reads the text of a DAG
    /// that has one output and calls no functions.
    pub fn to_text<S: AsRef<str>>(&self, names: &[S]) -> String {
        let needed = self.needed();
        let uses = self.uses(&needed);
        let full = self.tree_size(&needed) <= FULL;
        let name = |k: usize| names.get(k).map_or_else(|| format!("x{k}"), |name| name.as_ref().to_string());
        let mut prefix = "v".to_string();
        while (0..self.inputs().len()).any(|k| name(k).starts_with(&prefix)) {
            prefix.push('_');
        }
        let (mut text, mut count) = (String::new(), 0);
        let mut pieces: Vec<Piece> = vec![Piece::default(); self.len()];
        for i in (0..self.len()).filter(|&i| needed[i]) {
            let mut take = |id: Id| {
                let piece = &mut pieces[id.index()];
                if uses[id.index()] == 1 { std::mem::take(piece) } else { piece.clone() }
            };
            let mut piece = match &self.nodes()[i] {
                Node::Input(k) => Piece::atom(name(*k as usize)),
                node => piece(node, &mut take),
            };
            let leaf = matches!(self.nodes()[i], Node::Input(_) | Node::Const(_));
            let shared = uses[i] > 1 && !full && !leaf;
            if shared || piece.text.len() > LONG || piece.depth > DEEP {
                let own = format!("{prefix}{count}");
                count += 1;
                text.push_str(&format!("{own} = {};\n", piece.text));
                piece = Piece::atom(own);
            }
            pieces[i] = piece;
        }
        let outputs: Vec<&str> = self.outputs().iter().map(|o| pieces[o.index()].text.as_str()).collect();
        text + &outputs.join(", ")
    }

    /// How often each node is used, as an operand or an output.
    fn uses(&self, needed: &[bool]) -> Vec<usize> {
        let mut uses = vec![0; self.len()];
        for (node, _) in self.nodes().iter().zip(needed).filter(|(_, needed)| **needed) {
            node.operands().for_each(|id| uses[id.index()] += 1);
        }
        self.outputs().iter().for_each(|id| uses[id.index()] += 1);
        uses
    }

    /// Number of nodes when everything is written out.
    fn tree_size(&self, needed: &[bool]) -> usize {
        let mut sizes = vec![0usize; self.len()];
        for (i, node) in self.nodes().iter().enumerate().filter(|(i, _)| needed[*i]) {
            sizes[i] = node.operands().fold(1, |sum, id| sum.saturating_add(sizes[id.index()]));
        }
        self.outputs().iter().fold(0, |sum, id| sum.saturating_add(sizes[id.index()]))
    }
}

impl fmt::Display for Dag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text::<&str>(&[]))
    }
}

fn piece(node: &Node, take: &mut impl FnMut(Id) -> Piece) -> Piece {
    match node {
        Node::Input(_) => unreachable!("printed by its name"),
        Node::Const(c) => constant(*c),
        Node::Unary(Unary::Neg, x) => Piece::prefix("-", SIGN, take(*x)),
        Node::Unary(Unary::Not, x) => Piece::prefix("not ", NOT, take(*x)),
        Node::Unary(op, x) => {
            Piece::call(words::name_of(&words::UNARY, *op).expect("every other function has a name"), vec![take(*x)])
        }
        Node::Binary(op, a, b) => {
            let (a, b) = (take(*a), take(*b));
            match words::name_of(&words::INFIX, *op) {
                Some(sign) => Piece::infix(sign, power(*op), a, b),
                None => Piece::call(words::name_of(&words::BINARY, *op).expect("no infix operator"), vec![a, b]),
            }
        }
        Node::Select { condition, then, otherwise } => {
            Piece::call("if", vec![take(*condition), take(*then), take(*otherwise)])
        }
        Node::Cast(ty, x) => Piece::call(ty.name(), vec![take(*x)]),
        Node::Call(f, arguments) => Piece::call(f.name(), arguments.iter().map(|&x| take(x)).collect()),
    }
}

fn power(op: Binary) -> u8 {
    match op {
        Binary::Or => OR,
        Binary::And => AND,
        Binary::Add | Binary::Sub => SUM,
        Binary::Mul | Binary::Div | Binary::Rem => PRODUCT,
        Binary::Pow => POWER,
        _ => COMPARE,
    }
}

/// Numbers in the shortest form that reads back exactly; what has no literal by its bits.
fn constant(value: Const) -> Piece {
    let text = match value {
        Const::Bool(v) => v.to_string(),
        Const::U32(v) => format!("{v}u"),
        // 2147483648i would not fit.
        Const::I32(i32::MIN) => format!("i32({}u)", 1u32 << 31),
        Const::I32(v) => format!("{v}i"),
        Const::F32(v) => {
            let v = v.get();
            let narrow = v as f32;
            if !narrow.is_finite() {
                format!("frombits({:#x}u)", narrow.to_bits())
            } else if v == v.trunc() && v.abs() < 1e15 && !(v == 0.0 && v.is_sign_negative()) {
                format!("{v:.0}")
            } else {
                format!("{v:?}")
            }
        }
    };
    match text.strip_prefix('-') {
        Some(size) => Piece::prefix("-", SIGN, Piece::atom(size)),
        None => Piece::atom(text),
    }
}
