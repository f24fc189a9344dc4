//! Calls: a kernel with its buffers, parameters and grid, made once and run many times.

use std::fmt;
use std::sync::Arc;

use super::Gpu;
use super::buffer::Buffer;
use super::kernel::{Access, Kernel};
use super::params::Slot;
use super::wgsl::ParamsMode;
use crate::error::{Error, Result};

/// Workgroups that one dimension of a grid can have on every adapter.
pub const MAX_GROUPS: u32 = 65_535;

/// A part of a buffer that a kernel sees as one storage binding.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// The buffer.
    pub buffer: &'a Buffer,
    /// First byte; a multiple of the device's `storage_alignment`.
    pub offset: u64,
    /// Bytes; rounded up to whole words.
    pub size: u64,
}

impl<'a> From<&'a Buffer> for Binding<'a> {
    /// The whole buffer.
    fn from(buffer: &'a Buffer) -> Self {
        Binding { buffer, offset: 0, size: buffer.size() }
    }
}

/// A kernel bound to buffers, parameters and a grid of workgroups. It keeps its buffers alive. Clones share it.
#[derive(Clone)]
pub struct Call(pub(super) Arc<Recorded>);

pub(super) struct Recorded {
    pub kernel: Kernel,
    pub bound: Arc<Bound>,
    pub params: Params,
    pub groups: [u32; 3],
}

/// The storage bindings of a call; calls that differ in parameters only share them.
pub(super) struct Bound {
    pub group: wgpu::BindGroup,
    /// Held so that the pool does not give them to others.
    pub buffers: Vec<Buffer>,
}

/// The parameters of a call.
pub(super) enum Params {
    None,
    Immediate(Vec<u8>),
    Uniform(Slot),
}

impl Call {
    /// The kernel's name.
    pub fn label(&self) -> &str {
        self.0.kernel.label()
    }

    /// Workgroups in x, y, z.
    pub fn groups(&self) -> [u32; 3] {
        self.0.groups
    }

    /// The kernel.
    pub fn kernel(&self) -> &Kernel {
        &self.0.kernel
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({}, {:?})", self.label(), self.groups())
    }
}

/// Folds a linear number of workgroups over x, y, z so that no dimension passes 65,535, as evenly as it goes: less than one
/// row and one plane too many. Kernels undo it with `linear_group` of `lib/index` and must return where the number is not
/// below their total. Totals of 2^32 and more give a grid that [`Gpu::call`] rejects: such numbers do not fit a u32.
pub fn fold_groups(total: u64) -> [u32; 3] {
    let limit = u64::from(MAX_GROUPS);
    let rows = total.div_ceil(limit).max(1);
    let z = rows.div_ceil(limit);
    let y = rows.div_ceil(z);
    let x = total.div_ceil(y * z);
    [x, y, z].map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

impl Gpu {
    /// Binds `kernel` to buffers and parameters. The grid may be empty.
    ///
    /// # Errors
    /// [`Error::Argument`] that names the kernel, and the binding with its buffer, where number, size, alignment or grid do
    /// not fit; [`Error::Device`] where the device refuses.
    pub fn call(&self, kernel: &Kernel, bindings: &[Binding], params: &[u32], groups: [u32; 3]) -> Result<Call> {
        let compiled = &kernel.0;
        let argument = || format!("kernel `{}`", compiled.label);
        if bindings.len() != compiled.bindings.len() {
            let expected = format!("{} bindings", compiled.bindings.len());
            return Err(Error::argument(argument(), expected, bindings.len()));
        }
        self.check_groups(kernel, groups)?;
        for (index, binding) in bindings.iter().enumerate() {
            self.check_binding(kernel, index, binding)?;
        }
        check_aliases(kernel, bindings)?;
        let params = self.params(kernel, params)?;
        let entries: Vec<_> = (0u32..)
            .zip(bindings)
            .map(|(index, binding)| wgpu::BindGroupEntry {
                binding: index,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: binding.buffer.raw(),
                    offset: binding.offset,
                    size: std::num::NonZeroU64::new(bound_bytes(binding)),
                }),
            })
            .collect();
        let group = self.scoped(&compiled.label, || {
            self.0.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(&compiled.label),
                layout: &compiled.layout,
                entries: &entries,
            })
        })?;
        let buffers = bindings.iter().map(|binding| binding.buffer.clone()).collect();
        let bound = Arc::new(Bound { group, buffers });
        Ok(Call(Arc::new(Recorded { kernel: kernel.clone(), bound, params, groups })))
    }

    /// `call` with other parameters and another grid, on the same buffers.
    ///
    /// # Errors
    /// As [`Gpu::call`].
    pub fn call_again(&self, call: &Call, params: &[u32], groups: [u32; 3]) -> Result<Call> {
        let kernel = call.kernel().clone();
        self.check_groups(&kernel, groups)?;
        let params = self.params(&kernel, params)?;
        Ok(Call(Arc::new(Recorded { kernel, bound: call.0.bound.clone(), params, groups })))
    }

    fn params(&self, kernel: &Kernel, words: &[u32]) -> Result<Params> {
        let compiled = &kernel.0;
        if words.len() as u64 != u64::from(compiled.params_words) {
            let expected = format!("{} parameter words", compiled.params_words);
            return Err(Error::argument(format!("kernel `{}`", compiled.label), expected, words.len()));
        }
        let bytes: &[u8] = bytemuck::cast_slice(words);
        Ok(match compiled.mode {
            _ if bytes.is_empty() => Params::None,
            ParamsMode::Immediate => Params::Immediate(bytes.to_vec()),
            ParamsMode::Uniform => Params::Uniform(self.0.arena.slot(bytes, &compiled.label)?),
        })
    }

    fn check_groups(&self, kernel: &Kernel, groups: [u32; 3]) -> Result<()> {
        let limit = self.facts().limits.groups_per_dimension;
        let product = groups.iter().try_fold(1u32, |product, count| product.checked_mul(*count));
        if groups.iter().any(|count| *count > limit) || product.is_none() {
            let expected = format!("at most {limit} workgroups a dimension and 2^32 - 1 in all (see fold_groups)");
            return Err(Error::argument(
                format!("grid of kernel `{}`", kernel.label()),
                expected,
                format!("{groups:?}"),
            ));
        }
        Ok(())
    }

    fn check_binding(&self, kernel: &Kernel, index: usize, binding: &Binding) -> Result<()> {
        let limits = &self.facts().limits;
        let Binding { buffer, offset, size } = *binding;
        let fail = |expected: String, got: String| {
            let argument = format!("kernel `{}`, binding {index}, buffer `{}`", kernel.label(), buffer.label());
            Err(Error::argument(argument, expected, got))
        };
        if !buffer.belongs_to(self) {
            return fail("a buffer of this device".into(), "one of another".into());
        }
        if size > limits.storage_binding_bytes {
            let limit = limits.storage_binding_bytes;
            return fail(format!("at most {limit} bytes in one binding on this device"), format!("{size} bytes"));
        }
        if !offset.is_multiple_of(limits.storage_alignment.into()) {
            return fail(
                format!("an offset that is a multiple of {} bytes", limits.storage_alignment),
                offset.to_string(),
            );
        }
        if offset.checked_add(bound_bytes(binding)).is_none_or(|end| end > buffer.capacity()) {
            return fail(format!("a part of its {} bytes", buffer.size()), format!("{size} bytes from {offset}"));
        }
        Ok(())
    }
}

/// Bytes that are bound: whole words, and at least one, since an empty binding does not exist.
fn bound_bytes(binding: &Binding) -> u64 {
    binding.size.max(1).next_multiple_of(4)
}

/// wgpu tracks whole buffers: one dispatch cannot have a buffer read-only and read-write, be the parts disjoint or not.
fn check_aliases(kernel: &Kernel, bindings: &[Binding]) -> Result<()> {
    let access = &kernel.0.bindings;
    for (writer, written) in bindings.iter().enumerate().filter(|(index, _)| access[*index] == Access::ReadWrite) {
        for (reader, read) in bindings.iter().enumerate().filter(|(index, _)| access[*index] == Access::Read) {
            if read.buffer.raw() == written.buffer.raw() {
                return Err(Error::argument(
                    format!("kernel `{}`, binding {reader}, buffer `{}`", kernel.label(), read.buffer.label()),
                    "a buffer that the kernel does not write",
                    format!("the one that binding {writer} writes"),
                ));
            }
        }
    }
    Ok(())
}
