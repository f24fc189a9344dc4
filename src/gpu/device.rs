//! [`Gpu`]: a device and its queue, opened here or lent by a host application.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::adapter::{self, AdapterFacts, Selector};
use super::buffer::Pool;
use super::fault::{device_error, poll, scoped};
use super::kernel::KernelCache;
use super::memory;
use super::params::Arena;
use super::quirks;
use super::wgsl::{ParamsMode, Requirement, capabilities};
use crate::error::{DeviceFault, Error, Result};

/// How to open a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Which adapter.
    pub selector: Selector,
    /// Let the backend check array indices, loop bounds and divisors in every kernel. Off, kernels are trusted to guard
    /// themselves; they run faster on some devices.
    pub checked: bool,
    /// Use only what every adapter and browser has: no subgroups, f16, f64 or immediates; 256 invocations and 16 KiB of
    /// workgroup memory, 8 storage buffers of at most 128 MiB.
    pub portable: bool,
    /// The longest that one wait for the device may take.
    pub timeout: Duration,
    /// The most bytes that buffers may take. `None` sets no limit of our own, save on software devices: there it is the memory
    /// that the system has available when the device is opened.
    pub memory_budget: Option<u64>,
}

impl Default for Options {
    /// The best adapter, trusted kernels, all features, 60 seconds, no memory budget but that of software devices.
    fn default() -> Self {
        Options {
            selector: Selector::Auto,
            checked: false,
            portable: false,
            timeout: Duration::from_secs(60),
            memory_budget: None,
        }
    }
}

impl Options {
    /// The defaults, with `checked` and `portable` from the environment variables `FIELDLINE_CHECKED` and
    /// `FIELDLINE_PORTABLE` (`1` or `0`).
    ///
    /// # Errors
    /// [`Error::Argument`] where a variable has another value.
    pub fn from_env() -> Result<Self> {
        Ok(Options { checked: flag("FIELDLINE_CHECKED")?, portable: flag("FIELDLINE_PORTABLE")?, ..Self::default() })
    }
}

fn flag(variable: &str) -> Result<bool> {
    match std::env::var(variable).as_deref().map(str::trim) {
        Ok("1") => Ok(true),
        Err(_) | Ok("" | "0") => Ok(false),
        Ok(other) => Err(Error::argument(variable, "1 or 0", format!("`{other}`"))),
    }
}

/// A device with its queue, buffer pool and kernel cache. Clones share all of them.
#[derive(Clone)]
pub struct Gpu(pub(super) Arc<Shared>);

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu").field("adapter", &self.0.facts.name).field("backend", &self.0.facts.backend).finish()
    }
}

pub(super) struct Shared {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub facts: AdapterFacts,
    pub features: wgpu::Features,
    pub capabilities: naga::valid::Capabilities,
    /// Whether this crate opened the device and may set its callbacks.
    pub owned: bool,
    pub timeout: Duration,
    pub checked: AtomicBool,
    /// Why the device was lost; set by the callback of an owned device.
    pub lost: Arc<OnceLock<String>>,
    pub pool: Arc<Pool>,
    pub arena: Arc<Arena>,
    pub kernels: KernelCache,
    /// Mapping it fails at once on a lost device: the only sign of a loss that a borrowed device gives.
    probe: Mutex<wgpu::Buffer>,
}

impl Gpu {
    /// Opens the selected adapter with [`Options::from_env`].
    ///
    /// # Errors
    /// [`Error::NoAdapter`] where there is none (the message says how to get one), [`Error::Argument`] where the selector
    /// matches none of those that exist, [`Error::Device`] where the driver does not open it.
    pub fn new(selector: &Selector) -> Result<Gpu> {
        Gpu::with_options(&Options { selector: selector.clone(), ..Options::from_env()? })
    }

    /// Opens an adapter with options.
    ///
    /// # Errors
    /// As [`Gpu::new`].
    pub fn with_options(options: &Options) -> Result<Gpu> {
        let (index, adapter) = adapter::select(&options.selector)?;
        let (features, limits) = if options.portable {
            (Self::wanted_features(&adapter) & portable_features(), adapter::portable_limits(&adapter))
        } else {
            (Self::wanted_features(&adapter), Self::wanted_limits(&adapter))
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("fieldline"),
            required_features: features,
            required_limits: limits,
            ..Default::default()
        };
        let name = adapter.get_info().name;
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|error| device_error(DeviceFault::Validation, &name, error.to_string()))?;
        let lost = Arc::new(OnceLock::new());
        let (for_loss, for_errors) = (lost.clone(), name.clone());
        device.set_device_lost_callback(move |reason, message| {
            // Only the first reason counts.
            let _ = for_loss.set(format!("{reason:?} {message}").trim().to_string());
        });
        // Errors outside our scopes (an object that is dropped, say) must not panic, which is wgpu's default.
        device.on_uncaptured_error(Arc::new(move |error| log::error!("{for_errors}: {error}")));
        Self::assemble(&adapter, Some(index), device, queue, lost, options)
    }

    /// Uses the device of a host application. Nothing of the host's is taken over: no error handler, no callback, no log; its
    /// poll loop goes on (blocking calls such as [`Gpu::wait`] poll as well, [`Gpu::read_async`] leaves that to the host).
    ///
    /// # Errors
    /// [`Error::Argument`] where the adapter cannot run compute shaders.
    pub fn from_wgpu(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Result<Gpu> {
        Self::from_wgpu_with(adapter, device, queue, &Options::from_env()?)
    }

    /// [`Gpu::from_wgpu`] with options; the selector is not read.
    ///
    /// # Errors
    /// As [`Gpu::from_wgpu`].
    pub fn from_wgpu_with(
        adapter: &wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
        options: &Options,
    ) -> Result<Gpu> {
        Self::assemble(adapter, None, device, queue, Arc::new(OnceLock::new()), options)
    }

    fn assemble(
        adapter: &wgpu::Adapter,
        index: Option<usize>,
        device: wgpu::Device,
        queue: wgpu::Queue,
        lost: Arc<OnceLock<String>>,
        options: &Options,
    ) -> Result<Gpu> {
        let mut features = device.features();
        let mut limits = device.limits();
        if options.portable {
            features &= portable_features();
            limits = adapter::portable_limits(adapter).or_worse_values_from(&limits);
        }
        let facts = AdapterFacts::new(index, adapter, features, &limits);
        if !facts.compute {
            return Err(Error::argument("adapter", "one that runs compute shaders", &facts.name));
        }
        let probe = scoped(&device, "probe", || {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("fieldline probe"),
                size: 4,
                usage: wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            })
        })?;
        let arena = Arena::new(&device, &queue, facts.limits.uniform_alignment);
        let downlevel = adapter.get_downlevel_capabilities().flags;
        let f16_in_f32 = downlevel.contains(wgpu::DownlevelFlags::SHADER_F16_IN_F32);
        let of_system = || if facts.device_type == "cpu" { memory::available() } else { None };
        let budget = options.memory_budget.or_else(of_system);
        Ok(Gpu(Arc::new(Shared {
            capabilities: capabilities(features, f16_in_f32),
            owned: index.is_some(),
            timeout: options.timeout,
            checked: AtomicBool::new(options.checked),
            pool: Arc::new(Pool::new(facts.limits.buffer_bytes, budget)),
            arena: Arc::new(arena),
            kernels: KernelCache::default(),
            probe: Mutex::new(probe),
            device,
            queue,
            facts,
            features,
            lost,
        })))
    }

    /// The features that a host application should ask of `adapter`, on top of its own, for this crate to be at its best.
    pub fn wanted_features(adapter: &wgpu::Adapter) -> wgpu::Features {
        adapter::wanted_features(adapter)
    }

    /// The limits that a host application should ask of `adapter`; take the better of these and its own.
    pub fn wanted_limits(adapter: &wgpu::Adapter) -> wgpu::Limits {
        adapter::wanted_limits(adapter)
    }

    /// What is known of the adapter, with the limits and features of this device.
    pub fn facts(&self) -> &AdapterFacts {
        &self.0.facts
    }

    /// The device.
    pub fn device(&self) -> &wgpu::Device {
        &self.0.device
    }

    /// The queue.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.0.queue
    }

    /// Whether kernels that are built from now on are checked; see [`Options::checked`].
    pub fn checked(&self) -> bool {
        self.0.checked.load(Ordering::Relaxed)
    }

    /// Sets whether kernels that are built from now on are checked. Kernels that exist stay as they are.
    pub fn set_checked(&self, checked: bool) {
        self.0.checked.store(checked, Ordering::Relaxed);
    }

    /// Whether shaders with this `#require` run here.
    pub fn supports(&self, requirement: Requirement) -> bool {
        self.0.features.contains(requirement.feature())
    }

    /// How parameter blocks of `words` 32-bit words reach kernels here.
    pub fn params_mode(&self, words: u32) -> ParamsMode {
        // 128 bytes is what all backends with immediates have.
        let fits = words.saturating_mul(4) <= self.0.facts.limits.immediate_bytes.min(128);
        let usable = self.0.features.contains(wgpu::Features::IMMEDIATES);
        if fits && usable && !self.0.facts.has_quirk(quirks::IMMEDIATES_BROKEN) {
            ParamsMode::Immediate
        } else {
            ParamsMode::Uniform
        }
    }

    /// Waits until all submitted work is done.
    ///
    /// # Errors
    /// [`Error::Device`] where the device is lost or the time of [`Options::timeout`] is over.
    pub fn wait(&self) -> Result<()> {
        self.poll(None, "wait")?;
        self.check_alive("wait")
    }

    /// Waits until the submission, or all work so far, is done. On a lost device the reason is the loss, whatever else fails.
    pub(super) fn poll(&self, submission: Option<wgpu::SubmissionIndex>, kernel: &str) -> Result<()> {
        poll(&self.0.device, submission, self.0.timeout, kernel)
            .or_else(|error| self.check_alive(kernel).and(Err(error)))
    }

    /// [`scoped`] on this device: a refusal that only shows that the device is gone is reported as its loss.
    pub(super) fn scoped<T>(&self, kernel: &str, work: impl FnOnce() -> T) -> Result<T> {
        if let Some(reason) = self.0.lost.get() {
            return Err(device_error(DeviceFault::Lost, kernel, reason.as_str()));
        }
        scoped(&self.0.device, kernel, work).or_else(|error| self.check_alive(kernel).and(Err(error)))
    }

    /// An error where the device is lost.
    pub(super) fn check_alive(&self, kernel: &str) -> Result<()> {
        let lost = |reason: &str| Err(device_error(DeviceFault::Lost, kernel, reason));
        if let Some(reason) = self.0.lost.get() {
            return lost(reason);
        }
        // A lost device refuses every time. A probe that another thread's polling crossed is refused once.
        if (0..PROBES).any(|_| self.takes_a_mapping(kernel)) {
            return Ok(());
        }
        lost("it takes no more work (destroyed by its owner, reset or removed)")
    }

    /// Whether the device takes a request to map a tiny buffer, which is taken back at once.
    fn takes_a_mapping(&self, kernel: &str) -> bool {
        let probe = self.0.probe.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let failed = Arc::new(AtomicBool::new(false));
        let flag = failed.clone();
        // On a lost device the callback comes at once, inside this call. Else the request is taken back below.
        let mapped = scoped(&self.0.device, kernel, || {
            probe.map_async(wgpu::MapMode::Read, .., move |result| flag.store(result.is_err(), Ordering::Relaxed));
            !failed.load(Ordering::Relaxed)
        });
        probe.unmap();
        mapped.unwrap_or(false)
    }
}

/// How often a device may refuse a probe before it counts as lost.
const PROBES: usize = 4;

/// Features that the portable form keeps: those that only the host sees.
fn portable_features() -> wgpu::Features {
    wgpu::Features::TIMESTAMP_QUERY
}
