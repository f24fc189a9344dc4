//! The device layer: the WGSL composer without a device, everything else on the machine's adapter.

mod adapter;
mod composer;
mod faults;
mod memory;
mod shaders;
mod work;

use fieldline::error::Result;
use fieldline::gpu::{Access, Buffer, Composed, Composer, Gpu, Kernel, KernelSpec, Selector};

fn gpu() -> Gpu {
    Gpu::new(&Selector::Auto).expect("an adapter")
}

fn kernel(gpu: &Gpu, source: Composed, bindings: &[Access], params_words: u32) -> Result<Kernel> {
    let label = source.name.clone();
    gpu.kernel(&KernelSpec { label, source, entry: "main".into(), bindings: bindings.to_vec(), params_words })
}

fn increment(gpu: &Gpu) -> Kernel {
    let source = Composer::new().compose("test/increment").expect("composes");
    kernel(gpu, source, &[Access::ReadWrite], 1).expect("builds")
}

fn words(gpu: &Gpu, buffer: &Buffer) -> Vec<u32> {
    bytemuck::pod_collect_to_vec(&gpu.read(buffer, 0, buffer.size()).expect("reads"))
}
