//! What the engine adds to wgpu.

use fieldline::gpu::{Access, Composer};

use super::{gpu, kernel};

/// Processor time of this thread in seconds: on a software device the work itself runs on the processor too, in other threads.
fn thread_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) * 1e-9
}

/// What `replay` costs a dispatch beside a loop over raw wgpu that does the same. A measurement, not a check of speed:
/// `cargo test --test gpu -- --ignored --nocapture replay_cost`.
#[test]
#[ignore = "a measurement"]
fn replay_cost() {
    let gpu = gpu();
    let kernel =
        kernel(&gpu, Composer::new().compose("test/params").unwrap(), &[Access::Read, Access::ReadWrite], 3).unwrap();
    let buffers: Vec<_> = (0..3).map(|i| gpu.alloc_zeroed(1024, &format!("b{i}")).unwrap()).collect();
    let params = [1u32, 0, 0];
    let calls: Vec<_> = (0..64)
        .map(|i| {
            let (x, y) = (&buffers[i % 3], &buffers[(i + 1) % 3]);
            gpu.call(&kernel, &[x.into(), y.into()], &params, [1, 1, 1]).unwrap()
        })
        .collect();
    let device = gpu.device();
    let layout_entries = [true, false].map(|read_only| wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Storage { read_only },
        has_dynamic_offset: false,
        min_binding_size: None,
    });
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: None,
        entries: &[0u32, 1].map(|binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: layout_entries[binding as usize],
            count: None,
        }),
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 12,
    });
    let text = Composer::new().compose("test/params").unwrap().source;
    let descriptor = wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl(text.into()) };
    let module = device.create_shader_module(descriptor);
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: Default::default(),
        cache: None,
    });
    let groups: Vec<_> = (0..64)
        .map(|i| {
            let whole = |at: usize| wgpu::BindingResource::Buffer(buffers[at % 3].raw().as_entire_buffer_binding());
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &layout,
                entries: &[
                    wgpu::BindGroupEntry { binding: 0, resource: whole(i) },
                    wgpu::BindGroupEntry { binding: 1, resource: whole(i + 1) },
                ],
            })
        })
        .collect();
    let raw = |times: u32| {
        let mut ahead = std::collections::VecDeque::new();
        for _ in 0..times / 8 {
            let mut encoder = device.create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&pipeline);
            for _ in 0..8 {
                for group in &groups {
                    pass.set_bind_group(0, group, &[]);
                    pass.set_immediates(0, bytemuck::cast_slice(&params));
                    pass.dispatch_workgroups(1, 1, 1);
                }
            }
            drop(pass);
            ahead.push_back(gpu.queue().submit([encoder.finish()]));
            if ahead.len() > 3 {
                device.poll(wgpu::PollType::Wait { submission_index: ahead.pop_front(), timeout: None }).unwrap();
            }
        }
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    };
    let times = 160;
    let dispatches = f64::from(times) * 64.0;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let start = thread_time();
        gpu.replay(&calls, times, 8).unwrap();
        gpu.wait().unwrap();
        ours.push((thread_time() - start) / dispatches * 1e6);
        let start = thread_time();
        raw(times);
        theirs.push((thread_time() - start) / dispatches * 1e6);
    }
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let (a, b) = (ours[10], theirs[10]);
    let (c, d) = (ours[0], theirs[0]);
    println!("least: replay {c:.3} us, raw {d:.3} us, ratio {:.3}", c / d);
    println!("{}: replay {a:.3} us, raw {b:.3} us a dispatch (medians of 20), ratio {:.3}", gpu.facts().name, a / b);
}

/// Resident memory of the process in bytes (Linux).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}

/// Memory stays bounded however long a replay is. Alone in its process, since other tests take memory too:
/// `cargo test --test gpu -- --ignored --nocapture replay_memory`.
#[test]
#[ignore = "needs the process for itself"]
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
