//! What goes wrong is a typed error that names kernel and buffer, and the process goes on.

use std::time::Duration;

use fieldline::error::{DeviceFault, Error, Result};
use fieldline::gpu::{Access, Binding, Composer, Gpu, KernelSpec, Options};

use super::{gpu, increment, kernel, words};

#[test]
fn specifications_that_differ_from_the_module_are_errors() {
    let gpu = gpu();
    let source = || Composer::new().compose("test/params").unwrap();
    let good = [Access::Read, Access::ReadWrite];
    let cases = [
        (
            KernelSpec {
                label: "k".into(),
                source: source(),
                entry: "none".into(),
                bindings: good.to_vec(),
                params_words: 3,
            },
            "`none`",
        ),
        (
            KernelSpec {
                label: "k".into(),
                source: source(),
                entry: "main".into(),
                bindings: good[..1].to_vec(),
                params_words: 3,
            },
            "bindings 0 to 1",
        ),
        (
            KernelSpec {
                label: "k".into(),
                source: source(),
                entry: "main".into(),
                bindings: vec![Access::ReadWrite; 2],
                params_words: 3,
            },
            "ReadWrite access",
        ),
        (
            KernelSpec {
                label: "k".into(),
                source: source(),
                entry: "main".into(),
                bindings: good.to_vec(),
                params_words: 2,
            },
            "2 words",
        ),
        (
            KernelSpec {
                label: "k".into(),
                source: source(),
                entry: "main".into(),
                bindings: good.to_vec(),
                params_words: 0,
            },
            "0 words",
        ),
    ];
    for (spec, expected_part) in cases {
        let Err(Error::Argument { argument, expected, .. }) = gpu.kernel(&spec) else { panic!("expected an error") };
        assert!(argument.contains("kernel `k`") && expected.contains(expected_part), "{argument}: {expected}");
    }
    let vector = "#params P\nstruct P { a: vec2<u32> }\n@compute @workgroup_size(1) fn main() { _ = params.a; }";
    let source = Composer::new().compose_text("vector", vector).unwrap();
    assert!(
        matches!(kernel(&gpu, source, &[], 1), Err(Error::Argument { .. })),
        "vectors lie differently in a uniform"
    );
}

#[test]
fn calls_that_do_not_fit_are_errors_that_name_kernel_and_buffer() {
    let gpu = gpu();
    let kernel =
        kernel(&gpu, Composer::new().compose("test/params").unwrap(), &[Access::Read, Access::ReadWrite], 3).unwrap();
    let buffer = gpu.alloc(1000, "mine").unwrap();
    let other = gpu.alloc(1000, "other").unwrap();
    let whole = Binding::from(&buffer);
    let target = Binding::from(&other);
    let check = |bindings: &[Binding], params: &[u32], part: &str| {
        let Err(Error::Argument { argument, expected, got }) = gpu.call(&kernel, bindings, params, [1, 1, 1]) else {
            panic!("expected an error with {part}");
        };
        let text = format!("{argument}: {expected}, {got}");
        assert!(argument.contains("test/params") && text.contains(part), "{text}");
    };
    check(&[whole], &[0; 3], "2 bindings");
    check(&[whole, target], &[0; 2], "3 parameter words");
    check(&[Binding { offset: 3, size: 4, ..whole }, target], &[0; 3], "buffer `mine`");
    check(&[Binding { offset: 512, size: 1000, ..whole }, target], &[0; 3], "1000 bytes from 512");
    check(&[Binding { offset: u64::MAX - 255, ..whole }, target], &[0; 3], "buffer `mine`");
    check(&[whole, whole], &[0; 3], "does not write");
}

#[test]
fn bindings_over_the_limit_are_errors() {
    // The portable limit of 128 MiB, so that the test needs no more memory than that.
    let gpu = Gpu::with_options(&Options { portable: true, ..Options::default() }).unwrap();
    let limit = gpu.facts().limits.storage_binding_bytes;
    let kernel = increment(&gpu);
    let buffer = gpu.alloc(limit + 4, "too long").unwrap();
    let Err(Error::Argument { argument, expected, got }) = gpu.call(&kernel, &[(&buffer).into()], &[1], [1, 1, 1])
    else {
        panic!("expected an error");
    };
    assert!(argument.contains("test/increment") && argument.contains("too long"), "{argument}");
    assert!(expected.contains(&limit.to_string()) && got.contains(&(limit + 4).to_string()), "{expected}, {got}");
}

#[test]
fn requests_that_pass_the_memory_are_errors_and_the_process_goes_on() {
    let gpu = gpu();
    // Buffers are made of whole words.
    let limit = gpu.facts().limits.buffer_bytes & !3;
    let Err(Error::Device { fault, kernel, message }) = gpu.alloc(limit + 1, "huge") else {
        panic!("expected an error")
    };
    assert!(fault == DeviceFault::OutOfMemory && kernel == "huge" && message.contains(&limit.to_string()), "{message}");
    // Largest buffers until the device has no more; none is touched, so none takes memory of the machine. A budget of our own
    // bounds software devices, which never refuse.
    let mut held = Vec::new();
    let error = loop {
        match gpu.alloc(limit, "large") {
            Ok(buffer) => held.push(buffer),
            Err(error) => break error,
        }
        assert!(held.len() < 1000, "the device never ends");
    };
    let Error::Device { fault, kernel, message } = error else { panic!("{error}") };
    assert!(fault == DeviceFault::OutOfMemory && kernel == "large" && message.contains("bytes"), "{message}");
    let before = held.len();
    drop(held);
    assert!(gpu.alloc(limit, "again").is_ok() || before == 0, "what was given back can be had again");
    let buffer = gpu.alloc_zeroed(4, "small").unwrap();
    let call = gpu.call(&increment(&gpu), &[(&buffer).into()], &[1], [1, 1, 1]).unwrap();
    gpu.run(&[call]).unwrap();
    assert_eq!(words(&gpu, &buffer), [1]);
}

#[test]
fn budgets_count_idle_buffers_only_as_long_as_they_are_needed() {
    let gpu = Gpu::with_options(&Options { memory_budget: Some(1 << 20), ..Options::default() }).unwrap();
    let first = gpu.alloc(700 << 10, "first").unwrap();
    let Err(Error::Device { fault, message, .. }) = gpu.alloc(512 << 10, "second") else { panic!("expected an error") };
    assert!(fault == DeviceFault::OutOfMemory && message.contains("1048576"), "{message}");
    drop(first);
    assert!(gpu.memory_use().idle > 0);
    gpu.alloc(512 << 10, "second").expect("the idle buffer of another size makes room");
    assert_eq!(gpu.memory_use().idle, 512 << 10);
}

#[test]
fn kernels_that_pass_a_limit_are_errors_that_name_it() {
    let gpu = gpu();
    let limits = &gpu.facts().limits;
    let wide = format!("@compute @workgroup_size({}, 2) fn main() {{}}", limits.workgroup_invocations);
    let deep = format!("@compute @workgroup_size(1, 1, {}) fn main() {{}}", limits.workgroup_size[2] + 1);
    let words = limits.workgroup_bytes / 4 + 1;
    let large =
        format!("var<workgroup> a: array<u32, {words}>; @compute @workgroup_size(1) fn main() {{ a[0] = 1u; }}");
    for (text, part) in [(wide, "invocations"), (deep, "in x, y, z"), (large, "workgroup memory")] {
        let source = Composer::new().compose_text("too much", &text).unwrap();
        let Err(Error::Argument { argument, expected, .. }) = kernel(&gpu, source, &[], 0) else {
            panic!("expected an error with {part}");
        };
        assert!(argument.contains("too much") && expected.contains(part), "{argument}: {expected}");
    }
    let many = vec![Access::Read; limits.storage_buffers as usize + 1];
    let source = Composer::new().compose_text("text", "@compute @workgroup_size(1) fn main() {}").unwrap();
    if let Err(Error::Argument { expected, .. }) = kernel(&gpu, source, &many, 0) {
        assert!(expected.contains("storage buffers"), "{expected}");
    } else {
        panic!("expected an error");
    }
}

#[test]
fn errors_of_the_device_name_the_kernel() {
    let gpu = gpu();
    // In a list of calls, the one that is at fault is named: its buffer was destroyed behind our back.
    let good = gpu.alloc_zeroed(4, "good").unwrap();
    let bad = gpu.alloc_zeroed(4, "bad").unwrap();
    let mut spec = KernelSpec {
        label: "culprit".into(),
        source: Composer::new().compose_text("text", "@group(0) @binding(0) var<storage, read_write> x: array<u32>;\n@compute @workgroup_size(1) fn main() { x[0] = 1u; }").unwrap(),
        entry: "main".into(),
        bindings: vec![Access::ReadWrite],
        params_words: 0,
    };
    let culprit = gpu.call(&gpu.kernel(&spec).unwrap(), &[(&bad).into()], &[], [1, 1, 1]).unwrap();
    spec.source = Composer::new().compose("test/increment").unwrap();
    let innocent = gpu.call(&increment(&gpu), &[(&good).into()], &[1], [1, 1, 1]).unwrap();
    bad.raw().destroy();
    let Err(Error::Device { fault, kernel, message }) = gpu.run(&[innocent.clone(), culprit]) else {
        panic!("expected an error")
    };
    assert!(
        fault == DeviceFault::Validation && kernel == "culprit" && message.contains("`bad`"),
        "{kernel}: {message}"
    );
    gpu.run(&[innocent]).unwrap();
    assert_eq!(words(&gpu, &good), [1], "a refused submission ran nothing, and the device goes on");
}

#[test]
fn lost_devices_are_errors() {
    let gpu = gpu();
    let kernel = increment(&gpu);
    let buffer = gpu.alloc_zeroed(4, "counts").unwrap();
    let call = gpu.call(&kernel, &[(&buffer).into()], &[1], [1, 1, 1]).unwrap();
    gpu.wait().unwrap();
    gpu.device().destroy();
    let lost = |result: Result<()>| {
        assert!(
            matches!(&result, Err(error @ Error::Device { fault: DeviceFault::Lost, .. }) if error.exit_code() == 4),
            "{result:?}"
        );
    };
    lost(gpu.wait());
    lost(gpu.run(std::slice::from_ref(&call)));
    lost(gpu.replay(std::slice::from_ref(&call), 100, 1));
    lost(gpu.read(&buffer, 0, 4).map(|_| ()));
    lost(pollster::block_on(gpu.read_async(&buffer, 0, 4)).map(|_| ()));
    lost(gpu.alloc(1 << 20, "after").map(|_| ()));
}

#[test]
fn waits_end_at_their_deadline() {
    let gpu = Gpu::with_options(&Options { timeout: Duration::from_millis(1), ..Options::default() }).unwrap();
    let text = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n\
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {\n\
        var a = x[0]; for (var i = 0u; i < 2000u; i++) { a = sin(a + f32(id.x)); } x[0] = a; }";
    let source = Composer::new().compose_text("slow", text).unwrap();
    let slow = kernel(&gpu, source, &[Access::ReadWrite], 0).unwrap();
    let buffer = gpu.alloc(4, "x").unwrap();
    let call = gpu.call(&slow, &[(&buffer).into()], &[], [500, 1, 1]).unwrap();
    gpu.run(&[call]).unwrap();
    if gpu.facts().backend == "gl" {
        return println!("OpenGL drivers may do the work inside the submission: nothing to wait for");
    }
    let Err(Error::Device { fault, .. }) = gpu.wait() else { panic!("expected an error") };
    assert_eq!(fault, DeviceFault::Timeout);
}
