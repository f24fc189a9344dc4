//! One training step of a tanh network 2-64-64-64-64-1 at batch 4096 with Adam, its residual form (u, u_t, u_x, u_xx and the
//! parameter gradient), and the matrix products alone: CPU time of the process, since wall time drifts on shared machines.
//!
//! Floor of the step: 6 P N = 0.31 GFLOP in products, P = 12,673 weights; the residual step carries four streams.

use fieldline::Result;
use fieldline::expr::Streams;
use fieldline::gpu::{Gpu, Selector};
use fieldline::nn::{Activation, HostRandom, Mlp};
use fieldline::optim::{Adam, Schedule};
use fieldline::tape::program::Program;
use fieldline::tape::{Recorder, Tape, Var};
use fieldline::tensor::{Array, DType};
use std::time::Instant;

const ROWS: usize = 4096;
const F32: DType = DType::F32;

fn main() -> Result<()> {
    let gpu = Gpu::new(&Selector::Auto)?;
    println!("adapter: {}", gpu.facts().name);
    let mlp = Mlp::new(&[2, 64, 64, 64, 64, 1], Activation::Tanh, None)?;
    let supervised = measure(&gpu, &mlp, "supervised step", supervised_loss)?;
    let residual = measure(&gpu, &mlp, "residual step", residual_loss)?;
    println!("residual / supervised: {:.2}", residual / supervised);
    for rows in [ROWS, 4 * ROWS] {
        product(&gpu, rows)?;
    }
    Ok(())
}

/// CPU seconds of this process, all threads.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15, in ticks of 1/100 s; the name in parentheses may hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Median CPU seconds of `run` for one of `times` repetitions, over five rounds.
fn median_cpu(times: u32, mut run: impl FnMut(u32) -> Result<()>) -> Result<f64> {
    run(2)?;
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let begin = cpu_seconds();
        run(times)?;
        rounds.push((cpu_seconds() - begin) / f64::from(times));
    }
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[2])
}

fn supervised_loss(r: &Recorder, mlp: &Mlp, theta: &Var, x: &Var) -> Result<Var> {
    let y = r.input("y", [ROWS, 1], F32);
    Ok((mlp.apply(theta, x)? - &y).square().mean_all())
}

/// The mean square of `u_t + u u_x - u_xx / 100` at all points.
fn residual_loss(r: &Recorder, mlp: &Mlp, theta: &Var, x: &Var) -> Result<Var> {
    let n = mlp.packing().total();
    let network = Tape::record(|r| {
        let (theta, x) = (r.input("theta", [n], F32), r.input("x", [1, 2], F32));
        r.output("u", &mlp.apply(&theta, &x)?);
        Ok(())
    })?;
    let point = Tape::record(|r| {
        let (theta, x) = (r.input("theta", [n], F32), r.input("x", [2], F32));
        let streams = Streams::closure(2, &[vec![2, 0], vec![0, 1]], vec![])?;
        let mut moving = vec![None; streams.len()];
        moving[0] = Some(x.reshape([1, 2]));
        for axis in 0..2 {
            let mut e = vec![0.0; 2];
            e[axis] = 1.0;
            moving[streams.pure(axis, 1).unwrap_or(0)] = Some(r.constant(Array::f32([1, 2], e)?));
        }
        let mut fixed = vec![None; streams.len()];
        fixed[0] = Some(theta.clone());
        let jet = network.jet(r, &[fixed, moving], &streams)?.remove(0);
        let at = |orders: &[u8]| {
            let stream = streams.index_of(orders).and_then(|s| jet[s].clone());
            stream.unwrap_or_else(|| r.full([1, 1], 0.0)).reshape([])
        };
        r.output("r", &(at(&[0, 1]) + &at(&[0, 0]) * &at(&[1, 0]) - at(&[2, 0]) * 0.01));
        Ok(())
    })?;
    let residual = point.vmap(r, &[(theta, false), (x, true)], ROWS)?.remove(0);
    Ok(residual.square().mean_all())
}

type Loss = fn(&Recorder, &Mlp, &Var, &Var) -> Result<Var>;

/// Compiles a step and times it; gives CPU seconds.
fn measure(gpu: &Gpu, mlp: &Mlp, name: &str, loss: Loss) -> Result<f64> {
    let n = mlp.packing().total();
    let tape = Tape::record(|r| {
        let theta = r.input("theta", [n], F32);
        let (first, second) = (r.input("first", [n], F32), r.input("second", [n], F32));
        let count = r.input("count", [], DType::U32);
        let x = r.input("x", [ROWS, 2], F32);
        let loss = loss(r, mlp, &theta, &x)?;
        let gradient = r.gradient(&loss, &[&theta]).remove(0);
        let next = Adam::new(Schedule::Constant { rate: 1e-3 }).update(&theta, &gradient, &first, &second, &count);
        r.output("loss", &loss);
        r.output("theta'", &next.theta);
        r.output("first'", &next.first);
        r.output("second'", &next.second);
        r.output("count'", &next.step);
        Ok(())
    })?;
    let states = [("theta", "theta'"), ("first", "first'"), ("second", "second'"), ("count", "count'")];
    let begin = Instant::now();
    let program = Program::compile(gpu, &tape, &states)?;
    let compile = begin.elapsed();
    let mut random = HostRandom::new(1, 0);
    let mut normal = |n: usize| (0..n).map(|_| random.normal() as f32).collect::<Vec<f32>>();
    program.write("theta", &Array::f32([n], mlp.initial(0))?)?;
    program.write("x", &Array::f32([ROWS, 2], normal(2 * ROWS))?)?;
    if tape.inputs().any(|(name, _)| name == "y") {
        program.write("y", &Array::f32([ROWS, 1], normal(ROWS))?)?;
    }
    let seconds = median_cpu(10, |times| {
        program.replay(times, 5)?;
        program.read("loss").map(|_| ())
    })?;
    let size = program.size();
    println!(
        "{name:<18} {:8.2} ms CPU, {} dispatches, {:.1} MiB, compiled in {:.0} ms",
        1e3 * seconds,
        size.dispatches,
        size.bytes as f64 / f64::from(1 << 20),
        1e3 * compile.as_secs_f64()
    );
    if std::env::var("FIELDLINE_LABELS").is_ok() {
        program.labels().iter().for_each(|l| println!("    {l}"));
    }
    Ok(seconds)
}

/// `[rows, 64] x [64, 64]` alone.
fn product(gpu: &Gpu, rows: usize) -> Result<()> {
    let tape = Tape::record(|r| {
        let (a, b) = (r.input("a", [rows, 64], F32), r.input("b", [64, 64], F32));
        r.output("c", &a.matmul(&b));
        Ok(())
    })?;
    let program = Program::compile(gpu, &tape, &[])?;
    let seconds = median_cpu(40, |times| {
        program.replay(times, 10)?;
        program.gpu().wait()
    })?;
    let flops = 2.0 * rows as f64 * 64.0 * 64.0;
    println!(
        "[{rows}, 64] x [64, 64]  {:6.2} ms CPU, {:.1} GFLOP/s a core-second",
        1e3 * seconds,
        1e-9 * flops / seconds
    );
    Ok(())
}
