//! CPU time of one kernel after another, from a JSON list (path in `FIELDLINE_MEASURE`): a bench for shaders only.

use super::device::{Bind, compose, device};

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

fn cpu_seconds() -> f64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    // SAFETY: `t` is a valid timespec; clock 2 is CLOCK_PROCESS_CPUTIME_ID on Linux.
    unsafe { clock_gettime(2, &mut t) };
    t.sec as f64 + t.nsec as f64 * 1e-9
}

#[test]
#[ignore = "a measurement, not a check"]
fn measure() {
    let path = std::env::var("FIELDLINE_MEASURE").expect("FIELDLINE_MEASURE names a JSON file");
    let list: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for job in list.as_array().unwrap() {
        run(job);
    }
}

fn run(job: &serde_json::Value) {
    let dev = device();
    let list = |k: &str| job[k].as_array().unwrap().clone();
    let words = |k: &str| list(k).iter().map(|v| v.as_u64().unwrap() as u32).collect::<Vec<u32>>();
    let defs: Vec<(String, u32)> =
        job["defs"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.as_u64().unwrap() as u32)).collect();
    let defs: Vec<(&str, u32)> = defs.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    let key = job["key"].as_str().unwrap();
    let wgsl =
        if key.ends_with(".wgsl") { std::fs::read_to_string(key).unwrap() } else { compose(key, &defs, &[]).source };
    if let Ok(path) = std::env::var("FIELDLINE_DUMP") {
        std::fs::write(path, &wgsl).unwrap();
    }
    let binds: Vec<Bind> = list("binds")
        .iter()
        .map(|v| match v.as_str().unwrap() {
            "r" => Bind::Read,
            "w" => Bind::Write,
            _ => Bind::Uniform,
        })
        .collect();
    let params = words("params");
    let grid = words("grid");
    let start = std::time::Instant::now();
    let kernel = dev.kernel(&wgsl, &binds, 4 * params.len() as u32, false);
    let built = start.elapsed().as_secs_f64();
    let value = |i: u32| ((i.wrapping_mul(7919) % 1009) as f32 / 1009.0 - 0.5).to_bits();
    let buffers: Vec<_> =
        words("buffers").iter().map(|n| dev.buffer(&(0..*n).map(value).collect::<Vec<u32>>())).collect();
    let group = dev.bind(&kernel, &buffers.iter().collect::<Vec<_>>());
    let grid = [grid[0], grid[1], grid[2]];
    dev.dispatch(&kernel, &group, &params, grid, 1);
    let t = cpu_seconds();
    dev.dispatch(&kernel, &group, &params, grid, 1);
    let times = ((0.05 / (cpu_seconds() - t).max(1e-5)).ceil() as usize).clamp(1, 2000);
    let reps = job["reps"].as_u64().unwrap_or(7) as usize;
    let mut cpu: Vec<f64> = Vec::new();
    for _ in 0..reps {
        let t = cpu_seconds();
        dev.dispatch(&kernel, &group, &params, grid, times);
        cpu.push((cpu_seconds() - t) / times as f64);
    }
    cpu.sort_by(f64::total_cmp);
    let (low, median) = (cpu[0], cpu[reps / 2]);
    let number = |k: &str| job[k].as_f64().unwrap_or(0.0);
    println!(
        "{:64} median {:9.4} ms, best {:9.4} ms | {:6.2} GFLOP/s (best {:6.2}) | {:7.3} ns/item | build {:.0} ms",
        job["name"].as_str().unwrap(),
        median * 1e3,
        low * 1e3,
        number("flops") / median * 1e-9,
        number("flops") / low * 1e-9,
        median * 1e9 / number("items").max(1.0),
        built * 1e3
    );
}
