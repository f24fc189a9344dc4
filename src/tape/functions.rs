//! Elementwise functions and operators of variables.

use super::var::Var;
use crate::error::Result;
use crate::expr::{Binary, Dag, Id, Type, Unary};
use std::ops::{Add, Div, Mul, Neg, Sub};

impl Var {
    /// `exp(x)`.
    #[track_caller]
    pub fn exp(&self) -> Var {
        self.unary(Unary::Exp)
    }

    /// Natural logarithm.
    #[track_caller]
    pub fn log(&self) -> Var {
        self.unary(Unary::Log)
    }

    /// `sin(x)`.
    #[track_caller]
    pub fn sin(&self) -> Var {
        self.unary(Unary::Sin)
    }

    /// `cos(x)`.
    #[track_caller]
    pub fn cos(&self) -> Var {
        self.unary(Unary::Cos)
    }

    /// `tanh(x)`.
    #[track_caller]
    pub fn tanh(&self) -> Var {
        self.unary(Unary::Tanh)
    }

    /// Error function.
    #[track_caller]
    pub fn erf(&self) -> Var {
        self.unary(Unary::Erf)
    }

    /// Square root.
    #[track_caller]
    pub fn sqrt(&self) -> Var {
        self.unary(Unary::Sqrt)
    }

    /// `|x|`; its derivative at 0 is 0.
    #[track_caller]
    pub fn abs(&self) -> Var {
        self.unary(Unary::Abs)
    }

    /// `x * x`.
    #[track_caller]
    pub fn square(&self) -> Var {
        self.map_with(&[], |dag, x| dag.binary(Binary::Mul, x[0], x[0]))
    }

    /// `self ^ other`.
    #[track_caller]
    pub fn pow(&self, other: &Var) -> Var {
        self.binary(Binary::Pow, other)
    }

    /// `self ^ exponent`.
    #[track_caller]
    pub fn powf(&self, exponent: f64) -> Var {
        self.with_number(Binary::Pow, exponent, false)
    }

    /// Elementwise larger of two.
    #[track_caller]
    pub fn maximum(&self, other: &Var) -> Var {
        self.binary(Binary::Max, other)
    }

    /// Elementwise smaller of two.
    #[track_caller]
    pub fn minimum(&self, other: &Var) -> Var {
        self.binary(Binary::Min, other)
    }

    /// `self < other`, a bool array.
    #[track_caller]
    pub fn less(&self, other: &Var) -> Var {
        self.binary(Binary::Lt, other)
    }

    /// `self == other`, a bool array.
    #[track_caller]
    pub fn equal(&self, other: &Var) -> Var {
        self.binary(Binary::Eq, other)
    }

    /// `then` where this bool array is true, else `otherwise`.
    #[track_caller]
    pub fn select(&self, then: &Var, otherwise: &Var) -> Var {
        self.map_with(&[then, otherwise], |dag, x| dag.select(x[0], x[1], x[2]))
    }

    /// Uniform floats in the open interval (0, 1) from random words: `((bits >> 9) + 1/2) / 2^23`.
    #[track_caller]
    pub fn uniform_from_bits(&self) -> Var {
        self.map_with(&[], |dag, x| uniform(dag, x[0]))
    }

    /// Standard normal floats from this array of random words and `other`, by Box and Muller (1958).
    #[track_caller]
    pub fn normal_from_bits(&self, other: &Var) -> Var {
        self.map_with(&[other], |dag, x| {
            let radius = uniform(dag, x[0])?;
            let log = dag.unary(Unary::Log, radius)?;
            let minus_two = dag.f32(-2.0);
            let square = dag.binary(Binary::Mul, minus_two, log)?;
            let radius = dag.unary(Unary::Sqrt, square)?;
            let turn = uniform(dag, x[1])?;
            let two_pi = dag.f32(std::f64::consts::TAU);
            let angle = dag.binary(Binary::Mul, two_pi, turn)?;
            let cos = dag.unary(Unary::Cos, angle)?;
            dag.binary(Binary::Mul, radius, cos)
        })
    }
}

/// `((bits >> 9) + 1/2) / 2^23`: 23 bits and a half fit 24 bits of significand, so every step is exact and 0 and 1 never occur.
/// The same formula, hence the same bits, as `uniform_open` of `shaders/lib/random/uniform.wgsl`.
fn uniform(dag: &mut Dag, bits: Id) -> Result<Id> {
    let nine = dag.u32(9);
    let top = dag.binary(Binary::Shr, bits, nine)?;
    let count = dag.cast(Type::F32, top);
    let half = dag.f32(0.5);
    let middle = dag.binary(Binary::Add, count, half)?;
    let scale = dag.f32(1.0 / f64::from(1u32 << 23));
    dag.binary(Binary::Mul, middle, scale)
}

/// Operators on variables and on a variable and a number.
macro_rules! operator {
    ($trait:ident, $method:ident, $op:expr) => {
        impl $trait<&Var> for &Var {
            type Output = Var;
            #[track_caller]
            fn $method(self, other: &Var) -> Var {
                self.binary($op, other)
            }
        }
        impl $trait<Var> for Var {
            type Output = Var;
            #[track_caller]
            fn $method(self, other: Var) -> Var {
                self.binary($op, &other)
            }
        }
        impl $trait<&Var> for Var {
            type Output = Var;
            #[track_caller]
            fn $method(self, other: &Var) -> Var {
                self.binary($op, other)
            }
        }
        impl $trait<f64> for &Var {
            type Output = Var;
            #[track_caller]
            fn $method(self, number: f64) -> Var {
                self.with_number($op, number, false)
            }
        }
        impl $trait<f64> for Var {
            type Output = Var;
            #[track_caller]
            fn $method(self, number: f64) -> Var {
                self.with_number($op, number, false)
            }
        }
        impl $trait<&Var> for f64 {
            type Output = Var;
            #[track_caller]
            fn $method(self, var: &Var) -> Var {
                var.with_number($op, self, true)
            }
        }
    };
}

operator!(Add, add, Binary::Add);
operator!(Sub, sub, Binary::Sub);
operator!(Mul, mul, Binary::Mul);
operator!(Div, div, Binary::Div);

impl Neg for &Var {
    type Output = Var;
    #[track_caller]
    fn neg(self) -> Var {
        self.unary(Unary::Neg)
    }
}
