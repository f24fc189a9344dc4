//! The command: arguments in, rendering out.

mod adapters;
mod arguments;
mod eval;
mod list;
mod op;
mod output;
mod solve;

use arguments::{Arguments, Verb};
use clap::Parser;
use std::process::ExitCode;

/// Runs the command with the process's arguments; gives its exit code.
pub fn main() -> ExitCode {
    // A usage error ends here with exit code 2, `--help` with 0: clap's own behaviour.
    let arguments = Arguments::parse();
    let result = match &arguments.verb {
        Verb::Adapters(a) => adapters::run(a),
        Verb::List(a) => list::run(a),
        Verb::Solve(a) => solve::run(a),
        Verb::Eval(a) => eval::run(a),
        Verb::Op(a) => op::run(a),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fieldline: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
