//! What the kernel tests share: the device, composing, dispatching, reproducible numbers, the bound of a chain of roundings.

use std::sync::{Mutex, OnceLock};

use fieldline::gpu::{Access, Binding, Buffer, Composed, Composer, Gpu, Kernel, KernelSpec, Options, ParamsMode};

/// The device of all tests.
pub fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| Gpu::with_options(&Options::default()).expect("an adapter (install mesa-vulkan-drivers)"))
}

/// Composes an embedded shader with integer names and inserted blocks.
pub fn compose(key: &str, names: &[(&str, u32)], blocks: &[(&str, &str)]) -> Composed {
    let composer = names.iter().fold(Composer::new(), |composer, (name, value)| composer.define(name, *value as usize));
    let composer = blocks.iter().fold(composer, |composer, (name, text)| composer.insert(name, *text));
    composer.compose(key).unwrap_or_else(|error| panic!("{key}: {error}"))
}

/// A new buffer with these words.
pub fn upload(words: &[u32]) -> Buffer {
    let bytes: &[u8] = bytemuck::cast_slice(words);
    let buffer = gpu().alloc(bytes.len() as u64, "test").expect("a buffer");
    gpu().write(&buffer, 0, bytes).expect("written");
    buffer
}

/// The words of a buffer.
pub fn download(buffer: &Buffer) -> Vec<u32> {
    bytemuck::pod_collect_to_vec(&gpu().read(buffer, 0, buffer.size()).expect("read"))
}

/// Builds the module with these storage bindings, checked or trusted.
pub fn kernel(source: Composed, bindings: Vec<Access>, params_words: u32, checked: bool) -> Kernel {
    // The switch belongs to the device, and tests run side by side.
    static SWITCH: Mutex<()> = Mutex::new(());
    let _held = SWITCH.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    gpu().set_checked(checked);
    let spec = KernelSpec { label: source.name.clone(), source, entry: "main".into(), bindings, params_words };
    gpu().kernel(&spec).unwrap_or_else(|error| panic!("{}: {error}", spec.label))
}

/// Runs the kernel once for each pair of parameters and grid.
pub fn dispatch(kernel: &Kernel, buffers: &[&Buffer], calls: &[(Vec<u32>, [u32; 3])]) {
    let bindings: Vec<Binding> = buffers.iter().map(|buffer| Binding::from(*buffer)).collect();
    let call = |(params, grid): &(Vec<u32>, [u32; 3])| gpu().call(kernel, &bindings, params, *grid).expect("a call");
    gpu().run(&calls.iter().map(call).collect::<Vec<_>>()).expect("the kernel runs");
}

/// As [`kernel`] and [`dispatch`], for a module whose binding 1 is a uniform buffer, which the device layer does not bind.
pub fn dispatch_uniform(source: &Composed, buffers: [&Buffer; 3], params: &[u32], grid: [u32; 3]) {
    let device = gpu().device();
    let desc = wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(source.text(ParamsMode::Immediate).into()),
    };
    let module = device.create_shader_module(desc);
    // The pool's buffers are for storage; a uniform buffer has a usage of its own.
    let uniform = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: buffers[1].size(),
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu().queue().write_buffer(&uniform, 0, &gpu().read(buffers[1], 0, buffers[1].size()).expect("read"));
    let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
    let types = [storage(true), wgpu::BufferBindingType::Uniform, storage(false)];
    let layout_entry = |(binding, ty)| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let entries: Vec<_> = (0..).zip(types).map(layout_entry).collect();
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 4 * params.len() as u32,
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    });
    let raw = [buffers[0].raw(), &uniform, buffers[2].raw()];
    let entries: Vec<_> = (0..)
        .zip(raw)
        .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
        .collect();
    let group =
        device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries });
    let mut encoder = device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_compute_pass(&Default::default());
    pass.set_pipeline(&pipeline);
    pass.set_bind_group(0, &group, &[]);
    pass.set_immediates(0, bytemuck::cast_slice(params));
    pass.dispatch_workgroups(grid[0], grid[1], grid[2]);
    drop(pass);
    gpu().queue().submit([encoder.finish()]);
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
