//! Learning rates as functions of the step, computed on the device.

use crate::error::Result;
use crate::expr::{Binary, Dag, Id, Unary};
use crate::tape::Var;
use crate::tensor::DType;

/// A learning rate over steps `0, 1, ..`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// Always the same.
    Constant {
        /// The rate.
        rate: f64,
    },
    /// Linear from zero over `warmup` steps, then multiplied by `factor` every `every` steps (smoothly, in the exponent).
    Exponential {
        /// Rate after the warm-up.
        rate: f64,
        /// Steps of the warm-up.
        warmup: u32,
        /// Factor.
        factor: f64,
        /// Steps for one factor.
        every: u32,
    },
    /// Linear from zero over `warmup` steps, then half a cosine down to zero at step `total` (Loshchilov & Hutter 2017).
    Cosine {
        /// Rate after the warm-up.
        rate: f64,
        /// Steps of the warm-up.
        warmup: u32,
        /// Step at which the rate reaches zero.
        total: u32,
    },
}

impl Schedule {
    /// The rate at `step` (u32 scalar), an f32 scalar.
    #[track_caller]
    pub fn rate(&self, step: &Var) -> Var {
        let step = step.cast(DType::F32);
        let schedule = *self;
        step.map_with(&[], move |dag, s| {
            let step = s[0];
            let (rate, warmup, decay) = match schedule {
                Schedule::Constant { rate } => return Ok(dag.f32(rate)),
                Schedule::Exponential { rate, warmup, factor, every } => {
                    let after = after_warmup(dag, step, warmup)?;
                    let per_step = dag.f32(factor.ln() / f64::from(every.max(1)));
                    let exponent = dag.binary(Binary::Mul, after, per_step)?;
                    (rate, warmup, dag.unary(Unary::Exp, exponent)?)
                }
                Schedule::Cosine { rate, warmup, total } => {
                    let after = after_warmup(dag, step, warmup)?;
                    let length = f64::from(total.saturating_sub(warmup).max(1));
                    let scale = dag.f32(std::f64::consts::PI / length);
                    let angle = dag.binary(Binary::Mul, after, scale)?;
                    let pi = dag.f32(std::f64::consts::PI);
                    let angle = dag.binary(Binary::Min, angle, pi)?;
                    let cos = dag.unary(Unary::Cos, angle)?;
                    let (half, one) = (dag.f32(0.5), dag.f32(1.0));
                    let sum = dag.binary(Binary::Add, one, cos)?;
                    (rate, warmup, dag.binary(Binary::Mul, half, sum)?)
                }
            };
            let (one, slope) = (dag.f32(1.0), dag.f32(1.0 / f64::from(warmup.max(1))));
            let next = dag.binary(Binary::Add, step, one)?;
            let ramp = dag.binary(Binary::Mul, next, slope)?;
            let ramp = dag.binary(Binary::Min, ramp, one)?;
            let top = dag.f32(rate);
            let rate = dag.binary(Binary::Mul, top, ramp)?;
            dag.binary(Binary::Mul, rate, decay)
        })
    }
}

/// Steps since the warm-up, at least zero.
fn after_warmup(dag: &mut Dag, step: Id, warmup: u32) -> Result<Id> {
    let (start, zero) = (dag.f32(f64::from(warmup)), dag.f32(0.0));
    let after = dag.binary(Binary::Sub, step, start)?;
    dag.binary(Binary::Max, after, zero)
}
