//! fieldline inside an application that has its own wgpu device, queue, buffers, error handler and poll loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fieldline::error::{DeviceFault, Error};
use fieldline::gpu::{Access, Binding, Composer, Gpu, Kernel, KernelSpec, fold_groups};
use fieldline::wgpu;

/// An application with a device of its own.
struct App {
    adapter: wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// Errors that reached the application's own handler.
    uncaptured: Arc<AtomicUsize>,
}

impl App {
    /// Asks for what the application needs and for what fieldline wants on top.
    fn new() -> App {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
        let adapter = adapters.into_iter().next().expect("an adapter");
        let own = wgpu::Limits { max_sampled_textures_per_shader_stage: 16, ..wgpu::Limits::default() };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("app"),
            required_features: Gpu::wanted_features(&adapter),
            required_limits: own.or_better_values_from(&Gpu::wanted_limits(&adapter)),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).expect("a device");
        let uncaptured = Arc::new(AtomicUsize::new(0));
        let counter = uncaptured.clone();
        device.on_uncaptured_error(Arc::new(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        App { adapter, device, queue, uncaptured }
    }

    fn engine(&self) -> Gpu {
        Gpu::from_wgpu(&self.adapter, self.device.clone(), self.queue.clone()).expect("fieldline takes the device")
    }

    fn buffer(&self, bytes: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let descriptor =
            wgpu::BufferDescriptor { label: Some("app data"), size: bytes, usage, mapped_at_creation: false };
        self.device.create_buffer(&descriptor)
    }

    /// The application's own read-back.
    fn read(&self, buffer: &wgpu::Buffer) -> Vec<f32> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.buffer(buffer.size(), usage);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
        self.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |result| result.expect("maps"));
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("polls");
        bytemuck::pod_collect_to_vec(&staging.get_mapped_range(..).expect("is mapped"))
    }
}

/// y = scale * x + offset.
fn scale(gpu: &Gpu) -> Kernel {
    gpu.kernel(&KernelSpec {
        label: "scale".into(),
        source: Composer::new().compose("test/params").expect("composes"),
        entry: "main".into(),
        bindings: vec![Access::Read, Access::ReadWrite],
        params_words: 3,
    })
    .expect("builds")
}

/// The kernel works on the application's buffers themselves, and the application sees the result with its own code.
#[test]
fn kernels_run_on_buffers_of_the_application() {
    let app = App::new();
    let gpu = app.engine();
    let n = 1000u32;
    let bytes = 4 * u64::from(n);
    let data: Vec<f32> = (0..n).map(|i| i as f32 * 0.25).collect();
    let input = app.buffer(bytes, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST);
    // No COPY_DST and no MAP: the only way to these bytes is the kernel.
    let output = app.buffer(bytes, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
    app.queue.write_buffer(&input, 0, bytemuck::cast_slice(&data));
    let (x, y) = (gpu.wrap(input.clone()).unwrap(), gpu.wrap(output.clone()).unwrap());
    assert!(x.raw() == &input && y.raw() == &output, "the very same buffers");
    let params = [n, -2i32 as u32, 2.0f32.to_bits()];
    let groups = fold_groups(u64::from(n).div_ceil(64));
    let call = gpu.call(&scale(&gpu), &[(&x).into(), (&y).into()], &params, groups).unwrap();
    gpu.run(std::slice::from_ref(&call)).unwrap();
    assert_eq!(gpu.memory_use().created, 0, "nothing was copied into a buffer of fieldline's");
    // Quarters below 2^22: exact in f32.
    let expected: Vec<f32> = data.iter().map(|value| 2.0 * value - 2.0).collect();
    assert_eq!(app.read(&output), expected);

    // The same into the application's own encoder, between its own commands, and into a part of its buffer.
    let mut encoder = app.device.create_command_encoder(&Default::default());
    encoder.clear_buffer(&input, 0, Some(1024));
    let part = Binding { buffer: &y, offset: 256, size: 512 };
    let shorter = gpu.call(&scale(&gpu), &[(&x).into(), part], &[128, 7, 1.0f32.to_bits()], [2, 1, 1]).unwrap();
    gpu.encode(&mut encoder, &[shorter]);
    app.queue.submit([encoder.finish()]);
    let result = app.read(&output);
    assert_eq!(result[..64], expected[..64]);
    assert!(result[64..192].iter().all(|value| *value == 7.0));
    assert_eq!(result[192..], expected[192..]);
    assert_eq!(app.uncaptured.load(Ordering::Relaxed), 0);
}

/// The host's loop polls; fieldline's future becomes ready by it.
#[test]
fn asynchronous_reads_are_driven_by_the_poll_loop_of_the_application() {
    let app = App::new();
    let gpu = app.engine();
    let buffer = gpu.alloc(16, "data").unwrap();
    gpu.write(&buffer, 0, &[5; 16]).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (device, flag) = (app.device.clone(), stop.clone());
    let poller = std::thread::spawn(move || {
        while !flag.load(Ordering::Relaxed) {
            device.poll(wgpu::PollType::Poll).expect("polls");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    assert_eq!(pollster::block_on(gpu.read_async(&buffer, 0, 16)).unwrap(), [5; 16]);
    stop.store(true, Ordering::Relaxed);
    poller.join().unwrap();
}

/// Errors of fieldline's calls come back as results; the application's handler hears of none of them, and only of its own.
#[test]
fn the_error_handler_stays_the_applications() {
    let app = App::new();
    let gpu = app.engine();
    let text = "@compute @workgroup_size(1, 1, 1000) fn main() {}";
    let source = Composer::new().compose_text("too deep", text).unwrap();
    let spec = KernelSpec { label: "too deep".into(), source, entry: "main".into(), bindings: vec![], params_words: 0 };
    let deepest = gpu.facts().limits.workgroup_size[2];
    assert_eq!(gpu.kernel(&spec).is_err(), deepest < 1000);
    let foreign = App::new().engine().alloc(1024, "foreign").unwrap();
    let y = gpu.alloc(4, "y").unwrap();
    let result = gpu.call(&scale(&gpu), &[(&foreign).into(), (&y).into()], &[0; 3], [1, 1, 1]);
    assert!(
        matches!(&result, Err(Error::Argument { argument, expected, .. })
            if argument.contains("foreign") && expected.contains("this device")),
        "{result:?}"
    );
    assert!(matches!(gpu.read(&foreign, 0, 4), Err(Error::Argument { .. })));
    // A buffer that the application destroys while a call holds it: wgpu refuses, and the refusal is ours to return.
    let data = app.buffer(16, wgpu::BufferUsages::STORAGE);
    let x = gpu.wrap(data.clone()).unwrap();
    let call = gpu.call(&scale(&gpu), &[(&x).into(), (&y).into()], &[0; 3], [1, 1, 1]).unwrap();
    data.destroy();
    assert!(matches!(gpu.run(&[call]), Err(Error::Device { fault: DeviceFault::Validation, .. })));
    assert_eq!(app.uncaptured.load(Ordering::Relaxed), 0);
    app.buffer(u64::MAX / 2, wgpu::BufferUsages::STORAGE);
    assert_eq!(app.uncaptured.load(Ordering::Relaxed), 1, "the application's own mistake is its own");
}

#[test]
fn buffers_that_cannot_be_bound_are_refused() {
    let app = App::new();
    let gpu = app.engine();
    let wrong = gpu.wrap(app.buffer(16, wgpu::BufferUsages::COPY_SRC));
    assert!(matches!(&wrong, Err(Error::Argument { expected, .. }) if expected.contains("STORAGE")), "{wrong:?}");
    assert!(matches!(gpu.wrap(app.buffer(6, wgpu::BufferUsages::STORAGE)), Err(Error::Argument { .. })));
    let storage_only = gpu.wrap(app.buffer(16, wgpu::BufferUsages::STORAGE)).unwrap();
    assert!(matches!(gpu.read(&storage_only, 0, 16), Err(Error::Argument { .. })));
    assert!(matches!(gpu.write(&storage_only, 0, &[0; 16]), Err(Error::Argument { .. })));
}

/// A device that the application destroys is reported as lost although its callback is not fieldline's to set.
#[test]
fn a_device_that_the_application_destroys_is_lost() {
    let app = App::new();
    let heard = Arc::new(AtomicBool::new(false));
    let flag = heard.clone();
    app.device.set_device_lost_callback(move |_, _| flag.store(true, Ordering::Relaxed));
    let gpu = app.engine();
    let buffer = gpu.alloc_zeroed(64, "data").unwrap();
    let call =
        gpu.call(&scale(&gpu), &[(&gpu.alloc(4, "x").unwrap()).into(), (&buffer).into()], &[0; 3], [1, 1, 1]).unwrap();
    gpu.wait().unwrap();
    app.device.destroy();
    let is_lost = |result: fieldline::Result<()>| {
        assert!(matches!(&result, Err(Error::Device { fault: DeviceFault::Lost, .. })), "{result:?}");
    };
    is_lost(gpu.wait());
    is_lost(gpu.replay(&[call], 100, 1));
    is_lost(gpu.read(&buffer, 0, 4).map(|_| ()));
    is_lost(gpu.alloc(1 << 20, "after").map(|_| ()));
    assert!(heard.load(Ordering::Relaxed), "the application's callback is still its own");
}
