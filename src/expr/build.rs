//! Functions that are composed of the primitive ones.
//!
//! Each errs like [`Dag::binary`] where an operand has a type that it does not take; the functions of analysis take f32.

use super::{Binary, Dag, Id, Type, Unary};
use crate::error::{Error, Result};
use std::f64::consts::{FRAC_1_SQRT_2, LN_10};

impl Dag {
    /// `a + b`
    pub fn add(&mut self, a: Id, b: Id) -> Result<Id> {
        self.binary(Binary::Add, a, b)
    }

    /// `a - b`
    pub fn sub(&mut self, a: Id, b: Id) -> Result<Id> {
        self.binary(Binary::Sub, a, b)
    }

    /// `a * b`
    pub fn mul(&mut self, a: Id, b: Id) -> Result<Id> {
        self.binary(Binary::Mul, a, b)
    }

    /// `a / b`
    pub fn div(&mut self, a: Id, b: Id) -> Result<Id> {
        self.binary(Binary::Div, a, b)
    }

    /// `-x`
    pub fn negate(&mut self, x: Id) -> Result<Id> {
        self.unary(Unary::Neg, x)
    }

    fn expect_f32(&self, name: &str, x: Id) -> Result<()> {
        match self.ty(x) {
            Type::F32 => Ok(()),
            ty => Err(Error::argument(format!("operand of {name}"), "f32", ty)),
        }
    }

    /// `1 / x`
    pub fn recip(&mut self, x: Id) -> Result<Id> {
        self.expect_f32("recip", x)?;
        Ok(self.reciprocal(x))
    }

    /// `x * x`
    pub fn square(&mut self, x: Id) -> Result<Id> {
        self.binary(Binary::Mul, x, x)
    }

    /// `x^n` by repeated squaring; relative error at most about `|n|` half units in the last place. `x^0 = 1`.
    pub fn powi(&mut self, x: Id, n: i32) -> Result<Id> {
        self.expect_f32("powi", x)?;
        let power = self.power_chain(x, n.unsigned_abs());
        Ok(if n < 0 { self.reciprocal(power) } else { power })
    }

    /// Logistic function `1 / (1 + exp(-x))` as `(1 + tanh(x/2)) / 2`, which cannot overflow.
    pub fn sigmoid(&mut self, x: Id) -> Result<Id> {
        self.expect_f32("sigmoid", x)?;
        let half = self.scaled(x, 0.5);
        let tanh = self.un(Unary::Tanh, half);
        let one = self.f32(1.0);
        let sum = self.bin(Binary::Add, tanh, one);
        Ok(self.scaled(sum, 0.5))
    }

    /// `x sigmoid(x)`, also called swish.
    pub fn silu(&mut self, x: Id) -> Result<Id> {
        let gate = self.sigmoid(x)?;
        Ok(self.times(x, gate))
    }

    /// `x Phi(x)` with the normal distribution function in its exact form, `(1 + erf(x/sqrt 2)) / 2`.
    pub fn gelu(&mut self, x: Id) -> Result<Id> {
        self.expect_f32("gelu", x)?;
        let argument = self.scaled(x, FRAC_1_SQRT_2);
        let erf = self.un(Unary::Erf, argument);
        let one = self.f32(1.0);
        let sum = self.bin(Binary::Add, erf, one);
        let phi = self.scaled(sum, 0.5);
        Ok(self.times(x, phi))
    }

    /// `log(1 + exp(x))` as `max(x, 0) + log(1 + exp(-|x|))`, which cannot overflow. Both signs are separate arms of a
    /// select, each smooth, so the derivatives of all orders are right at 0 too.
    pub fn softplus(&mut self, x: Id) -> Result<Id> {
        self.expect_f32("softplus", x)?;
        let (zero, one) = (self.f32(0.0), self.f32(1.0));
        let positive = self.bin(Binary::Gt, x, zero);
        let minus = self.un(Unary::Neg, x);
        let exponent = self.sel(positive, minus, x);
        let exp = self.un(Unary::Exp, exponent);
        let sum = self.bin(Binary::Add, exp, one);
        let log = self.un(Unary::Log, sum);
        let ramp = self.sel(positive, x, zero);
        Ok(self.bin(Binary::Add, ramp, log))
    }

    /// `x` where it is not negative, else 0; NaN stays NaN, which `max(x, 0)` would hide. Derivative 1 at 0.
    pub fn relu(&mut self, x: Id) -> Result<Id> {
        self.expect_f32("relu", x)?;
        let zero = self.f32(0.0);
        let negative = self.bin(Binary::Lt, x, zero);
        Ok(self.sel(negative, zero, x))
    }

    /// `sin x / cos x`
    pub fn tan(&mut self, x: Id) -> Result<Id> {
        let sin = self.unary(Unary::Sin, x)?;
        let cos = self.un(Unary::Cos, x);
        Ok(self.bin(Binary::Div, sin, cos))
    }

    /// `(e^x - e^-x) / 2`; for |x| < 1, where that cancels, `2t / ((1-t)(1+t))` with t = tanh(x/2).
    pub fn sinh(&mut self, x: Id) -> Result<Id> {
        let (up, down) = self.exponentials(x)?;
        let difference = self.bin(Binary::Sub, up, down);
        let wide = self.scaled(difference, 0.5);
        let one = self.f32(1.0);
        let half = self.scaled(x, 0.5);
        let t = self.un(Unary::Tanh, half);
        let twice = self.scaled(t, 2.0);
        let (below, above) = (self.bin(Binary::Sub, one, t), self.bin(Binary::Add, t, one));
        let slope = self.times(below, above);
        let narrow = self.bin(Binary::Div, twice, slope);
        let size = self.un(Unary::Abs, x);
        let small = self.bin(Binary::Lt, size, one);
        Ok(self.sel(small, narrow, wide))
    }

    /// `(e^x + e^-x) / 2`
    pub fn cosh(&mut self, x: Id) -> Result<Id> {
        let (up, down) = self.exponentials(x)?;
        let sum = self.bin(Binary::Add, up, down);
        Ok(self.scaled(sum, 0.5))
    }

    fn exponentials(&mut self, x: Id) -> Result<(Id, Id)> {
        let up = self.unary(Unary::Exp, x)?;
        let minus = self.un(Unary::Neg, x);
        Ok((up, self.un(Unary::Exp, minus)))
    }

    /// Decimal logarithm.
    pub fn log10(&mut self, x: Id) -> Result<Id> {
        let log = self.unary(Unary::Log, x)?;
        Ok(self.scaled(log, 1.0 / LN_10))
    }

    /// `1 - erf(x)`: small values (x > 2) keep their absolute, not their relative accuracy.
    pub fn erfc(&mut self, x: Id) -> Result<Id> {
        let erf = self.unary(Unary::Erf, x)?;
        let one = self.f32(1.0);
        Ok(self.bin(Binary::Sub, one, erf))
    }
}
