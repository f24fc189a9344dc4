//! Interim device core.
#![allow(missing_docs)]
use super::{Composed, ParamsMode};
use crate::error::{DeviceFault, Error, Result};
use std::collections::HashMap;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

#[derive(Clone, Debug)]
pub struct Gpu(Arc<Inner>);
#[derive(Debug)]
struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    facts: AdapterFacts,
    kernels: Mutex<HashMap<String, Kernel>>,
    next: AtomicU64,
}
#[derive(Clone, Debug, serde::Serialize)]
pub struct AdapterFacts {
    pub name: String,
    pub backend: String,
    pub driver: String,
    software: bool,
    storage: u32,
}
impl AdapterFacts {
    pub fn is_software(&self) -> bool {
        self.software
    }
    pub fn max_storage_buffers(&self) -> u32 {
        self.storage
    }
}
#[derive(Clone, Debug)]
pub enum Selector {
    Auto,
}
#[derive(Clone, Debug)]
pub struct Buffer {
    raw: wgpu::Buffer,
    id: u64,
    label: String,
}
impl Buffer {
    pub fn size(&self) -> u64 {
        self.raw.size()
    }
    pub fn id(&self) -> u64 {
        self.id
    }
    pub fn raw(&self) -> &wgpu::Buffer {
        &self.raw
    }
    pub fn label(&self) -> &str {
        &self.label
    }
}
pub struct Binding<'a> {
    pub buffer: &'a Buffer,
    pub offset: u64,
    pub size: u64,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    Read,
    ReadWrite,
}
pub struct KernelSpec {
    pub label: String,
    pub source: Composed,
    pub entry: String,
    pub bindings: Vec<Access>,
    pub params_words: u32,
}
#[derive(Clone, Debug)]
pub struct Kernel {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    ulayout: wgpu::BindGroupLayout,
    label: String,
}
#[derive(Clone, Debug)]
pub struct Call {
    kernel: Kernel,
    group: wgpu::BindGroup,
    ugroup: wgpu::BindGroup,
    groups: [u32; 3],
}
pub fn fold_groups(total: u64) -> [u32; 3] {
    let x = total.clamp(1, 65535);
    let y = total.div_ceil(x).max(1).min(65535);
    [x as u32, y as u32, total.div_ceil(x * y).max(1) as u32]
}
impl Gpu {
    pub fn new(_s: &Selector) -> Result<Gpu> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN,
            ..wgpu::InstanceDescriptor::new_without_display_handle_from_env()
        });
        let adapter = pollster::block_on(instance.request_adapter(&Default::default()))
            .map_err(|e| Error::NoAdapter(e.to_string()))?;
        let info = adapter.get_info();
        let (device, queue) = pollster::block_on(
            adapter.request_device(&wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() }),
        )
        .map_err(|e| Error::NoAdapter(e.to_string()))?;
        let facts = AdapterFacts {
            name: info.name,
            backend: format!("{:?}", info.backend),
            driver: info.driver,
            software: info.device_type == wgpu::DeviceType::Cpu,
            storage: device.limits().max_storage_buffers_per_shader_stage.min(32),
        };
        Ok(Gpu(Arc::new(Inner { device, queue, facts, kernels: Mutex::default(), next: AtomicU64::new(0) })))
    }
    pub fn facts(&self) -> &AdapterFacts {
        &self.0.facts
    }
    pub fn alloc(&self, bytes: u64, label: &str) -> Result<Buffer> {
        let raw = self.0.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes.max(16).next_multiple_of(16),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Ok(Buffer { raw, id: self.0.next.fetch_add(1, Ordering::Relaxed), label: label.into() })
    }
    pub fn alloc_zeroed(&self, bytes: u64, label: &str) -> Result<Buffer> {
        self.alloc(bytes, label)
    }
    pub fn write(&self, b: &Buffer, offset: u64, bytes: &[u8]) -> Result<()> {
        self.0.queue.write_buffer(&b.raw, offset, bytes);
        Ok(())
    }
    pub fn read(&self, b: &Buffer, offset: u64, bytes: u64) -> Result<Vec<u8>> {
        let staging = self.0.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut e = self.0.device.create_command_encoder(&Default::default());
        e.copy_buffer_to_buffer(&b.raw, offset, &staging, 0, bytes);
        self.0.queue.submit([e.finish()]);
        staging.slice(..).map_async(wgpu::MapMode::Read, |_| ());
        self.wait()?;
        let v = staging
            .slice(..)
            .get_mapped_range()
            .map_err(|e| Error::Device { fault: DeviceFault::Lost, kernel: "read".into(), message: e.to_string() })?
            .to_vec();
        Ok(v)
    }
    pub fn wait(&self) -> Result<()> {
        self.0.device.poll(wgpu::PollType::wait_indefinitely()).map(|_| ()).map_err(|e| Error::Device {
            fault: DeviceFault::Timeout,
            kernel: "wait".into(),
            message: e.to_string(),
        })
    }
    pub fn kernel(&self, spec: &KernelSpec) -> Result<Kernel> {
        let text = spec.source.text(ParamsMode::Uniform);
        let key = format!("{:?}{}{text}", spec.bindings, spec.entry);
        if let Some(k) = self.0.kernels.lock().expect("lock").get(&key) {
            return Ok(k.clone());
        }
        spec.source.validate(ParamsMode::Uniform, naga::valid::Capabilities::all()).map_err(|e| e)?;
        let d = &self.0.device;
        let entry = |i: usize, ty| wgpu::BindGroupLayoutEntry {
            binding: i as u32,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let entries: Vec<_> = spec
            .bindings
            .iter()
            .enumerate()
            .map(|(i, a)| entry(i, wgpu::BufferBindingType::Storage { read_only: *a == Access::Read }))
            .collect();
        let layout = d.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
        let ulayout = d.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &[entry(0, wgpu::BufferBindingType::Uniform)],
        });
        let pl = d.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout), Some(&ulayout)],
            immediate_size: 0,
        });
        let module = d.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&spec.label),
            source: wgpu::ShaderSource::Wgsl(text.into()),
        });
        let pipeline = d.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&spec.label),
            layout: Some(&pl),
            module: &module,
            entry_point: Some(&spec.entry),
            compilation_options: Default::default(),
            cache: None,
        });
        let k = Kernel { pipeline, layout, ulayout, label: spec.label.clone() };
        self.0.kernels.lock().expect("lock").insert(key, k.clone());
        Ok(k)
    }
    pub fn call(&self, kernel: &Kernel, bindings: &[Binding], params: &[u32], groups: [u32; 3]) -> Result<Call> {
        let d = &self.0.device;
        let entries: Vec<_> = bindings
            .iter()
            .enumerate()
            .map(|(i, b)| wgpu::BindGroupEntry {
                binding: i as u32,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &b.buffer.raw,
                    offset: b.offset,
                    size: std::num::NonZeroU64::new(b.size),
                }),
            })
            .collect();
        let group = d.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&kernel.label),
            layout: &kernel.layout,
            entries: &entries,
        });
        let u = d.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: ((params.len() * 4) as u64).max(16).next_multiple_of(16),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.0.queue.write_buffer(&u, 0, bytemuck::cast_slice(params));
        let ugroup = d.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernel.ulayout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: u.as_entire_binding() }],
        });
        Ok(Call { kernel: kernel.clone(), group, ugroup, groups })
    }
    pub fn run(&self, calls: &[Call]) -> Result<()> {
        self.replay(calls, 1, 1)
    }
    pub fn replay(&self, calls: &[Call], times: u32, per: u32) -> Result<()> {
        let mut left = times;
        while left > 0 {
            let n = left.min(per);
            left -= n;
            let mut e = self.0.device.create_command_encoder(&Default::default());
            {
                let mut p = e.begin_compute_pass(&Default::default());
                for _ in 0..n {
                    for c in calls {
                        p.set_pipeline(&c.kernel.pipeline);
                        p.set_bind_group(0, &c.group, &[]);
                        p.set_bind_group(1, &c.ugroup, &[]);
                        p.dispatch_workgroups(c.groups[0], c.groups[1], c.groups[2]);
                    }
                }
            }
            self.0.queue.submit([e.finish()]);
        }
        Ok(())
    }
}

impl std::str::FromStr for Selector {
    type Err = Error;
    fn from_str(_: &str) -> Result<Self> {
        Ok(Selector::Auto)
    }
}
impl std::fmt::Display for AdapterFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}
pub fn adapters() -> Vec<AdapterFacts> {
    Gpu::new(&Selector::Auto).map(|g| vec![g.facts().clone()]).unwrap_or_default()
}
pub fn no_adapter() -> Error {
    Error::NoAdapter("none".into())
}
