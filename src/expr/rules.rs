//! The derivative rules of every scalar function, once: `derivative` uses the first, `jet` all four.

use super::{Binary, Dag, Id, Unary};

/// Highest order of a derivative that jets carry.
pub const MAX_ORDER: usize = 4;

/// `[s_1, .., s_order]`: derivatives of a function of one argument with respect to it; `None` = zero everywhere.
pub(super) type Derivatives = [Option<Id>; MAX_ORDER];

const ZERO: Derivatives = [None; MAX_ORDER];

/// Shorthands for building formulas whose types are known to fit.
impl Dag {
    pub(super) fn times(&mut self, a: Id, b: Id) -> Id {
        self.bin(Binary::Mul, a, b)
    }

    pub(super) fn scaled(&mut self, a: Id, factor: f64) -> Id {
        let factor = self.f32(factor);
        self.bin(Binary::Mul, a, factor)
    }

    /// `c - a`
    fn less(&mut self, c: f64, a: Id) -> Id {
        let c = self.f32(c);
        self.bin(Binary::Sub, c, a)
    }

    pub(super) fn plus(&mut self, a: Option<Id>, b: Option<Id>) -> Option<Id> {
        match (a, b) {
            (Some(a), Some(b)) => Some(self.bin(Binary::Add, a, b)),
            (a, b) => a.or(b),
        }
    }

    pub(super) fn minus(&mut self, a: Option<Id>, b: Option<Id>) -> Option<Id> {
        match (a, b) {
            (Some(a), Some(b)) => Some(self.bin(Binary::Sub, a, b)),
            (None, Some(b)) => Some(self.un(Unary::Neg, b)),
            (a, None) => a,
        }
    }
}

/// Derivatives of `value = op(x)` by `x` up to `order`. Entries above `order` are `None`. Closed forms that share what
/// `value` has computed (note A1, section 2); the functions that are constant between jumps, and all that are not from
/// f32 to f32, have derivative zero.
pub(super) fn unary(dag: &mut Dag, op: Unary, x: Id, value: Id, order: usize) -> Derivatives {
    let mut s = ZERO;
    match op {
        Unary::Neg => s[0] = Some(dag.f32(-1.0)),
        Unary::Abs => s[0] = Some(dag.un(Unary::Sign, x)),
        Unary::Exp => s = [Some(value); MAX_ORDER],
        Unary::Sqrt => {
            let half = dag.f32(0.5);
            s[0] = Some(dag.bin(Binary::Div, half, value));
            // s_{n+1} = s_n (1/2 - n) / x
            let inverse = (order > 1).then(|| dag.reciprocal(x));
            chain(dag, &mut s, order, |dag, n, last| {
                let factor = dag.scaled(inverse?, 0.5 - n as f64);
                Some(dag.times(last, factor))
            });
        }
        Unary::Log => {
            let inverse = dag.reciprocal(x);
            s[0] = Some(inverse);
            // s_{n+1} = -n s_n / x
            chain(dag, &mut s, order, |dag, n, last| {
                let next = dag.times(last, inverse);
                Some(dag.scaled(next, -(n as f64)))
            });
        }
        Unary::Sin => {
            let cos = dag.un(Unary::Cos, x);
            s = quarter_turns(dag, value, cos, order);
        }
        Unary::Cos => {
            let sin = dag.un(Unary::Sin, x);
            let minus_sin = dag.un(Unary::Neg, sin);
            s = quarter_turns(dag, value, minus_sin, order);
        }
        Unary::Tanh => s = tanh(dag, value, order),
        Unary::Erf => s = erf(dag, x, order),
        Unary::Sign | Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Round => {}
        Unary::Not | Unary::BitNot | Unary::IsFinite | Unary::IsNan | Unary::Bits | Unary::FromBits => {}
    }
    s[order..].fill(None);
    s
}

/// Fills `s[1..order]` from `s[0]`: `next(dag, n, s_n)` gives `s_{n+1}`.
fn chain(dag: &mut Dag, s: &mut Derivatives, order: usize, next: impl Fn(&mut Dag, usize, Id) -> Option<Id>) {
    for n in 1..order {
        s[n] = s[n - 1].and_then(|last| next(dag, n, last));
    }
}

/// f, f', -f, -f', f, ..: derivatives of a function with f'' = -f.
fn quarter_turns(dag: &mut Dag, value: Id, first: Id, order: usize) -> Derivatives {
    let mut s = ZERO;
    s[0] = Some(first);
    if order > 1 {
        s[1] = Some(dag.un(Unary::Neg, value));
        s[2] = Some(dag.un(Unary::Neg, first));
        s[3] = Some(value);
    }
    s
}

/// With t = tanh, s = (1-t)(1+t), which keeps its relative precision where t is near 1:
/// s, -2ts, -2s(1-3t^2), 8ts(2-3t^2).
fn tanh(dag: &mut Dag, t: Id, order: usize) -> Derivatives {
    let one = dag.f32(1.0);
    let (below, above) = (dag.bin(Binary::Sub, one, t), dag.bin(Binary::Add, t, one));
    let slope = dag.times(below, above);
    let mut s = ZERO;
    s[0] = Some(slope);
    if order > 1 {
        let ts = dag.times(t, slope);
        s[1] = Some(dag.scaled(ts, -2.0));
        let square = dag.times(t, t);
        let three = dag.scaled(square, 3.0);
        if order > 2 {
            let bracket = dag.less(1.0, three);
            let third = dag.times(slope, bracket);
            s[2] = Some(dag.scaled(third, -2.0));
        }
        if order > 3 {
            let bracket = dag.less(2.0, three);
            let fourth = dag.times(ts, bracket);
            s[3] = Some(dag.scaled(fourth, 8.0));
        }
    }
    s
}

/// g = 2/sqrt(pi) exp(-x^2) times (-1)^n H_n(x), Hermite polynomials of the physicists: g, -2x g, (4x^2-2) g, -(8x^3-12x) g.
fn erf(dag: &mut Dag, x: Id, order: usize) -> Derivatives {
    let square = dag.times(x, x);
    let exponent = dag.un(Unary::Neg, square);
    let gauss = dag.un(Unary::Exp, exponent);
    let gauss = dag.scaled(gauss, std::f64::consts::FRAC_2_SQRT_PI);
    let mut s = ZERO;
    s[0] = Some(gauss);
    if order > 1 {
        let xg = dag.times(x, gauss);
        s[1] = Some(dag.scaled(xg, -2.0));
        if order > 2 {
            let four = dag.scaled(square, 4.0);
            let two = dag.f32(2.0);
            let bracket = dag.bin(Binary::Sub, four, two);
            s[2] = Some(dag.times(gauss, bracket));
        }
        if order > 3 {
            let eight = dag.scaled(square, 8.0);
            let bracket = dag.less(12.0, eight);
            s[3] = Some(dag.times(xg, bracket));
        }
    }
    s
}

/// Derivatives of `x^y` by `x`: y (y-1) .. (y-n+1) x^(y-n). Zero once the falling factorial of a whole exponent is.
/// Each power is taken on its own: `value / x` would be 0/0 at 0.
pub(super) fn power(dag: &mut Dag, x: Id, y: Id, order: usize) -> Derivatives {
    let mut s = ZERO;
    let mut factorial = dag.f32(1.0);
    for (n, slot) in s.iter_mut().enumerate().take(order) {
        let lowered = |dag: &mut Dag, by: usize| {
            let by = dag.f32(by as f64);
            dag.bin(Binary::Sub, y, by)
        };
        let factor = lowered(dag, n);
        factorial = dag.times(factorial, factor);
        if dag.real(factorial) == Some(0.0) {
            break;
        }
        let exponent = lowered(dag, n + 1);
        let power = dag.bin(Binary::Pow, x, exponent);
        *slot = Some(dag.times(power, factorial));
    }
    s
}

/// Derivative of `value = x^y` by `y`: `value log x`, but 0 where x = 0 and y > 0 (there log x is infinite).
pub(super) fn power_by_exponent(dag: &mut Dag, x: Id, y: Id, value: Id) -> Id {
    let zero = dag.f32(0.0);
    let at_zero = dag.bin(Binary::Eq, x, zero);
    let positive = dag.bin(Binary::Gt, y, zero);
    let limit = dag.bin(Binary::And, at_zero, positive);
    let log = dag.un(Unary::Log, x);
    let slope = dag.times(value, log);
    dag.sel(limit, zero, slope)
}

/// For `op` = Min or Max: whether the first argument is chosen. Ties choose the first.
pub(super) fn chooses_first(dag: &mut Dag, op: Binary, a: Id, b: Id) -> Id {
    dag.bin(if op == Binary::Min { Binary::Le } else { Binary::Ge }, a, b)
}

/// Minus the derivative of `a % b` by `b`: trunc(a/b).
pub(super) fn whole_quotient(dag: &mut Dag, a: Id, b: Id) -> Id {
    let quotient = dag.bin(Binary::Div, a, b);
    dag.un(Unary::Trunc, quotient)
}
