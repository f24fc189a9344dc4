//! A minimal machine for calling a WGSL function on many inputs: words in, words out.

use std::path::Path;
use std::sync::OnceLock;

use wgpu::util::DeviceExt;

/// A device and what to call it in a message.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// Adapter and backend.
    pub name: String,
}

/// Whether naga adds bounds checks and loop bounds to the module.
#[derive(Clone, Copy)]
pub enum Checks {
    On,
    Off,
}

/// One compiled kernel: `per_input` words are read and `per_output` words written by each invocation.
pub struct Kernel {
    pipeline: wgpu::ComputePipeline,
    per_input: usize,
    per_output: usize,
}

/// The source of `shaders/KEY.wgsl` behind everything that it imports, each file once.
pub fn compose(key: &str) -> String {
    fn visit(key: &str, seen: &mut Vec<String>, out: &mut String) {
        if seen.iter().any(|s| s == key) {
            return;
        }
        seen.push(key.to_owned());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders").join(key).with_extension("wgsl");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let imports = text.lines().filter_map(|line| line.strip_prefix("#import "));
        imports.for_each(|import| visit(import.trim(), seen, out));
        text.lines().filter(|line| !line.starts_with("#import ")).for_each(|line| {
            out.push_str(line);
            out.push('\n');
        });
    }
    let mut out = String::new();
    visit(key, &mut Vec::new(), &mut out);
    out
}

/// A whole module: the library files named by `keys`, and an entry point that runs `body` for invocation `i`.
pub fn module(keys: &[&str], body: &str, per_output: usize) -> String {
    let library: String = match keys {
        [] => String::new(),
        [key] => compose(key),
        _ => panic!("one library file a module, its imports come along"),
    };
    format!(
        "{library}
@group(0) @binding(0) var<storage, read> input: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {{
    let i = id.x + id.y * groups.x * 64u;
    if i * {per_output}u < arrayLength(&output) {{
        {body}
    }}
}}
"
    )
}

impl Gpu {
    /// The device of this test run, made once.
    pub fn get() -> &'static Gpu {
        static GPU: OnceLock<Gpu> = OnceLock::new();
        GPU.get_or_init(|| pollster::block_on(Self::open()))
    }

    async fn open() -> Gpu {
        let backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY);
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let wanted = std::env::var("FIELDLINE_ADAPTER").unwrap_or_default().to_lowercase();
        let adapters = instance.enumerate_adapters(backends).await;
        let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
        let adapter = adapters
            .into_iter()
            .find(|a| a.get_info().name.to_lowercase().contains(&wanted))
            .unwrap_or_else(|| panic!("no adapter whose name contains {wanted:?} among {names:?}"));
        let info = adapter.get_info();
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() })
            .await
            .expect("the adapter gives a device");
        Gpu { device, queue, name: format!("{} ({})", info.name, info.backend) }
    }

    /// Compile `source` (see [`module`]).
    pub fn kernel(&self, source: &str, checks: Checks, per_input: usize, per_output: usize) -> Kernel {
        let descriptor = wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl(source.into()) };
        let module = match checks {
            Checks::On => self.device.create_shader_module(descriptor),
            // SAFETY: the entry point of `module` guards `i` by the output's length, `run` sizes the input to match, and the
            // library files index no array and contain no loop.
            Checks::Off => unsafe {
                self.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
            },
        };
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        });
        Kernel { pipeline, per_input, per_output }
    }

    /// Run `kernel` on `input` (a multiple of its `per_input` words) in chunks that fit the smallest binding limit.
    pub fn run(&self, kernel: &Kernel, input: &[u32]) -> Vec<u32> {
        assert_eq!(input.len() % kernel.per_input, 0, "whole inputs");
        let chunk = kernel.per_input * (1 << 22);
        input.chunks(chunk).flat_map(|part| self.run_chunk(kernel, part).0).collect()
    }

    /// One dispatch; also the seconds from submission to completion.
    pub fn run_chunk(&self, kernel: &Kernel, input: &[u32]) -> (Vec<u32>, f64) {
        use wgpu::BufferUsages as Usage;
        let count = input.len() / kernel.per_input;
        let bytes = (count * kernel.per_output * 4) as u64;
        let source = self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytemuck::cast_slice(input),
            usage: Usage::STORAGE,
        });
        let make = |usage| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: bytes,
                usage,
                mapped_at_creation: false,
            })
        };
        let (target, staging) = (make(Usage::STORAGE | Usage::COPY_SRC), make(Usage::COPY_DST | Usage::MAP_READ));
        let entry =
            |binding, buffer| wgpu::BindGroupEntry { binding, resource: wgpu::Buffer::as_entire_binding(buffer) };
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernel.pipeline.get_bind_group_layout(0),
            entries: &[entry(0, &source), entry(1, &target)],
        });
        self.wait();

        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&kernel.pipeline);
            pass.set_bind_group(0, &group, &[]);
            let groups = count.div_ceil(64) as u32;
            let width = groups.min(32768);
            pass.dispatch_workgroups(width, groups.div_ceil(width), 1);
        }
        let start = std::time::Instant::now();
        self.queue.submit([encoder.finish()]);
        self.wait();
        let seconds = start.elapsed().as_secs_f64();

        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&target, 0, &staging, 0, bytes);
        self.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |result| result.expect("the staging buffer maps"));
        self.wait();
        let view = staging.get_mapped_range(..).expect("the staging buffer is mapped");
        (bytemuck::cast_slice(&view).to_vec(), seconds)
    }

    fn wait(&self) {
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
    }

    /// Results of `body` with checked and with unchecked modules, which must agree in every bit.
    pub fn both(&self, keys: &[&str], body: &str, input: &[u32], per_input: usize, per_output: usize) -> Vec<u32> {
        let source = module(keys, body, per_output);
        let [checked, unchecked] = [Checks::On, Checks::Off]
            .map(|checks| self.run(&self.kernel(&source, checks, per_input, per_output), input));
        assert!(checked == unchecked, "{keys:?}: checked and unchecked modules differ on {}", self.name);
        checked
    }
}
