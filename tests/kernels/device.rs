//! A thin raw-wgpu device for the kernel tests: compose, build, bind, dispatch, read back.

use std::sync::OnceLock;
use std::time::Duration;

use fieldline::gpu::{Composed, Composer};
use wgpu::util::DeviceExt;

/// How a buffer is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind {
    Read,
    Write,
    Uniform,
}

/// One adapter's device with the features that the kernels may use.
pub struct Device {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pub info: wgpu::AdapterInfo,
    pub features: wgpu::Features,
}

/// A compiled kernel with the layout of its bindings.
pub struct Kernel {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// The device of all tests.
pub fn device() -> &'static Device {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    DEVICE.get_or_init(Device::open)
}

/// Composes an embedded shader with integer names and inserted blocks.
pub fn compose(key: &str, names: &[(&str, u32)], blocks: &[(&str, &str)]) -> Composed {
    let composer = names.iter().fold(Composer::new(), |composer, (name, value)| composer.define(name, *value as usize));
    let composer = blocks.iter().fold(composer, |composer, (name, text)| composer.insert(name, *text));
    composer.compose(key).unwrap_or_else(|error| panic!("{key}: {error}"))
}

impl Device {
    fn open() -> Self {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))
            .expect("an adapter (install mesa-vulkan-drivers)");
        let wanted = wgpu::Features::SUBGROUP | wgpu::Features::SHADER_INT64;
        let features = wgpu::Features::IMMEDIATES | (adapter.features() & wanted);
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            required_features: features,
            required_limits: adapter.limits(),
            ..Default::default()
        }))
        .expect("a device");
        Self { device, queue, info: adapter.get_info(), features }
    }

    /// Compiles WGSL for bindings 0, 1, .. and `immediates` bytes of parameters.
    pub fn kernel(&self, wgsl: &str, binds: &[Bind], immediates: u32, checked: bool) -> Kernel {
        let desc = wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl(wgsl.into()) };
        let checks = match checked {
            true => wgpu::ShaderRuntimeChecks::checked(),
            false => wgpu::ShaderRuntimeChecks::unchecked(),
        };
        // SAFETY: the kernels under test guard every index and bound every loop; the same suite runs with checks on.
        let module = unsafe { self.device.create_shader_module_trusted(desc, checks) };
        let entry = |(binding, bind): (usize, &Bind)| wgpu::BindGroupLayoutEntry {
            binding: binding as u32,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: match bind {
                    Bind::Uniform => wgpu::BufferBindingType::Uniform,
                    _ => wgpu::BufferBindingType::Storage { read_only: *bind == Bind::Read },
                },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let entries: Vec<_> = binds.iter().enumerate().map(entry).collect();
        let layout =
            self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: immediates,
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        Kernel { pipeline, layout }
    }

    pub fn buffer(&self, words: &[u32]) -> wgpu::Buffer {
        use wgpu::BufferUsages as Usage;
        self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytemuck::cast_slice(words),
            usage: Usage::STORAGE | Usage::UNIFORM | Usage::COPY_SRC | Usage::COPY_DST,
        })
    }

    pub fn bind(&self, kernel: &Kernel, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        let entries: Vec<_> = buffers
            .iter()
            .enumerate()
            .map(|(at, buffer)| wgpu::BindGroupEntry { binding: at as u32, resource: buffer.as_entire_binding() })
            .collect();
        let layout = &kernel.layout;
        self.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
    }

    /// Dispatches the kernel, submits and waits.
    pub fn dispatch(&self, kernel: &Kernel, group: &wgpu::BindGroup, params: &[u32], grid: [u32; 3]) {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&kernel.pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.set_immediates(0, bytemuck::cast_slice(params));
        pass.dispatch_workgroups(grid[0], grid[1], grid[2]);
        drop(pass);
        self.queue.submit([encoder.finish()]);
        self.wait();
    }

    fn wait(&self) {
        let wait = wgpu::PollType::Wait { submission_index: None, timeout: Some(Duration::from_secs(120)) };
        self.device.poll(wait).expect("the device finishes");
    }

    pub fn read(&self, buffer: &wgpu::Buffer) -> Vec<u32> {
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: buffer.size(),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
        self.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |result| result.expect("the buffer maps"));
        self.wait();
        let view = staging.get_mapped_range(..).expect("mapped");
        bytemuck::cast_slice(&view).to_vec()
    }
}

/// Reproducible numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    }

    /// Uniform in [-1, 1).
    pub fn float(&mut self) -> f32 {
        (self.word() >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// gamma_n = n u / (1 - n u) with u = 2^-24: the bound on the relative error of n roundings in a chain.
pub fn gamma(n: usize) -> f64 {
    let x = n as f64 * 2f64.powi(-24);
    x / (1.0 - x)
}
