//! Complex numbers as pairs of f32 nodes.

use super::{Binary, Dag, Id, Unary};
use crate::error::Result;

/// A complex number. The operations err like [`Dag::binary`] where a part is no f32.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Complex {
    /// Real part.
    pub re: Id,
    /// Imaginary part.
    pub im: Id,
}

impl Complex {
    /// A constant.
    pub fn constant(dag: &mut Dag, re: f64, im: f64) -> Complex {
        Complex { re: dag.f32(re), im: dag.f32(im) }
    }

    /// `self + other`
    pub fn add(self, dag: &mut Dag, other: Complex) -> Result<Complex> {
        Ok(Complex { re: dag.add(self.re, other.re)?, im: dag.add(self.im, other.im)? })
    }

    /// `self - other`
    pub fn sub(self, dag: &mut Dag, other: Complex) -> Result<Complex> {
        Ok(Complex { re: dag.sub(self.re, other.re)?, im: dag.sub(self.im, other.im)? })
    }

    /// `self * other`
    pub fn mul(self, dag: &mut Dag, other: Complex) -> Result<Complex> {
        let (rr, ii) = (dag.mul(self.re, other.re)?, dag.mul(self.im, other.im)?);
        let (ri, ir) = (dag.mul(self.re, other.im)?, dag.mul(self.im, other.re)?);
        Ok(Complex { re: dag.sub(rr, ii)?, im: dag.add(ri, ir)? })
    }

    /// The conjugate.
    pub fn conj(self, dag: &mut Dag) -> Result<Complex> {
        Ok(Complex { re: self.re, im: dag.negate(self.im)? })
    }

    /// `self / other` by Smith's method (Comm. ACM 5, 1962): with p the larger and q the smaller part of the divisor,
    /// r = q/p and d = p + q r neither overflow nor vanish where the divisor does not.
    pub fn div(self, dag: &mut Dag, other: Complex) -> Result<Complex> {
        let wide = larger_real(dag, other)?;
        let p = dag.select(wide, other.re, other.im)?;
        let q = dag.select(wide, other.im, other.re)?;
        let r = dag.div(q, p)?;
        let qr = dag.mul(q, r)?;
        let d = dag.add(p, qr)?;
        // re = (a + b r)/d or (a r + b)/d; im = (b - a r)/d or (b r - a)/d
        let (a, b) = (dag.select(wide, self.re, self.im)?, dag.select(wide, self.im, self.re)?);
        let (ar, br) = (dag.mul(a, r)?, dag.mul(b, r)?);
        let sum = dag.add(a, br)?;
        let difference = dag.sub(b, ar)?;
        let opposite = dag.negate(difference)?;
        let imaginary = dag.select(wide, difference, opposite)?;
        Ok(Complex { re: dag.div(sum, d)?, im: dag.div(imaginary, d)? })
    }

    /// `|self|`, scaled by the larger part, so it overflows only where the result does. 0 at 0, with derivative 0.
    pub fn abs(self, dag: &mut Dag) -> Result<Id> {
        // One condition chooses both parts, so that derivatives are right where the parts are equal; the smaller part is
        // squared without its absolute value, so that they are right on the axes.
        let wide = larger_real(dag, self)?;
        let large = dag.select(wide, self.re, self.im)?;
        let small = dag.select(wide, self.im, self.re)?;
        let (zero, one) = (dag.f32(0.0), dag.f32(1.0));
        let vanishes = dag.binary(Binary::Eq, large, zero)?;
        let divisor = dag.select(vanishes, one, large)?;
        let ratio = dag.div(small, divisor)?;
        let square = dag.mul(ratio, ratio)?;
        let sum = dag.add(square, one)?;
        let root = dag.unary(Unary::Sqrt, sum)?;
        let size = dag.unary(Unary::Abs, large)?;
        dag.mul(size, root)
    }

    /// `e^self`
    pub fn exp(self, dag: &mut Dag) -> Result<Complex> {
        let size = dag.unary(Unary::Exp, self.re)?;
        let (cos, sin) = (dag.unary(Unary::Cos, self.im)?, dag.unary(Unary::Sin, self.im)?);
        Ok(Complex { re: dag.mul(size, cos)?, im: dag.mul(size, sin)? })
    }
}

/// Whether `|re| >= |im|`.
fn larger_real(dag: &mut Dag, z: Complex) -> Result<Id> {
    let (re, im) = (dag.unary(Unary::Abs, z.re)?, dag.unary(Unary::Abs, z.im)?);
    dag.binary(Binary::Ge, re, im)
}
