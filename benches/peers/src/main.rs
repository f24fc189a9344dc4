//! A training step of a tanh network 2-64-64-64-64-1, batch 4096, mean square error, Adam: this engine and burn 0.21 on the same
//! adapter in the same process, round by round, by CPU time. The peer's first losses are checked before it is timed.

use burn::backend::{Autodiff, Wgpu};
use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, activation::tanh};
use fieldline::gpu::{Gpu, Selector};
use fieldline::nn::{Activation, HostRandom, Mlp};
use fieldline::optim::{Adam, Schedule};
use fieldline::tape::{Tape, program::Program};
use fieldline::tensor::{Array, DType};

const ROWS: usize = 4096;
const WIDTHS: [usize; 6] = [2, 64, 64, 64, 64, 1];
const RATE: f64 = 1e-3;
const STEPS: u32 = 10;
const ROUNDS: usize = 7;

type Peer = Autodiff<Wgpu<f32, i32>>;

#[derive(Module, Debug)]
struct Net<B: Backend> {
    layers: Vec<Linear<B>>,
}

impl Net<Peer> {
    fn new(theta: &[f32]) -> Self {
        let device = Default::default();
        let mut at = 0;
        let layers = WIDTHS.windows(2).map(|pair| {
            let mut layer = LinearConfig::new(pair[0], pair[1]).init(&device);
            let weight = theta[at..at + pair[0] * pair[1]].to_vec();
            at += pair[0] * pair[1];
            let bias = theta[at..at + pair[1]].to_vec();
            at += pair[1];
            layer.weight = Param::from_tensor(Tensor::from_data(TensorData::new(weight, [pair[0], pair[1]]), &device));
            layer.bias = Some(Param::from_tensor(Tensor::from_data(TensorData::new(bias, [pair[1]]), &device)));
            layer
        });
        Net { layers: layers.collect() }
    }

    fn forward(&self, x: Tensor<Peer, 2>) -> Tensor<Peer, 2> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(x, |h, (i, layer)| {
            let z = layer.forward(h);
            if i < last { tanh(z) } else { z }
        })
    }
}

/// CPU seconds of this process, all threads (fields 14 and 15 of its stat, in ticks of 1/100 s).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn ours(gpu: &Gpu, mlp: &Mlp, x: &[f32], y: &[f32]) -> fieldline::Result<Program> {
    let n = mlp.packing().total();
    let tape = Tape::record(|r| {
        let f32 = DType::F32;
        let theta = r.input("theta", [n], f32);
        let (first, second) = (r.input("first", [n], f32), r.input("second", [n], f32));
        let count = r.input("count", [], DType::U32);
        let (x, y) = (r.input("x", [ROWS, 2], f32), r.input("y", [ROWS, 1], f32));
        let loss = (mlp.apply(&theta, &x)? - &y).square().mean_all();
        let gradient = r.gradient(&loss, &[&theta]).remove(0);
        let next = Adam::new(Schedule::Constant { rate: RATE }).update(&theta, &gradient, &first, &second, &count);
        r.output("loss", &loss);
        r.output("theta'", &next.theta);
        r.output("first'", &next.first);
        r.output("second'", &next.second);
        r.output("count'", &next.step);
        Ok(())
    })?;
    let states = [("theta", "theta'"), ("first", "first'"), ("second", "second'"), ("count", "count'")];
    let program = Program::compile(gpu, &tape, &states)?;
    program.write("theta", &Array::f32([n], mlp.initial(0))?)?;
    program.write("x", &Array::f32([ROWS, 2], x)?)?;
    program.write("y", &Array::f32([ROWS, 1], y)?)?;
    Ok(program)
}

fn main() -> fieldline::Result<()> {
    let gpu = Gpu::new(&Selector::Auto)?;
    println!("adapter: {}", gpu.facts().name);
    let mlp = Mlp::new(&WIDTHS, Activation::Tanh, None)?;
    let mut random = HostRandom::new(1, 0);
    let mut normal = |n: usize| (0..n).map(|_| random.normal() as f32).collect::<Vec<f32>>();
    let (x, y) = (normal(2 * ROWS), normal(ROWS));
    let program = ours(&gpu, &mlp, &x, &y)?;

    let device = Default::default();
    let mut net = Net::new(&mlp.initial(0));
    let mut adam = AdamConfig::new().with_epsilon(1e-8).init::<Peer, Net<Peer>>();
    let xs: Tensor<Peer, 2> = Tensor::from_data(TensorData::new(x, [ROWS, 2]), &device);
    let ys: Tensor<Peer, 2> = Tensor::from_data(TensorData::new(y, [ROWS, 1]), &device);
    let mut peer = |steps: u32| -> f32 {
        let mut last = None;
        for _ in 0..steps {
            let loss = (net.forward(xs.clone()) - ys.clone()).powi_scalar(2).mean();
            let gradients = GradientsParams::from_grads(loss.backward(), &net);
            net = adam.step(RATE, net.clone(), gradients);
            last = Some(loss);
        }
        last.map_or(f32::NAN, |l| l.into_scalar())
    };
    // The same weights and data: the losses of the first steps must agree before anything is timed.
    for step in 1..=3 {
        program.run()?;
        let (own, other) = (program.read("loss")?.to_f64()[0], f64::from(peer(1)));
        println!("loss of step {step}: fieldline {own:.7}, burn {other:.7}");
        assert!((own - other).abs() <= 1e-4 * own, "the peer computes something else");
    }
    peer(STEPS);
    program.replay(STEPS, 5)?;
    program.read("loss")?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let begin = cpu_seconds();
        program.replay(STEPS, 5)?;
        program.read("loss")?;
        let middle = cpu_seconds();
        peer(STEPS);
        times[0].push((middle - begin) / f64::from(STEPS));
        times[1].push((cpu_seconds() - middle) / f64::from(STEPS));
    }
    let mut ratios: Vec<f64> = times[0].iter().zip(&times[1]).map(|(a, b)| b / a).collect();
    ratios.sort_by(f64::total_cmp);
    times.iter_mut().for_each(|t| t.sort_by(f64::total_cmp));
    let middle = ROUNDS / 2;
    println!("fieldline {:.1} ms CPU a step, {} dispatches", 1e3 * times[0][middle], program.size().dispatches);
    println!("burn      {:.1} ms CPU a step", 1e3 * times[1][middle]);
    println!("burn / fieldline: {:.2} (least {:.2}, most {:.2})", ratios[middle], ratios[0], ratios[ROUNDS - 1]);
    Ok(())
}
