//! Kernels: checked by naga, compiled once, cached.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use super::Gpu;
use super::adapter::ComputeLimits;
use super::wgsl::{Composed, ParamsMode, Validated};
use crate::error::{Error, Result};

/// What a kernel does with a storage binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
}

/// What a kernel is made of.
#[derive(Debug, Clone)]
pub struct KernelSpec {
    /// Its name in error messages and in the tools of the driver.
    pub label: String,
    /// The composed module.
    pub source: Composed,
    /// The `@compute` function.
    pub entry: String,
    /// The storage buffers `@group(0) @binding(0)`, `@binding(1)`, ... in order.
    pub bindings: Vec<Access>,
    /// 32-bit words of the struct that `#params` names, whose members are u32, i32 or f32 scalars; 0 without `#params`.
    pub params_words: u32,
}

/// A compiled kernel. Clones share it.
#[derive(Clone)]
pub struct Kernel(pub(super) Arc<Compiled>);

pub(super) struct Compiled {
    pub label: String,
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
    pub bindings: Vec<Access>,
    pub params_words: u32,
    pub mode: ParamsMode,
    pub workgroup_size: [u32; 3],
}

impl Kernel {
    /// Its name.
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// Invocations of one workgroup in x, y, z.
    pub fn workgroup_size(&self) -> [u32; 3] {
        self.0.workgroup_size
    }

    /// How its parameters reach it.
    pub fn params_mode(&self) -> ParamsMode {
        self.0.mode
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({})", self.label())
    }
}

/// All that a compiled kernel depends on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    source: String,
    entry: String,
    bindings: Vec<Access>,
    params_words: u32,
    checked: bool,
}

/// Kernels by what they were made of.
#[derive(Default)]
pub(super) struct KernelCache(Mutex<HashMap<Key, Kernel>>);

impl Gpu {
    /// Compiles a kernel, or finds it in the cache. The first build costs 10 to 130 ms on software devices.
    ///
    /// # Errors
    /// [`Error::Parse`] with file and line where naga rejects the module; [`Error::Argument`] where `spec` and module differ,
    /// or the device lacks what the module requires; [`Error::Device`] where the driver rejects it.
    pub fn kernel(&self, spec: &KernelSpec) -> Result<Kernel> {
        let checked = self.checked();
        let key = Key {
            source: spec.source.source.clone(),
            entry: spec.entry.clone(),
            bindings: spec.bindings.clone(),
            params_words: spec.params_words,
            checked,
        };
        let cache = || self.0.kernels.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(kernel) = cache().get(&key) {
            return Ok(kernel.clone());
        }
        // The lock is not held meanwhile: two threads may build the same kernel, and the second one wins harmlessly.
        let kernel = self.build(spec, checked)?;
        cache().insert(key, kernel.clone());
        Ok(kernel)
    }

    fn build(&self, spec: &KernelSpec, checked: bool) -> Result<Kernel> {
        if let Some(missing) = spec.source.requirements.iter().find(|requirement| !self.supports(**requirement)) {
            let expected = format!("a device with `{}`", missing.name());
            return Err(Error::argument(format!("kernel `{}`", spec.label), expected, &self.facts().name));
        }
        let mode = self.params_mode(spec.params_words);
        let module = spec.source.validate(mode, self.0.capabilities)?;
        let workgroup_size = agree(spec, &module)
            .and_then(|size| fits(&module.module, size, spec.bindings.len(), &self.facts().limits).map(|()| size))
            .map_err(|(expected, got)| {
                Error::argument(format!("kernel `{}` ({})", spec.label, spec.source.name), expected, got)
            })?;
        let compiled = self.scoped(&spec.label, || {
            let shader = self.shader(&spec.label, module.text, checked);
            let layout = self.storage_layout(&spec.label, &spec.bindings);
            let uniform = spec.params_words > 0 && mode == ParamsMode::Uniform;
            let groups = [Some(&layout), uniform.then_some(&self.0.arena.layout)];
            let pipeline_layout = self.0.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(&spec.label),
                bind_group_layouts: &groups[..if uniform { 2 } else { 1 }],
                immediate_size: if uniform { 0 } else { spec.params_words * 4 },
            });
            let pipeline = self.0.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(&spec.label),
                layout: Some(&pipeline_layout),
                module: &shader,
                entry_point: Some(&spec.entry),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            });
            Compiled {
                label: spec.label.clone(),
                pipeline,
                layout,
                bindings: spec.bindings.clone(),
                params_words: spec.params_words,
                mode,
                workgroup_size,
            }
        })?;
        Ok(Kernel(Arc::new(compiled)))
    }

    fn shader(&self, label: &str, text: String, checked: bool) -> wgpu::ShaderModule {
        let descriptor =
            wgpu::ShaderModuleDescriptor { label: Some(label), source: wgpu::ShaderSource::Wgsl(text.into()) };
        if checked {
            return self.0.device.create_shader_module(descriptor);
        }
        // SAFETY: kernels guard their indices by the lengths in their parameters and bound their loops by counts that the
        // host limits, as shaders/ demands; the host checks the sizes of bindings before a call. The test suite runs in
        // both modes.
        unsafe { self.0.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
    }

    fn storage_layout(&self, label: &str, bindings: &[Access]) -> wgpu::BindGroupLayout {
        let entries: Vec<_> = (0u32..)
            .zip(bindings)
            .map(|(binding, access)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Storage { read_only: *access == Access::Read },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let descriptor = wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries };
        self.0.device.create_bind_group_layout(&descriptor)
    }
}

/// Checks that the module has what `spec` says and returns the workgroup size, else what was expected and what came.
fn agree(spec: &KernelSpec, module: &Validated) -> Result<[u32; 3], (String, String)> {
    let module = &module.module;
    let compute = module.entry_points.iter().filter(|entry| entry.stage == naga::ShaderStage::Compute);
    let Some(entry) = compute.clone().find(|entry| entry.name == spec.entry) else {
        let names: Vec<_> = compute.map(|entry| entry.name.as_str()).collect();
        return Err((format!("a compute entry point `{}`", spec.entry), format!("[{}]", names.join(", "))));
    };
    agree_bindings(spec, module)?;
    agree_params(spec, module)?;
    Ok(entry.workgroup_size)
}

fn agree_bindings(spec: &KernelSpec, module: &naga::Module) -> Result<(), (String, String)> {
    for (_, variable) in module.global_variables.iter() {
        let (Some(binding), naga::AddressSpace::Storage { access }) = (&variable.binding, variable.space) else {
            continue;
        };
        let name = variable.name.as_deref().unwrap_or("?");
        let place = format!("@group({}) @binding({}) `{name}`", binding.group, binding.binding);
        let actual = if access.contains(naga::StorageAccess::STORE) { Access::ReadWrite } else { Access::Read };
        match spec.bindings.get(binding.binding as usize).filter(|_| binding.group == 0) {
            None => {
                let count = spec.bindings.len();
                return Err((format!("storage buffers at @group(0), bindings 0 to {count} (exclusive)"), place));
            }
            Some(wanted) if *wanted != actual => {
                return Err((format!("{wanted:?} access at {place}"), format!("{actual:?} in the module")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn agree_params(spec: &KernelSpec, module: &naga::Module) -> Result<(), (String, String)> {
    let Some(name) = spec.source.params() else {
        return if spec.params_words == 0 {
            Ok(())
        } else {
            Err((format!("`#params` for {} words", spec.params_words), "a module without it".into()))
        };
    };
    let params = module.types.iter().map(|(_, ty)| ty).find(|ty| ty.name.as_deref() == Some(name));
    let Some(naga::TypeInner::Struct { members, .. }) = params.map(|ty| &ty.inner) else {
        return Err((format!("a struct `{name}`"), "none".into()));
    };
    // Only scalars of 4 bytes lie in both address spaces as they do in a slice of words.
    let is_word = |ty: naga::Handle<naga::Type>| {
        matches!(module.types[ty].inner, naga::TypeInner::Scalar(naga::Scalar { width: 4, .. }))
    };
    if let Some(member) = members.iter().find(|member| !is_word(member.ty)) {
        let member = member.name.as_deref().unwrap_or("?");
        return Err((format!("u32, i32 and f32 members in `{name}`"), format!("another type in `{member}`")));
    }
    if members.len() as u64 != u64::from(spec.params_words) {
        let expected = format!("{} words in `{name}`, as the call gives them", spec.params_words);
        return Err((expected, format!("{} members", members.len())));
    }
    Ok(())
}

/// Checks the module against the limits of this device, which for a borrowed one can be narrower than those wgpu checks.
fn fits(
    module: &naga::Module,
    size: [u32; 3],
    bindings: usize,
    limits: &ComputeLimits,
) -> Result<(), (String, String)> {
    let invocations = size.iter().map(|n| u64::from(*n)).product::<u64>();
    let wide = size.iter().zip(limits.workgroup_size).any(|(n, limit)| *n > limit);
    if wide || invocations > limits.workgroup_invocations.into() {
        let most = limits.workgroup_invocations;
        let expected = format!("a workgroup of at most {most} invocations, {:?} in x, y, z", limits.workgroup_size);
        return Err((expected, format!("{size:?}")));
    }
    if bindings as u64 > limits.storage_buffers.into() {
        return Err((format!("at most {} storage buffers", limits.storage_buffers), bindings.to_string()));
    }
    let variables = module.global_variables.iter().map(|(_, variable)| variable);
    let shared = variables.filter(|variable| variable.space == naga::AddressSpace::WorkGroup);
    let bytes: u64 = shared.map(|variable| u64::from(module.types[variable.ty].inner.size(module.to_ctx()))).sum();
    if bytes > limits.workgroup_bytes.into() {
        return Err((
            format!("at most {} bytes of workgroup memory", limits.workgroup_bytes),
            format!("{bytes} bytes"),
        ));
    }
    Ok(())
}
