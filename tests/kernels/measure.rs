//! CPU time of one kernel after another, from a JSON list (path in `FIELDLINE_MEASURE`): a bench for shaders only.

use super::compose::{Variant, compose};
use super::device::Device;

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
    let dev = Device::open();
    for job in list.as_array().unwrap() {
        run(&dev, job);
    }
}

fn run(dev: &Device, job: &serde_json::Value) {
    let text = |k: &str| job[k].as_str().unwrap_or("").to_string();
    let source = std::fs::read_to_string(text("file")).unwrap();
    let mut variant = Variant::default();
    for (k, v) in job["defs"].as_object().into_iter().flatten() {
        variant.defs.insert(k.clone(), v.as_i64().unwrap());
    }
    for (k, v) in job["texts"].as_object().into_iter().flatten() {
        variant.texts.insert(k.clone(), v.as_str().unwrap().to_string());
    }
    let wgsl = compose(&source, &variant);
    if let Ok(p) = std::env::var("FIELDLINE_DUMP") {
        std::fs::write(p, &wgsl).unwrap();
    }
    let sizes: Vec<usize> = job["buffers"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
    let reads: Vec<bool> = job["reads"].as_array().unwrap().iter().map(|v| v.as_bool().unwrap()).collect();
    let params: Vec<u32> = job["params"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect();
    let grid: Vec<u32> = job["grid"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect();
    let start = std::time::Instant::now();
    let kernel = dev.kernel(&wgsl, &reads, 4 * params.len() as u32, job["checked"].as_bool().unwrap_or(false));
    let built = start.elapsed().as_secs_f64();
    let buffers: Vec<wgpu::Buffer> = sizes
        .iter()
        .map(|n| {
            let words: Vec<u32> = (0..*n).map(|i| (((i * 7919 + 13) % 1009) as f32 / 1009.0 - 0.5).to_bits()).collect();
            dev.buffer(&words)
        })
        .collect();
    let refs: Vec<&wgpu::Buffer> = buffers.iter().collect();
    let group = dev.bind(&kernel, &refs);
    let bytes: &[u8] = bytemuck::cast_slice(&params);
    let grid = [grid[0], grid[1], grid[2]];
    dev.dispatch(&kernel, &group, bytes, grid, 1);
    let mut times = job["times"].as_u64().unwrap_or(1) as usize;
    // The first measured call decides how many dispatches fill about 60 ms.
    let t = cpu_seconds();
    dev.dispatch(&kernel, &group, bytes, grid, 1);
    let one = cpu_seconds() - t;
    times = times.max((0.06 / one.max(1e-5)).ceil() as usize).min(2000);
    let reps = job["reps"].as_u64().unwrap_or(7) as usize;
    let mut cpu: Vec<f64> = Vec::new();
    for _ in 0..reps {
        let t = cpu_seconds();
        dev.dispatch(&kernel, &group, bytes, grid, times);
        cpu.push((cpu_seconds() - t) / times as f64);
    }
    cpu.sort_by(f64::total_cmp);
    let (lo, med) = (cpu[0], cpu[reps / 2]);
    let flops = job["flops"].as_f64().unwrap_or(0.0);
    let items = job["items"].as_f64().unwrap_or(0.0);
    println!(
        "{:58} med {:9.4} ms min {:9.4} ms | {:6.2} GFLOP/s (best {:6.2}) | {:7.3} ns/item | build {:.0} ms",
        text("name"),
        med * 1e3,
        lo * 1e3,
        flops / med * 1e-9,
        flops / lo * 1e-9,
        if items > 0.0 { med * 1e9 / items } else { 0.0 },
        built * 1e3
    );
}
