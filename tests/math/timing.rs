//! Nanoseconds per value of each function beside the builtin: `cargo test --test math -- --ignored --nocapture timing`.

use crate::harness::{Checks, Gpu, module};
use crate::ulp::scramble;

/// Values per invocation: enough that memory traffic is small beside the arithmetic.
const REPEAT: u32 = 16;

/// Best of several interleaved rounds, in nanoseconds per call, for each of `bodies`.
fn best(gpu: &Gpu, bodies: &[(Vec<&str>, String)], inputs: &[u32]) -> Vec<f64> {
    let kernels: Vec<_> =
        bodies.iter().map(|(keys, body)| gpu.kernel(&module(keys, body, 1), Checks::Off, 1, 1)).collect();
    let mut best = vec![f64::INFINITY; kernels.len()];
    for _ in 0..100 {
        for (slot, kernel) in best.iter_mut().zip(&kernels) {
            *slot = slot.min(gpu.run_chunk(kernel, inputs).1);
        }
    }
    best.iter().map(|seconds| seconds * 1e9 / (inputs.len() as f64 * f64::from(REPEAT))).collect()
}

/// Sum of REPEAT calls with shifted arguments; `call` names the argument `t`.
fn body(call: &str) -> String {
    let terms: Vec<String> =
        (0..REPEAT).map(|j| format!("{{ let t = x + {}.0 * 0.0625; sum += {call}; }}", j)).collect();
    format!("let x = bitcast<f32>(input[i]); var sum = 0.0; {} output[i] = bitcast<u32>(sum);", terms.join(" "))
}

#[test]
#[ignore = "a measurement, not a check"]
fn timing() {
    let gpu = Gpu::get();
    // Positive arguments in [0.1, 5), so that log and pow are defined.
    let inputs: Vec<u32> =
        (0..1u32 << 15).map(|i| (0.1 + scramble(i) as f32 * (4.9 / 4_294_967_296.0)).to_bits()).collect();
    println!("{}: ns per value, ours / builtin / bare loop", gpu.name);
    for name in ["exp", "log", "sin", "cos", "tanh", "erf", "pow"] {
        let argument = if name == "pow" { "(t, x)" } else { "(t)" };
        let key = format!("lib/math/{name}");
        let mut bodies = vec![(vec![], body("t")), (vec![key.as_str()], body(&format!("fl_{name}{argument}")))];
        if name != "erf" {
            bodies.push((vec![], body(&format!("{name}{argument}"))));
        }
        let times = best(gpu, &bodies, &inputs);
        let builtin = times.get(2).map_or("none".into(), |t| format!("{t:.2}"));
        println!("{name:>5}: {:.2} / {builtin} / {:.2}", times[1], times[0]);
    }
}
