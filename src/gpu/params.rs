//! Parameter blocks in uniform buffers, for adapters without immediates: slots of a few shared buffers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::fault::scoped;
use crate::error::Result;

/// Bytes of a buffer that slots are cut from.
const BLOCK: u64 = 64 << 10;

/// Free slots by size.
pub(super) struct Arena {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// Bind group 1 of every kernel that has a uniform parameter block.
    pub layout: wgpu::BindGroupLayout,
    alignment: u64,
    free: Mutex<HashMap<u64, Vec<Piece>>>,
}

struct Piece {
    buffer: wgpu::Buffer,
    offset: u64,
    group: wgpu::BindGroup,
}

/// A slot that holds the parameters of one call; it returns to the arena when dropped.
pub(super) struct Slot {
    /// `None` only while it is being dropped.
    piece: Option<Piece>,
    size: u64,
    arena: Weak<Arena>,
}

impl Slot {
    pub fn group(&self) -> Option<&wgpu::BindGroup> {
        self.piece.as_ref().map(|piece| &piece.group)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let (Some(piece), Some(arena)) = (self.piece.take(), self.arena.upgrade()) {
            // Writes are ordered with submissions, so the next user cannot disturb work that is under way.
            arena.free().entry(self.size).or_default().push(piece);
        }
    }
}

impl Arena {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, alignment: u32) -> Self {
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("fieldline parameters"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            }],
        });
        let (device, queue) = (device.clone(), queue.clone());
        Arena { device, queue, layout, alignment: alignment.max(16).into(), free: Mutex::default() }
    }

    fn free(&self) -> MutexGuard<'_, HashMap<u64, Vec<Piece>>> {
        self.free.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A slot that holds `bytes`. `kernel` is named in errors.
    pub fn slot(self: &Arc<Self>, bytes: &[u8], kernel: &str) -> Result<Slot> {
        // Uniform structs are rounded up to 16 bytes; sizes are powers of two so that few lists are needed.
        let size = (bytes.len() as u64).max(16).next_power_of_two().next_multiple_of(self.alignment);
        let free = self.free().get_mut(&size).and_then(Vec::pop);
        let piece = match free {
            Some(piece) => piece,
            None => self.grow(size, kernel)?,
        };
        self.queue.write_buffer(&piece.buffer, piece.offset, bytes);
        Ok(Slot { piece: Some(piece), size, arena: Arc::downgrade(self) })
    }

    /// Cuts a new block into slots, keeps all but one, and returns that one.
    fn grow(&self, size: u64, kernel: &str) -> Result<Piece> {
        let count = (BLOCK / size).max(1);
        scoped(&self.device, kernel, || {
            let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("fieldline parameters"),
                size: size * count,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let piece = |at: u64| {
                let binding =
                    wgpu::BufferBinding { buffer: &buffer, offset: at * size, size: std::num::NonZeroU64::new(size) };
                let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some("fieldline parameters"),
                    layout: &self.layout,
                    entries: &[wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(binding) }],
                });
                Piece { buffer: buffer.clone(), offset: at * size, group }
            };
            self.free().entry(size).or_default().extend((1..count).map(piece));
            piece(0)
        })
    }
}
