//! Buffers: a pool by size class, and buffers of a host application without a copy.
//!
//! wgpu tracks whole buffers, so every tensor has one of its own; what is no longer used goes back to the pool.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use serde::Serialize;

use super::Gpu;
use super::fault::device_error;
use crate::error::{DeviceFault, Error, Result};

/// A storage buffer. Clones share it; the last one to drop returns it to the pool.
#[derive(Clone)]
pub struct Buffer(Arc<Inner>);

struct Inner {
    raw: Raw,
    size: u64,
    label: String,
    id: u64,
    /// The pool of its device. Numbers of wgpu's objects repeat between devices, so this is what tells them apart.
    home: Weak<Pool>,
    /// Whether it returns to the pool; buffers of a host application do not.
    pooled: bool,
}

/// wgpu's buffer with the name that wgpu's messages call it by. It outlives the labels of its users.
#[derive(Clone)]
struct Raw {
    buffer: wgpu::Buffer,
    name: String,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A pool may be gone before its buffers.
        if let Some(pool) = self.home.upgrade().filter(|_| self.pooled) {
            pool.give_back(self.raw.clone());
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} `{}`, {} bytes)", self.id(), self.label(), self.size())
    }
}

impl Buffer {
    /// Bytes that were asked for.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// Bytes that it can hold: its size class.
    pub fn capacity(&self) -> u64 {
        self.0.raw.buffer.size()
    }

    /// Its name in error messages.
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// wgpu's buffer.
    pub fn raw(&self) -> &wgpu::Buffer {
        &self.0.raw.buffer
    }

    /// The name by which wgpu's messages call it; empty for a buffer of a host application.
    pub(super) fn raw_name(&self) -> &str {
        &self.0.raw.name
    }

    /// A number that no other buffer of this process has.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Whether it was allocated or wrapped by `gpu` or a clone of it.
    pub(super) fn belongs_to(&self, gpu: &Gpu) -> bool {
        std::ptr::eq(self.0.home.as_ptr(), Arc::as_ptr(&gpu.0.pool))
    }

    fn new(raw: Raw, size: u64, label: &str, home: &Arc<Pool>, pooled: bool) -> Self {
        let id = next_id();
        Buffer(Arc::new(Inner { raw, size, label: label.into(), id, home: Arc::downgrade(home), pooled }))
    }
}

/// Numbers for buffers, unique in the process.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Bytes that the pool holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MemoryUse {
    /// Held by buffers in use.
    pub in_use: u64,
    /// Held by buffers that wait for their next use.
    pub idle: u64,
    /// Buffers that were made of the device so far.
    pub created: u64,
    /// The most that buffers in use may hold, where there is such a limit.
    pub budget: Option<u64>,
}

/// Idle buffers by capacity.
pub(super) struct Pool {
    state: Mutex<State>,
    /// The largest buffer of the device, in whole words.
    limit: u64,
}

struct State {
    idle: HashMap<u64, Vec<Raw>>,
    usage: MemoryUse,
}

impl Pool {
    pub fn new(limit: u64, budget: Option<u64>) -> Self {
        let usage = MemoryUse { budget, ..MemoryUse::default() };
        Pool { state: Mutex::new(State { idle: HashMap::new(), usage }), limit: limit & !3 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn give_back(&self, raw: Raw) {
        let size = raw.buffer.size();
        let mut state = self.state();
        state.usage.in_use -= size;
        state.usage.idle += size;
        state.idle.entry(size).or_default().push(raw);
    }

    fn take(&self, class: u64) -> Option<Raw> {
        let mut state = self.state();
        let raw = state.idle.get_mut(&class)?.pop()?;
        state.usage.in_use += class;
        state.usage.idle -= class;
        Some(raw)
    }

    fn trim(&self) {
        let mut state = self.state();
        state.idle.clear();
        state.usage.idle = 0;
    }
}

/// Capacity for `bytes`: four classes an octave (at most a quarter is wasted), 256 bytes at least, `limit` at most.
fn size_class(bytes: u64, limit: u64) -> u64 {
    if bytes <= 256 {
        return 256.min(limit);
    }
    let step = (1 << (bytes - 1).ilog2()) / 4;
    bytes.div_ceil(step).saturating_mul(step).min(limit)
}

impl Gpu {
    /// A buffer of `bytes` bytes for storage bindings and copies. Its contents are those of an earlier use.
    ///
    /// # Errors
    /// [`Error::Device`] that names `label`, the size and the limit, where the device has no room for it.
    pub fn alloc(&self, bytes: u64, label: &str) -> Result<Buffer> {
        let pool = &self.0.pool;
        if bytes > pool.limit {
            let message = format!("the buffer needs {bytes} bytes; the device's largest has {} bytes", pool.limit);
            return Err(device_error(DeviceFault::OutOfMemory, label, message));
        }
        let class = size_class(bytes, pool.limit);
        let raw = match pool.take(class) {
            Some(raw) => raw,
            None => self.create(class, label).or_else(|error| match error {
                Error::Device { fault: DeviceFault::OutOfMemory, .. } => {
                    // Idle buffers of other sizes may be what fills the device; their memory is free once its work is done.
                    pool.trim();
                    self.wait()?;
                    self.create(class, label)
                }
                other => Err(other),
            })?,
        };
        Ok(Buffer::new(raw, bytes, label, pool, true))
    }

    fn create(&self, class: u64, label: &str) -> Result<Raw> {
        self.check_alive(label)?;
        let MemoryUse { in_use, idle, budget, .. } = self.memory_use();
        if let Some(budget) = budget.filter(|budget| (in_use + idle).saturating_add(class) > *budget) {
            let message =
                format!("a buffer of {class} bytes, with {in_use} bytes in use, passes the budget of {budget} bytes");
            return Err(device_error(DeviceFault::OutOfMemory, label, message));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let name = format!("fieldline #{}", next_id());
        let descriptor = wgpu::BufferDescriptor { label: Some(&name), size: class, usage, mapped_at_creation: false };
        let buffer = self.scoped(label, || self.0.device.create_buffer(&descriptor)).map_err(|error| {
            let Error::Device { fault, kernel, message } = error else { return error };
            let message = format!("a buffer of {class} bytes, with {in_use} bytes in use: {message}");
            Error::Device { fault, kernel, message }
        })?;
        let mut state = self.0.pool.state();
        state.usage.in_use += class;
        state.usage.created += 1;
        Ok(Raw { buffer, name })
    }

    /// A buffer of `bytes` bytes, all zero.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn alloc_zeroed(&self, bytes: u64, label: &str) -> Result<Buffer> {
        let buffer = self.alloc(bytes, label)?;
        self.clear(&buffer)?;
        Ok(buffer)
    }

    /// Sets all bytes of `buffer` to zero, after the work submitted so far and before what follows.
    ///
    /// # Errors
    /// [`Error::Device`] where the device is lost or the buffer is not one of its own.
    pub fn clear(&self, buffer: &Buffer) -> Result<()> {
        self.scoped(buffer.label(), || {
            let mut encoder = self.0.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.clear_buffer(buffer.raw(), 0, None);
            self.0.queue.submit([encoder.finish()]);
        })
    }

    /// A buffer of a host application, used as it is: no copy, and not returned to the pool. `COPY_SRC` and `COPY_DST` are
    /// needed only for [`Gpu::read`] and [`Gpu::write`].
    ///
    /// # Errors
    /// [`Error::Argument`] where the buffer cannot be bound as storage.
    pub fn wrap(&self, buffer: wgpu::Buffer) -> Result<Buffer> {
        if !buffer.usage().contains(wgpu::BufferUsages::STORAGE) {
            return Err(Error::argument("buffer", "usage STORAGE", format!("{:?}", buffer.usage())));
        }
        if buffer.size() == 0 || !buffer.size().is_multiple_of(4) {
            let expected = "a size that is a multiple of 4 bytes and not 0";
            return Err(Error::argument("buffer", expected, format!("{} bytes", buffer.size())));
        }
        let size = buffer.size();
        Ok(Buffer::new(Raw { buffer, name: String::new() }, size, "host buffer", &self.0.pool, false))
    }

    /// Bytes in the pool of this device.
    pub fn memory_use(&self) -> MemoryUse {
        self.0.pool.state().usage
    }

    /// Gives the memory of idle buffers back to the device.
    pub fn trim(&self) {
        self.0.pool.trim();
    }
}
