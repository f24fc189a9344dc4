//! Adapters: what there is, what each can do, and which one is taken.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::Serialize;

use super::quirks::{self, Quirk};
use crate::error::{Error, Result};

/// The environment variable that [`Selector::Auto`] reads first.
pub const ADAPTER_VARIABLE: &str = "FIELDLINE_ADAPTER";

const HOW_TO_GET_ONE: &str = "Install a driver with Vulkan, Metal, DirectX 12 or OpenGL ES 3.1. Without a GPU, a software \
    device will do: on Debian or Ubuntu `apt-get install mesa-vulkan-drivers`, on Fedora `dnf install mesa-vulkan-drivers`, \
    on Arch `pacman -S vulkan-swrast`. `vulkaninfo --summary` shows what the system finds";

/// Which adapter to use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selector {
    /// The one that the environment variable `FIELDLINE_ADAPTER` selects, else the best.
    #[default]
    Auto,
    /// By position in [`adapters`].
    Index(usize),
    /// The best of those whose name contains this text in any case; `gl:llvmpipe` asks for the backend too.
    Name(String),
}

impl FromStr for Selector {
    type Err = Error;

    /// `auto`, a number, or a part of a name.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        Ok(match text.parse() {
            Ok(index) => Selector::Index(index),
            Err(_) if text.eq_ignore_ascii_case("auto") => Selector::Auto,
            Err(_) if text.is_empty() => {
                return Err(Error::argument("adapter", "`auto`, an index or a part of a name", "nothing"));
            }
            Err(_) => Selector::Name(text.into()),
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Auto => f.write_str("auto"),
            Selector::Index(index) => write!(f, "{index}"),
            Selector::Name(name) => f.write_str(name),
        }
    }
}

/// The limits of an adapter, or of a device that was made of it, that kernels depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComputeLimits {
    /// Bytes of one buffer.
    pub buffer_bytes: u64,
    /// Bytes of one storage binding.
    pub storage_binding_bytes: u64,
    /// Storage buffers in one kernel.
    pub storage_buffers: u32,
    /// Alignment of a storage binding's offset in bytes.
    pub storage_alignment: u32,
    /// Alignment of a uniform binding's offset in bytes.
    pub uniform_alignment: u32,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Invocations in one workgroup.
    pub workgroup_invocations: u32,
    /// Largest size of a workgroup in x, y, z.
    pub workgroup_size: [u32; 3],
    /// Workgroups in each dimension of a grid.
    pub groups_per_dimension: u32,
    /// Bytes of immediates; 0 where there are none.
    pub immediate_bytes: u32,
}

impl From<&wgpu::Limits> for ComputeLimits {
    fn from(limits: &wgpu::Limits) -> Self {
        ComputeLimits {
            buffer_bytes: limits.max_buffer_size,
            storage_binding_bytes: limits.max_storage_buffer_binding_size,
            storage_buffers: limits.max_storage_buffers_per_shader_stage,
            storage_alignment: limits.min_storage_buffer_offset_alignment,
            uniform_alignment: limits.min_uniform_buffer_offset_alignment,
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            workgroup_invocations: limits.max_compute_invocations_per_workgroup,
            workgroup_size: [
                limits.max_compute_workgroup_size_x,
                limits.max_compute_workgroup_size_y,
                limits.max_compute_workgroup_size_z,
            ],
            groups_per_dimension: limits.max_compute_workgroups_per_dimension,
            immediate_bytes: limits.max_immediate_size,
        }
    }
}

/// What is known of an adapter. For [`Gpu::facts`](super::Gpu::facts), limits and features are those of the device, which may
/// have been asked for less.
#[derive(Debug, Clone, Serialize)]
pub struct AdapterFacts {
    /// Position in [`adapters`]; `None` for the adapter of a host application.
    pub index: Option<usize>,
    /// Name, such as `llvmpipe (LLVM 15.0.6, 256 bits)`.
    pub name: String,
    /// PCI number of the vendor, where the backend tells it.
    pub vendor: u32,
    /// PCI number of the device, where the backend tells it.
    pub device: u32,
    /// `discrete`, `integrated`, `virtual`, `cpu` or `other`.
    pub device_type: String,
    /// `vulkan`, `metal`, `dx12` or `gl`.
    pub backend: String,
    /// Name of the driver.
    pub driver: String,
    /// Version text of the driver.
    pub driver_info: String,
    /// Place on the PCI bus (`0000:01:00.0`), or empty.
    pub pci_bus: String,
    /// Smallest subgroup.
    pub subgroup_min: u32,
    /// Largest subgroup.
    pub subgroup_max: u32,
    /// Whether it can run compute shaders at all.
    pub compute: bool,
    /// The limits that kernels depend on.
    pub limits: ComputeLimits,
    /// Names of the features of interest that it has, as wgpu spells them (`SHADER_F16`).
    pub features: Vec<String>,
    /// Known defects.
    pub quirks: Vec<Quirk>,
}

impl AdapterFacts {
    /// Whether the feature of this name (`SHADER_F16`, `SUBGROUP`, `IMMEDIATES`, ...) is there.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|other| other == feature)
    }

    /// Whether the defect `id` of `quirks.toml` is known for this adapter.
    pub fn has_quirk(&self, id: &str) -> bool {
        self.quirks.iter().any(|quirk| quirk.id == id)
    }

    pub(super) fn new(
        index: Option<usize>,
        adapter: &wgpu::Adapter,
        features: wgpu::Features,
        limits: &wgpu::Limits,
    ) -> Self {
        let info = adapter.get_info();
        let backend = backend_name(info.backend);
        let device_type = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "cpu",
            wgpu::DeviceType::Other => "other",
        };
        AdapterFacts {
            index,
            vendor: info.vendor,
            device: info.device,
            device_type: device_type.into(),
            backend: backend.into(),
            subgroup_min: info.subgroup_min_size,
            subgroup_max: info.subgroup_max_size,
            compute: can_compute(adapter),
            limits: ComputeLimits::from(limits),
            features: (features & features_of_interest()).iter_names().map(|(name, _)| name.into()).collect(),
            quirks: quirks::of(&info, backend, device_type),
            name: info.name,
            driver: info.driver,
            driver_info: info.driver_info,
            pci_bus: info.device_pci_bus_id,
        }
    }

    /// One line: index, name, backend, kind, driver.
    fn line(&self) -> String {
        let index = self.index.map_or(String::new(), |index| format!("{index}: "));
        format!("{index}{} ({}, {}, {} {})", self.name, self.backend, self.device_type, self.driver, self.driver_info)
    }
}

fn backend_name(backend: wgpu::Backend) -> &'static str {
    match backend {
        wgpu::Backend::Vulkan => "vulkan",
        wgpu::Backend::Metal => "metal",
        wgpu::Backend::Dx12 => "dx12",
        wgpu::Backend::Gl => "gl",
        wgpu::Backend::BrowserWebGpu => "webgpu",
        wgpu::Backend::Noop => "noop",
    }
}

fn can_compute(adapter: &wgpu::Adapter) -> bool {
    adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
}

/// The features that some kernel has a use for.
fn features_of_interest() -> wgpu::Features {
    wgpu::Features::SHADER_F16
        | wgpu::Features::SHADER_F64
        | wgpu::Features::SHADER_INT64
        | wgpu::Features::SHADER_FLOAT32_ATOMIC
        | wgpu::Features::SUBGROUP
        | wgpu::Features::SUBGROUP_BARRIER
        | wgpu::Features::IMMEDIATES
        | wgpu::Features::TIMESTAMP_QUERY
}

/// The features to ask of `adapter`: those of interest that it has.
pub(super) fn wanted_features(adapter: &wgpu::Adapter) -> wgpu::Features {
    adapter.features() & features_of_interest()
}

/// The limits to ask of `adapter`: its own where kernels depend on them, elsewhere WebGPU's defaults or what it can do.
pub(super) fn wanted_limits(adapter: &wgpu::Adapter) -> wgpu::Limits {
    let own = adapter.limits();
    wgpu::Limits {
        max_bind_groups: own.max_bind_groups,
        max_bindings_per_bind_group: own.max_bindings_per_bind_group,
        max_buffer_size: own.max_buffer_size,
        max_storage_buffer_binding_size: own.max_storage_buffer_binding_size,
        max_storage_buffers_per_shader_stage: own.max_storage_buffers_per_shader_stage,
        min_storage_buffer_offset_alignment: own.min_storage_buffer_offset_alignment,
        min_uniform_buffer_offset_alignment: own.min_uniform_buffer_offset_alignment,
        max_compute_workgroup_storage_size: own.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: own.max_compute_invocations_per_workgroup,
        max_compute_workgroup_size_x: own.max_compute_workgroup_size_x,
        max_compute_workgroup_size_y: own.max_compute_workgroup_size_y,
        max_compute_workgroup_size_z: own.max_compute_workgroup_size_z,
        max_compute_workgroups_per_dimension: own.max_compute_workgroups_per_dimension,
        max_immediate_size: own.max_immediate_size,
        ..wgpu::Limits::default().or_worse_values_from(&own)
    }
}

/// The limits of the portable form: what every adapter in use and every browser has, and no more.
pub(super) fn portable_limits(adapter: &wgpu::Adapter) -> wgpu::Limits {
    let portable = wgpu::Limits {
        max_compute_workgroup_storage_size: 16 << 10,
        max_compute_invocations_per_workgroup: 256,
        max_compute_workgroup_size_x: 256,
        max_compute_workgroup_size_y: 256,
        max_compute_workgroup_size_z: 64,
        max_storage_buffers_per_shader_stage: 8,
        max_storage_buffer_binding_size: 128 << 20,
        max_buffer_size: 256 << 20,
        max_compute_workgroups_per_dimension: 65_535,
        max_immediate_size: 0,
        ..wgpu::Limits::default()
    };
    portable.or_worse_values_from(&adapter.limits())
}

/// All adapters in a stable order: Vulkan, Metal, DirectX 12, OpenGL, each in the order of its driver. They are looked for
/// once: the OpenGL adapters of an instance share a context, which a second search on another thread would find taken.
fn enumerate() -> &'static [wgpu::Adapter] {
    static ADAPTERS: OnceLock<Vec<wgpu::Adapter>> = OnceLock::new();
    ADAPTERS.get_or_init(|| search(wgpu::Backends::all()))
}

/// The adapters of a new instance.
fn search(backends: wgpu::Backends) -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends &= backends;
    // Validation layers of the system are slow and chatty; whoever wants them sets wgpu's own environment variables.
    descriptor.flags = wgpu::InstanceFlags::empty().with_env();
    // A system that hands out more memory than it has kills the process instead; refuse before that.
    descriptor.memory_budget_thresholds.for_resource_creation = Some(95);
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(backends));
    adapters.sort_by_key(|adapter| backend_rank(adapter.get_info().backend));
    adapters
}

/// The adapter at `index` to open a device on. Devices of one OpenGL adapter wait for each other's use of its context, and
/// wgpu panics where that takes longer than a second: each gets an adapter of its own.
fn to_open(adapters: &[wgpu::Adapter], index: usize) -> wgpu::Adapter {
    let is_gl = |adapter: &&wgpu::Adapter| adapter.get_info().backend == wgpu::Backend::Gl;
    let shared = &adapters[index];
    if !is_gl(&shared) {
        return shared.clone();
    }
    let position = adapters[..index].iter().filter(is_gl).count();
    search(wgpu::Backends::GL).into_iter().nth(position).unwrap_or_else(|| shared.clone())
}

fn backend_rank(backend: wgpu::Backend) -> u32 {
    match backend {
        wgpu::Backend::Vulkan => 0,
        wgpu::Backend::Metal => 1,
        wgpu::Backend::Dx12 => 2,
        wgpu::Backend::BrowserWebGpu => 3,
        wgpu::Backend::Gl => 4,
        wgpu::Backend::Noop => 5,
    }
}

/// What is known of every adapter of every backend, in a stable order.
pub fn adapters() -> Vec<AdapterFacts> {
    let list = enumerate();
    list.iter()
        .enumerate()
        .map(|(index, adapter)| AdapterFacts::new(Some(index), adapter, adapter.features(), &adapter.limits()))
        .collect()
}

/// The adapter that `selector` names, with its position.
pub(super) fn select(selector: &Selector) -> Result<(usize, wgpu::Adapter)> {
    let from_environment = match (selector, std::env::var(ADAPTER_VARIABLE)) {
        (Selector::Auto, Ok(text)) if !text.trim().is_empty() => Some(text.parse::<Selector>()?),
        _ => None,
    };
    let argument = if from_environment.is_some() { ADAPTER_VARIABLE } else { "adapter" };
    choose(enumerate(), from_environment.as_ref().unwrap_or(selector), argument)
}

fn choose(adapters: &[wgpu::Adapter], selector: &Selector, argument: &str) -> Result<(usize, wgpu::Adapter)> {
    let usable = adapters.iter().any(can_compute);
    if !usable {
        return Err(Error::NoAdapter(format!("no adapter for compute shaders was found. {HOW_TO_GET_ONE}")));
    }
    let facts = |index: usize, adapter: &wgpu::Adapter| {
        AdapterFacts::new(Some(index), adapter, adapter.features(), &adapter.limits())
    };
    let listing = || adapters.iter().enumerate().map(|(i, a)| facts(i, a).line()).collect::<Vec<_>>().join("; ");
    let best = (adapters.iter().enumerate())
        .filter(|(index, adapter)| can_compute(adapter) && matches(selector, *index, &adapter.get_info()))
        .min_by_key(|(_, adapter)| preference(&adapter.get_info()))
        .map(|(index, _)| index);
    match best {
        Some(index) => Ok((index, to_open(adapters, index))),
        None => {
            let expected = format!("one of the adapters [{}] that runs compute shaders", listing());
            Err(Error::argument(argument, expected, format!("`{selector}`")))
        }
    }
}

fn matches(selector: &Selector, index: usize, info: &wgpu::AdapterInfo) -> bool {
    let Selector::Name(text) = selector else {
        return *selector == Selector::Auto || *selector == Selector::Index(index);
    };
    let text = text.to_lowercase();
    let contains = |part: &str| format!("{} {}", info.name, info.driver).to_lowercase().contains(part.trim());
    match text.split_once(':') {
        Some((backend, name)) if backend.trim() == backend_name(info.backend) => contains(name),
        _ => contains(&text),
    }
}

/// Smaller is better: the kind of device first, then the backend.
fn preference(info: &wgpu::AdapterInfo) -> (u32, u32) {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        // OpenGL drivers of real devices often call themselves `other`.
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    };
    (kind, backend_rank(info.backend))
}
