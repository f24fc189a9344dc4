//! The device layer: adapters, buffers, WGSL composition, pipelines, recording, timing, read-back.
//!
//! ```no_run
//! use fieldline::gpu::{Access, Composer, Gpu, KernelSpec, Selector, fold_groups};
//!
//! # fn main() -> fieldline::Result<()> {
//! let gpu = Gpu::new(&Selector::Auto)?;
//! let source = Composer::new().compose_text(
//!     "double",
//!     "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
//!      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
//!          if id.x < arrayLength(&x) { x[id.x] *= 2.0; }
//!      }",
//! )?;
//! let kernel = gpu.kernel(&KernelSpec {
//!     label: "double".into(),
//!     source,
//!     entry: "main".into(),
//!     bindings: vec![Access::ReadWrite],
//!     params_words: 0,
//! })?;
//! let x = gpu.alloc(4 * 1000, "x")?;
//! gpu.write(&x, 0, bytemuck::cast_slice(&[1.5f32; 1000]))?;
//! let call = gpu.call(&kernel, &[(&x).into()], &[], fold_groups(1000u64.div_ceil(64)))?;
//! gpu.run(&[call])?;
//! let bytes = gpu.read(&x, 0, x.size())?;
//! # Ok(())
//! # }
//! ```

mod adapter;
mod buffer;
mod call;
mod device;
mod fault;
mod kernel;
mod memory;
mod params;
pub mod quirks;
mod record;
mod transfer;
pub mod wgsl;

pub use adapter::{ADAPTER_VARIABLE, AdapterFacts, ComputeLimits, Selector, adapters};
pub use buffer::{Buffer, MemoryUse};
pub use call::{Binding, Call, MAX_GROUPS, fold_groups};
pub use device::{Gpu, Options};
pub use kernel::{Access, Kernel, KernelSpec};
pub(crate) use memory::available as available_memory;
pub use quirks::Quirk;
pub use wgsl::{Composed, Composer, ParamsMode, Requirement};
