//! Memory of the host under long replays.

use super::gpu;

/// Resident memory of the process in bytes (Linux).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}

/// Memory stays bounded however long a replay is. In a process of its own, since other tests take memory too.
#[cfg(target_os = "linux")]
#[test]
fn a_long_replay_keeps_its_memory() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["memory::replay_memory", "--exact", "--ignored", "--nocapture"])
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs the process for itself; run by `a_long_replay_keeps_its_memory`"]
fn replay_memory() {
    let gpu = gpu();
    let kernel = super::increment(&gpu);
    let buffer = gpu.alloc_zeroed(4, "counts").unwrap();
    let call = gpu.call(&kernel, &[(&buffer).into()], &[1], [1, 1, 1]).unwrap();
    let calls = vec![call; 64];
    // Pools of wgpu and of the driver fill first.
    gpu.replay(&calls, 500, 1).unwrap();
    let before = resident();
    gpu.replay(&calls, 5000, 1).unwrap();
    let after = resident();
    println!("resident: {before} bytes before, {after} after 5,000 submissions more");
    // A leak of 1 KiB a submission would be 5 MB.
    assert!(after < before + (4 << 20), "{before} -> {after}");
}
