//! Buffers, calls and replays that go well.

use std::time::{Duration, Instant};

use fieldline::error::Error;
use fieldline::gpu::{Access, Binding, Composer, Gpu, Options, ParamsMode, fold_groups};

use super::{gpu, increment, kernel, words};

#[test]
fn grids_fold_below_the_limit_and_cover() {
    for total in [0u64, 1, 65_535, 65_536, 65_537, 1 << 20, 65_535 * 65_535, 65_535 * 65_535 + 1, u32::MAX.into()] {
        let grid = fold_groups(total).map(u64::from);
        assert!(grid.iter().all(|n| *n <= 65_535), "{total}: {grid:?}");
        let covered: u64 = grid.iter().product();
        // Rounding up adds less than one group for each row and plane.
        assert!(covered >= total && covered - total < grid[1] * grid[2] + grid[1].max(1), "{total}: {grid:?}");
    }
}

/// One device in each mode: checked or not, portable or not.
fn devices() -> Vec<Gpu> {
    let mut devices = Vec::new();
    for checked in [false, true] {
        for portable in [false, true] {
            let options = Options { checked, portable, ..Options::default() };
            devices.push(Gpu::with_options(&options).expect("an adapter"));
        }
    }
    devices
}

#[test]
fn writes_and_reads_round_trip() {
    let gpu = gpu();
    let data: Vec<u8> = (0..1003u32).map(|i| (i * 7 % 251) as u8).collect();
    let buffer = gpu.alloc(data.len() as u64, "bytes").unwrap();
    gpu.write(&buffer, 0, &data).unwrap();
    assert_eq!(gpu.read(&buffer, 0, buffer.size()).unwrap(), data);
    assert_eq!(gpu.read(&buffer, 5, 11).unwrap(), data[5..16]);
    assert!(gpu.read(&buffer, 7, 0).unwrap().is_empty());
    gpu.write(&buffer, 8, &[1, 2, 3, 4]).unwrap();
    assert_eq!(gpu.read(&buffer, 7, 6).unwrap(), [data[7], 1, 2, 3, 4, data[12]]);
    assert_eq!(pollster::block_on(gpu.read_async(&buffer, 8, 4)).unwrap(), [1, 2, 3, 4]);
    for result in [gpu.write(&buffer, 2, &[0; 4]), gpu.write(&buffer, 0, &[0; 3]), gpu.write(&buffer, 1000, &[0; 8])] {
        assert!(matches!(&result, Err(Error::Argument { argument, .. }) if argument.contains("bytes")), "{result:?}");
    }
    assert!(matches!(gpu.read(&buffer, 1000, 4), Err(Error::Argument { .. })));
    assert!(matches!(gpu.read(&buffer, u64::MAX, 4), Err(Error::Argument { .. })));
}

/// Longer than one staging buffer, so that it goes in parts.
#[test]
fn long_transfers_go_in_parts() {
    let gpu = gpu();
    let count = (64usize << 20) / 4 + 1000;
    let data: Vec<u32> = (0..count as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let buffer = gpu.alloc(4 * count as u64, "long").unwrap();
    gpu.write(&buffer, 0, bytemuck::cast_slice(&data)).unwrap();
    assert!(words(&gpu, &buffer) == data);
}

/// Size classes hold what was asked for, in whole words, and waste at most a quarter.
#[test]
fn capacities_fit() {
    let gpu = gpu();
    for bytes in [0u64, 1, 255, 256, 257, 300, 511, 512, 513, 1000, 4095, 4097, 100_001, (1 << 20) + 1] {
        let buffer = gpu.alloc(bytes, "class").unwrap();
        let capacity = buffer.capacity();
        assert!(
            buffer.size() == bytes && capacity >= bytes.max(4) && capacity.is_multiple_of(4),
            "{bytes}: {capacity}"
        );
        assert!(bytes <= 256 || 4 * capacity <= 5 * bytes, "{bytes}: {capacity}");
    }
}

#[test]
fn buffers_are_reused_and_zeroed() {
    let gpu = gpu();
    let first = gpu.alloc(1000, "first").unwrap();
    gpu.write(&first, 0, &[7; 1000]).unwrap();
    let (raw, id) = (first.raw().clone(), first.id());
    let kept = first.clone();
    drop(first);
    assert!(gpu.alloc(1000, "second").unwrap().raw() != &raw, "a clone still holds it");
    drop(kept);
    let created = gpu.memory_use().created;
    let zeroed = gpu.alloc_zeroed(990, "third").unwrap();
    assert_eq!(gpu.memory_use().created, created, "the size class has an idle buffer");
    assert!(zeroed.id() != id && zeroed.size() == 990);
    assert!(gpu.read(&zeroed, 0, 990).unwrap().iter().all(|byte| *byte == 0));
    drop(zeroed);
    assert_eq!(gpu.memory_use().in_use, 0);
    gpu.trim();
    assert_eq!(gpu.memory_use().idle, 0);
}

/// The same kernel with immediates and with a uniform block, checked and not.
#[test]
fn parameters_arrive_in_every_mode() {
    for gpu in devices() {
        let source = Composer::new().compose("test/params").unwrap();
        let kernel = kernel(&gpu, source, &[Access::Read, Access::ReadWrite], 3).unwrap();
        let portable = gpu.facts().limits.immediate_bytes == 0;
        assert_eq!(kernel.params_mode() == ParamsMode::Uniform, portable);
        assert_eq!(kernel.workgroup_size(), [64, 1, 1]);
        let n = 1000u32;
        let x = gpu.alloc(4 * u64::from(n), "x").unwrap();
        let y = gpu.alloc_zeroed(4 * u64::from(n), "y").unwrap();
        let input: Vec<f32> = (0..n).map(|i| i as f32).collect();
        gpu.write(&x, 0, bytemuck::cast_slice(&input)).unwrap();
        let call = |scale: f32, offset: i32, count: u32| {
            let params = [count, offset as u32, scale.to_bits()];
            gpu.call(&kernel, &[(&x).into(), (&y).into()], &params, fold_groups(u64::from(n).div_ceil(64))).unwrap()
        };
        // Two calls of one kernel in one pass: the second one's parameters must not reach the first.
        let again = gpu.call_again(&call(2.0, -3, n), &[500, 5, 4.0f32.to_bits()], [16, 1, 1]).unwrap();
        gpu.run(&[call(2.0, -3, n), again]).unwrap();
        let result: Vec<f32> = bytemuck::pod_collect_to_vec(&gpu.read(&y, 0, y.size()).unwrap());
        for (i, value) in result.iter().enumerate() {
            // Small integers: exact.
            let expected = if i < 500 { 4.0 * i as f32 + 5.0 } else { 2.0 * i as f32 - 3.0 };
            assert_eq!(*value, expected, "{i}");
        }
    }
}

#[test]
fn parts_of_buffers_can_be_bound() {
    let gpu = gpu();
    let kernel = increment(&gpu);
    let buffer = gpu.alloc_zeroed(1024, "parts").unwrap();
    let part = Binding { buffer: &buffer, offset: 512, size: 12 };
    let call = gpu.call(&kernel, &[part], &[3], [3, 1, 1]).unwrap();
    gpu.run(&[call]).unwrap();
    let result = words(&gpu, &buffer);
    assert!(result.iter().enumerate().all(|(i, n)| *n == u32::from((128..131).contains(&i))));
}

#[test]
fn folded_grids_reach_every_group_once() {
    let gpu = gpu();
    let kernel = increment(&gpu);
    let count = 2 * 65_535u32 + 17;
    let buffer = gpu.alloc_zeroed(4 * u64::from(count + 100), "counts").unwrap();
    let groups = fold_groups(count.into());
    assert!(groups[1] > 1);
    gpu.run(&[gpu.call(&kernel, &[(&buffer).into()], &[count], groups).unwrap()]).unwrap();
    let result = words(&gpu, &buffer);
    assert!(
        result.iter().enumerate().all(|(i, n)| *n == u32::from(i < count as usize)),
        "each once, none past the end"
    );
    let Err(Error::Argument { argument, .. }) = gpu.call(&kernel, &[(&buffer).into()], &[1], [65_536, 1, 1]) else {
        panic!("expected an error");
    };
    assert!(argument.contains("test/increment"), "{argument}");
    assert!(gpu.call(&kernel, &[(&buffer).into()], &[1], [65_535, 65_535, 2]).is_err(), "2^32 groups do not fit a u32");
}

#[test]
fn replay_counts() {
    for gpu in devices() {
        let kernel = increment(&gpu);
        let buffer = gpu.alloc_zeroed(8, "counts").unwrap();
        let call = gpu.call(&kernel, &[(&buffer).into()], &[1], [1, 1, 1]).unwrap();
        let both = gpu.call_again(&call, &[2], [2, 1, 1]).unwrap();
        let calls = [call, both];
        gpu.replay(&calls, 1000, 0).unwrap();
        gpu.replay(&calls, 7, 2).unwrap();
        gpu.replay(&calls, 0, 2).unwrap();
        gpu.replay(&[], 5, 1).unwrap();
        assert_eq!(words(&gpu, &buffer), [2014, 1007]);
    }
}

#[test]
fn kernels_are_cached() {
    let gpu = gpu();
    let first = increment(&gpu);
    let start = Instant::now();
    for _ in 0..100 {
        increment(&gpu);
    }
    // A build takes 10 ms and more; a hit composes and hashes a few hundred bytes.
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    gpu.set_checked(!gpu.checked());
    assert_eq!(increment(&gpu).label(), first.label());
}

#[test]
fn times_grow_with_the_work() {
    let gpu = gpu();
    let kernel = increment(&gpu);
    let buffer = gpu.alloc_zeroed(4 << 20, "counts").unwrap();
    let call = |count: u32| gpu.call(&kernel, &[(&buffer).into()], &[count], fold_groups(count.into())).unwrap();
    let calls = [call(1), call(1 << 20)];
    gpu.run(&calls).unwrap();
    // Tests beside this one share the device: the smallest of several is what the call itself takes.
    let mut least = [f64::INFINITY; 2];
    for _ in 0..8 {
        let Some(seconds) = gpu.time(&calls).unwrap() else {
            return println!("no sound timestamps on {}", gpu.facts().name);
        };
        assert_eq!(seconds.len(), 2);
        least = [least[0].min(seconds[0]), least[1].min(seconds[1])];
    }
    // A million workgroups of one invocation against one.
    assert!(0.0 < least[1] && 10.0 * least[0] < least[1], "{least:?}");
    assert!(gpu.time(&[]).unwrap().unwrap_or_default().is_empty());
}
