//! Activation functions as scalar DAGs; their derivatives of every order follow from `expr`.

use crate::error::{Error, Result};
use crate::expr::{Binary, Dag, Id, Type, Unary};
use std::fmt;
use std::str::FromStr;

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `tanh z`.
    Tanh,
    /// `sin z`.
    Sin,
    /// `z Phi(z)` with the exact error function (Hendrycks & Gimpel 2016).
    Gelu,
    /// `z / (1 + exp(-z))`, also called swish.
    Silu,
}

impl Activation {
    /// All of them, for help texts.
    pub const ALL: [Activation; 4] = [Activation::Tanh, Activation::Sin, Activation::Gelu, Activation::Silu];

    /// Name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Tanh => "tanh",
            Activation::Sin => "sin",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
        }
    }

    /// Appends the function of `z`.
    ///
    /// # Errors
    /// `z` is no float.
    pub fn build(self, dag: &mut Dag, z: Id) -> Result<Id> {
        let half = dag.f32(0.5);
        let one = dag.f32(1.0);
        match self {
            Activation::Tanh => dag.unary(Unary::Tanh, z),
            Activation::Sin => dag.unary(Unary::Sin, z),
            Activation::Gelu => {
                // z Phi(z) = z/2 (1 + erf(z / sqrt 2))
                let root = dag.f32(std::f64::consts::FRAC_1_SQRT_2);
                let scaled = dag.binary(Binary::Mul, z, root)?;
                let erf = dag.unary(Unary::Erf, scaled)?;
                let sum = dag.binary(Binary::Add, one, erf)?;
                let half_z = dag.binary(Binary::Mul, half, z)?;
                dag.binary(Binary::Mul, half_z, sum)
            }
            Activation::Silu => {
                // The sigmoid through tanh does not overflow: 1/(1 + exp(-z)) = (1 + tanh(z/2))/2.
                let half_z = dag.binary(Binary::Mul, half, z)?;
                let tanh = dag.unary(Unary::Tanh, half_z)?;
                let sum = dag.binary(Binary::Add, one, tanh)?;
                dag.binary(Binary::Mul, half_z, sum)
            }
        }
    }

    /// The function as a DAG of one input and one output.
    ///
    /// # Errors
    /// None for a float input; kept for the shape of the interface.
    pub fn dag(self) -> Result<Dag> {
        let mut dag = Dag::new();
        let z = dag.input(Type::F32);
        let output = self.build(&mut dag, z)?;
        dag.output(output);
        Ok(dag)
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Activation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|a| a.name()).collect();
            Error::argument("activation", format!("one of {}", known.join(", ")), format!("`{name}`"))
        })
    }
}
