//! Whole training steps: states in place, replays, faults.

use super::{F32, both, gpu, normal, turn};
use fieldline::nn::{Activation, Mlp};
use fieldline::optim::{Adam, Schedule};
use fieldline::tape::program::Program;
use fieldline::tape::{Recorder, Tape};
use fieldline::tensor::{Array, DType};
use fieldline::{Error, Result};

fn mlp() -> Mlp {
    Mlp::new(&[2, 16, 16, 1], Activation::Tanh, None).expect("valid widths")
}

fn step(r: &Recorder, rows: usize) -> Result<()> {
    let mlp = mlp();
    let n = mlp.packing().total();
    let theta = r.input("theta", [n], F32);
    let (first, second) = (r.input("first", [n], F32), r.input("second", [n], F32));
    let count = r.input("count", [], DType::U32);
    let (x, y) = (r.input("x", [rows, 2], F32), r.input("y", [rows, 1], F32));
    let loss = (mlp.apply(&theta, &x)? - &y).square().mean_all();
    let gradient = r.gradient(&loss, &[&theta]).remove(0);
    let adam = Adam::new(Schedule::Exponential { rate: 1e-2, warmup: 3, factor: 0.5, every: 100 });
    let next = adam.update(&theta, &gradient, &first, &second, &count);
    r.output("loss", &loss);
    r.output("gradient", &gradient);
    r.output("theta'", &next.theta);
    r.output("first'", &next.first);
    r.output("second'", &next.second);
    r.output("count'", &next.step);
    Ok(())
}

const STATES: [(&str, &str); 4] =
    [("theta", "theta'"), ("first", "first'"), ("second", "second'"), ("count", "count'")];

fn start(program: &Program, rows: usize) {
    let theta = mlp().initial(1);
    let n = theta.len();
    let write = |name: &str, array: Array| program.write(name, &array).unwrap_or_else(|e| panic!("{e}"));
    write("theta", Array::f32([n], theta).expect("sizes"));
    write("first", Array::zeros(F32, [n]));
    write("second", Array::zeros(F32, [n]));
    write("count", Array::zeros(DType::U32, []));
    write("x", normal(1, &[rows, 2]));
    write("y", normal(2, &[rows, 1]));
}

#[test]
fn a_step_equals_the_interpreter() {
    for rows in [1, 7, 200] {
        let tape = Tape::record(|r| step(r, rows)).expect("records");
        let n = mlp().packing().total();
        let arguments = [
            Array::f32([n], mlp().initial(1)).expect("sizes"),
            normal(3, &[n]),
            Array::f32([n], normal(4, &[n]).as_f32("v").expect("f32").iter().map(|v| v * v).collect::<Vec<_>>())
                .expect("sizes"),
            Array::u32([], [5]).expect("one"),
            normal(1, &[rows, 2]),
            normal(2, &[rows, 1]),
        ];
        for result in both("training step", &tape, &arguments) {
            assert_eq!(result.bounded(), result.bound.len(), "{rows} rows: a bound that says nothing");
        }
    }
}

#[test]
fn a_replay_equals_single_steps_bit_for_bit() {
    let _turn = turn();
    let tape = Tape::record(|r| step(r, 64)).expect("records");
    let program = Program::compile(gpu(), &tape, &STATES).unwrap_or_else(|e| panic!("{e}"));
    start(&program, 64);
    for _ in 0..20 {
        program.run().expect("runs");
    }
    let single = program.read("theta'").expect("finite");
    start(&program, 64);
    program.replay(20, 8).expect("runs");
    assert_eq!(program.read("theta'").expect("finite"), single);
    assert_eq!(program.read_input("theta").expect("readable"), single);
    assert_eq!(program.read("count'").expect("finite").to_f64(), [20.0]);
    println!("{} dispatches a step: {:?}", program.size().dispatches, program.labels());
}

#[test]
fn training_lowers_the_loss() {
    let _turn = turn();
    let tape = Tape::record(|r| step(r, 64)).expect("records");
    let program = Program::compile(gpu(), &tape, &STATES).unwrap_or_else(|e| panic!("{e}"));
    start(&program, 64);
    program.run().expect("runs");
    let before = program.read("loss").expect("finite").to_f64()[0];
    program.replay(300, 50).expect("runs");
    let after = program.read("loss").expect("finite").to_f64()[0];
    // The targets are noise, so no amount of descent is promised: only that 300 steps along the gradient descend at all. That each
    // step is the right one is the test above.
    assert!(after < before, "{before} -> {after}");
}

#[test]
fn a_nan_is_a_named_fault() {
    let _turn = turn();
    let tape = Tape::record(|r| step(r, 64)).expect("records");
    let program = Program::compile(gpu(), &tape, &STATES).unwrap_or_else(|e| panic!("{e}"));
    start(&program, 64);
    let mut y = normal(2, &[64, 1]).as_f32("y").expect("f32").to_vec();
    y[13] = f32::NAN;
    program.write("y", &Array::f32([64, 1], y).expect("sizes")).expect("written");
    program.run().expect("runs");
    match program.read("theta'") {
        Err(Error::Numerical { problem, .. }) => {
            assert!(problem.contains("`loss`") && problem.contains("`theta'`"), "{problem}")
        }
        other => panic!("expected a numerical error, got {other:?}"),
    }
}

#[test]
fn states_may_be_exchanged() {
    let _turn = turn();
    let tape = Tape::record(|r| {
        let (a, b) = (r.input("a", [5], F32), r.input("b", [5], F32));
        r.output("a'", &b);
        r.output("b'", &(&a + &b));
        Ok(())
    })
    .expect("records");
    let program = Program::compile(gpu(), &tape, &[("a", "a'"), ("b", "b'")]).unwrap_or_else(|e| panic!("{e}"));
    program.write("a", &Array::f32([5], [0.0; 5]).expect("sizes")).expect("written");
    program.write("b", &Array::f32([5], [1.0; 5]).expect("sizes")).expect("written");
    program.replay(10, 4).expect("runs");
    assert_eq!(program.read("b'").expect("finite").to_f64(), [89.0; 5], "the 10th step of Fibonacci's sequence");
}
