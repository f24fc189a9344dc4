//! Adam and AdamW as part of a program (Kingma & Ba 2015; Loshchilov & Hutter 2019): one elementwise update of the packed
//! parameters, all on the device.

use super::schedule::Schedule;
use crate::expr::{Binary, Dag, Id, Unary};
use crate::tape::Var;

/// Settings of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Learning rate over the steps.
    pub schedule: Schedule,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay (AdamW); 0 for Adam.
    pub weight_decay: f64,
}

impl Adam {
    /// The usual settings: 0.9, 0.999, 1e-8, no decay of weights.
    pub fn new(schedule: Schedule) -> Self {
        Adam { schedule, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// The values of one step of an optimiser with two moments.
#[derive(Debug, Clone)]
pub struct AdamStep {
    /// New parameters.
    pub theta: Var,
    /// New mean of gradients.
    pub first: Var,
    /// New mean of squared gradients.
    pub second: Var,
    /// Next step number.
    pub step: Var,
}

impl Adam {
    /// One step: `theta`, its `gradient`, the moments and the number of steps done (u32 scalar) give their successors.
    #[track_caller]
    pub fn update(&self, theta: &Var, gradient: &Var, first: &Var, second: &Var, step: &Var) -> AdamStep {
        let rate = self.schedule.rate(step);
        let next = step.map_with(&[], |dag, s| {
            let one = dag.u32(1);
            dag.binary(Binary::Add, s[0], one)
        });
        let count = next.cast(crate::tensor::DType::F32);
        let correct1 = count.map_with(&[], |dag, t| bias_correction(dag, t[0], self.beta1));
        let correct2 = count.map_with(&[], |dag, t| bias_correction(dag, t[0], self.beta2));
        let first = first * self.beta1 + gradient * (1.0 - self.beta1);
        let second = second * self.beta2 + gradient.square() * (1.0 - self.beta2);
        let root = (&second * &correct2).sqrt() + self.epsilon;
        let mut direction = &first * &correct1 / root;
        if self.weight_decay != 0.0 {
            direction = direction + theta * self.weight_decay;
        }
        let theta = theta - &(direction * &rate);
        AdamStep { theta, first, second, step: next }
    }
}

/// `1 / (1 - beta^t)`. With `y = -t ln(beta) / 2` this is `(1 + tanh y) / (2 tanh y)`: no cancellation when `beta^t` is near 1.
fn bias_correction(dag: &mut Dag, t: Id, beta: f64) -> crate::error::Result<Id> {
    let half_rate = dag.f32(-0.5 * beta.ln());
    let y = dag.binary(Binary::Mul, t, half_rate)?;
    let tanh = dag.unary(Unary::Tanh, y)?;
    let (one, two) = (dag.f32(1.0), dag.f32(2.0));
    let top = dag.binary(Binary::Add, one, tanh)?;
    let bottom = dag.binary(Binary::Mul, two, tanh)?;
    dag.binary(Binary::Div, top, bottom)
}
