//! What `Gpu::replay` costs the calling thread a dispatch, beside a loop over raw wgpu that records and submits the same work.
//! Times are of the thread, since on a software device the work itself runs on the processor too, in other threads.

use std::collections::VecDeque;

use fieldline::Result;
use fieldline::gpu::{Access, Buffer, Composer, Gpu, KernelSpec, ParamsMode, Selector};

/// Dispatches of one repetition.
const CALLS: usize = 64;
/// Repetitions of one timed round, and how many of them go into a submission.
const TIMES: u32 = 160;
const PER_SUBMISSION: u32 = 8;
const PARAMS: [u32; 3] = [1, 0, 0];

fn main() -> Result<()> {
    let gpu = Gpu::new(&Selector::Auto)?;
    let source = Composer::new().compose("test/params")?;
    let text = source.text(ParamsMode::Immediate);
    let bindings = vec![Access::Read, Access::ReadWrite];
    let kernel =
        gpu.kernel(&KernelSpec { label: "test".into(), source, entry: "main".into(), bindings, params_words: 3 })?;
    let buffers = (0..3).map(|i| gpu.alloc_zeroed(1024, &format!("b{i}"))).collect::<Result<Vec<_>>>()?;
    let call =
        |i: usize| gpu.call(&kernel, &[(&buffers[i % 3]).into(), (&buffers[(i + 1) % 3]).into()], &PARAMS, [1, 1, 1]);
    let calls = (0..CALLS).map(call).collect::<Result<Vec<_>>>()?;
    let raw = Raw::new(gpu.device(), text, &buffers);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let start = thread_seconds();
        gpu.replay(&calls, TIMES, PER_SUBMISSION)?;
        gpu.wait()?;
        ours.push(thread_seconds() - start);
        let start = thread_seconds();
        raw.replay(gpu.device(), gpu.queue());
        theirs.push(thread_seconds() - start);
    }
    println!("adapter: {}", gpu.facts().name);
    for (name, at) in [("least", 0), ("median", 10)] {
        let sorted = |rounds: &mut Vec<f64>| {
            rounds.sort_by(f64::total_cmp);
            rounds[at] / (f64::from(TIMES) * CALLS as f64) * 1e6
        };
        let (a, b) = (sorted(&mut ours), sorted(&mut theirs));
        println!("{name} of 20 rounds: replay {a:.3} us, raw {b:.3} us a dispatch, ratio {:.3}", a / b);
    }
    Ok(())
}

/// Processor time of this thread (Linux).
fn thread_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) * 1e-9
}

/// The same work without this library.
struct Raw {
    pipeline: wgpu::ComputePipeline,
    groups: Vec<wgpu::BindGroup>,
}

impl Raw {
    fn new(device: &wgpu::Device, text: String, buffers: &[Buffer]) -> Raw {
        let entry = |binding: u32| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: binding == 0 },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let layout = device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &[entry(0), entry(1)] });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 12,
        });
        let source = wgpu::ShaderSource::Wgsl(text.into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        });
        let group = |i: usize| {
            let whole = |at: usize| wgpu::BindingResource::Buffer(buffers[at % 3].raw().as_entire_buffer_binding());
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &layout,
                entries: &[
                    wgpu::BindGroupEntry { binding: 0, resource: whole(i) },
                    wgpu::BindGroupEntry { binding: 1, resource: whole(i + 1) },
                ],
            })
        };
        Raw { pipeline, groups: (0..CALLS).map(group).collect() }
    }

    fn replay(&self, device: &wgpu::Device, queue: &wgpu::Queue) {
        let poll = |poll| device.poll(poll).map(drop).expect("the device is there");
        let mut ahead = VecDeque::new();
        for _ in 0..TIMES / PER_SUBMISSION {
            let mut encoder = device.create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&self.pipeline);
            for _ in 0..PER_SUBMISSION {
                for group in &self.groups {
                    pass.set_bind_group(0, group, &[]);
                    pass.set_immediates(0, bytemuck::cast_slice(&PARAMS));
                    pass.dispatch_workgroups(1, 1, 1);
                }
            }
            drop(pass);
            ahead.push_back(queue.submit([encoder.finish()]));
            // As far ahead as `replay` goes.
            if ahead.len() > 3 {
                poll(wgpu::PollType::Wait { submission_index: ahead.pop_front(), timeout: None });
            }
        }
        poll(wgpu::PollType::wait_indefinitely());
    }
}
