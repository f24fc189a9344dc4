//! The device layer: the WGSL composer without a device, everything else on the machine's adapter.

use std::time::{Duration, Instant};

use fieldline::error::{DeviceFault, Error, Result};
use fieldline::gpu::wgsl::embedded;
use fieldline::gpu::{
    Access, Binding, Composed, Composer, Gpu, Kernel, KernelSpec, Options, ParamsMode, Requirement, Selector, adapters,
    fold_groups, quirks,
};

fn composed(text: &str) -> String {
    compose_text(Composer::new(), text).expect("composes").source
}

fn compose_text(composer: Composer, text: &str) -> Result<Composed> {
    composer.compose_text("text", text)
}

/// Message and 1-based line of the error that `text` gives.
fn parse_error(composer: Composer, text: &str) -> (String, usize) {
    match compose_text(composer, text) {
        Err(Error::Parse { message, place }) => {
            assert_eq!(place.text, text.lines().nth(place.line - 1).unwrap(), "the place quotes its line");
            (message, place.line)
        }
        other => panic!("expected a parse error for {text:?}, got {other:?}"),
    }
}

// ---------------------------------------------------------------- the composer

#[test]
fn names_are_replaced_by_values_of_expressions() {
    let composer = Composer::new().define("N", 4).define("T", "f32").define("WIDE", true);
    let source = compose_text(composer, "a{{N}} {{T}} {{ N*4+1 }} {{(N - 1) << 2}} {{-N % 3}} {{N / 2}}{{WIDE}}")
        .unwrap()
        .source;
    assert_eq!(source, "a4 f32 17 12 -1 21\n");
}

#[test]
fn conditions_choose_one_arm() {
    let text = "#if N == 4 // four\nfour\n#elif N > 4 && !SMALL\nmore\n#else\nless\n#endif\nend";
    let source = |n: i32| compose_text(Composer::new().define("N", n), text).unwrap().source;
    assert_eq!(source(4), "four\nend\n");
    assert_eq!(source(9), "more\nend\n");
    assert_eq!(source(1), "less\nend\n");
    // A name that nobody defined is 0 in a condition, so `!SMALL` held above; defined, it decides.
    let small = compose_text(Composer::new().define("N", 9).define("SMALL", true), text).unwrap().source;
    assert_eq!(small, "less\nend\n");
    let text = "#if T == \"f16\"\nhalf\n#endif\n#if T != \"f16\" || 0\nfull\n#endif";
    assert_eq!(compose_text(Composer::new().define("T", "f32"), text).unwrap().source, "full\n");
    assert_eq!(composed("#if 0\n#if 1\na\n#else\nb\n#endif\n#else\nc\n#endif"), "c\n");
}

#[test]
fn loops_unroll_and_nest() {
    let text =
        "#for i in 0..N\n#for j in i..2\nx[{{i}}][{{j}}] = {{i*4+j}};\n#if i == j\ndiagonal\n#endif\n#endfor\n#endfor";
    let source = compose_text(Composer::new().define("N", 3), text).unwrap().source;
    assert_eq!(source, "x[0][0] = 0;\ndiagonal\nx[0][1] = 1;\nx[1][1] = 5;\ndiagonal\n");
    assert_eq!(composed("#for i in 3..3\nnever\n#endfor\nend"), "end\n");
}

#[test]
fn defaults_yield_to_definitions() {
    let text = "#default N 3\n#default BODY \"x\"\n{{N}}\n#insert BODY\n";
    assert_eq!(composed(text), "3\nx\n");
    let given = Composer::new().define("N", 5).insert("BODY", "#for i in 0..2\ny{{i}} = {{N}};\n#endfor");
    assert_eq!(compose_text(given, text).unwrap().source, "5\ny0 = 5;\ny1 = 5;\n");
}

#[test]
fn imports_come_once_and_in_front() {
    let source = composed("fn f() {\n#import lib/index\n}\n#import lib/index");
    assert_eq!(source.matches("fn linear_group(").count(), 1);
    assert!(source.find("fn linear_group(") < source.find("fn f()"), "an import inside a function is hoisted");
}

#[test]
fn enable_lines_belong_to_the_composer() {
    let both = compose_text(Composer::new(), "#require subgroups\n#require f16\nx\n").unwrap();
    assert_eq!(both.source, "enable f16;\nx\n", "naga rejects `enable subgroups;`");
    assert_eq!(both.requirements, [Requirement::F16, Requirement::Subgroups]);
    let (message, line) = parse_error(Composer::new(), "x\n  enable f16;");
    assert!(message.contains("#require") && line == 2, "{message}");
}

#[test]
fn parameters_have_two_forms_of_the_same_length() {
    let module = compose_text(Composer::new(), "// first\n#params P\nstruct P { n: u32 }\n").unwrap();
    assert_eq!(module.source, "// first\nvar<immediate> params: P;\nstruct P { n: u32 }\n");
    let uniform = module.text(ParamsMode::Uniform);
    assert_eq!(uniform, "// first\n@group(1) @binding(0) var<uniform> params: P;\nstruct P { n: u32 }\n");
}

#[test]
fn every_wrong_directive_is_an_error_with_its_line() {
    let cases = [
        ("ok\n#nonsense x", "unknown directive `#nonsense`", 2),
        ("#import", "needs a name", 1),
        ("#import lib/nonsense", "no shader `lib/nonsense`", 1),
        ("#if 1\nx", "without `#endif`", 1),
        ("x\n#endif", "without its beginning", 2),
        ("#else\n", "without its beginning", 1),
        ("#if\n#endif", "needs a condition", 1),
        ("#if 1\n#else\n#else\n#endif", "behind `#else`", 3),
        ("#if 1\n#else x\n#endif", "takes no condition", 2),
        ("#if 1\n#endfor", "`#endfor` inside the `#if`", 2),
        ("#if 1 +\n#endif", "got the end", 1),
        ("#if 0x\n#endif", "no whole number", 1),
        ("#if (1\n#endif", "missing `)`", 1),
        ("#if 1 2\n#endif", "cannot read `2`", 1),
        ("#if \"a\" == 1\n#endif", "cannot compare", 1),
        ("#if \"a\" < 1\n#endif", "expected a number", 1),
        ("#if 1 / 0\n#endif", "has no value", 1),
        ("#if 1 << 63\n#endif", "cannot shift", 1),
        ("#if 9223372036854775807 + 1\n#endif", "too large", 1),
        ("#for i in 0..2\nx", "without `#endfor`", 1),
        ("#for i\n#endfor", "expected `#for name in low..high`", 1),
        ("#for 1 in 0..2\n#endfor", "expected `#for name in low..high`", 1),
        ("#for i in 0..\"a\"\n#endfor", "no loop bound", 1),
        ("#for i in 0..M\n#endfor", "`M` is not defined", 1),
        ("#for i in 0..2\n#endif", "`#endif` inside the `#for`", 2),
        ("#for i in 0..2\n#for i in 0..2\n#endfor\n#endfor", "is taken already", 2),
        ("#for i in 0..1000000000\n#endfor", "lines", 1),
        ("\n{{M}}", "`M` is not defined", 2),
        ("{{1", "without `}}`", 1),
        ("#insert BODY", "no text was given", 1),
        ("#require f17", "unknown feature `f17`", 1),
        ("#params two words", "expected the name of a struct", 1),
        ("#params A\n#params B", "one parameter block", 2),
        ("#default N", "expected `#default NAME value`", 1),
        ("#default N 1\n#default N 2", "has the default `1` already", 2),
    ];
    for (text, expected, line) in cases {
        let (message, at) = parse_error(Composer::new(), text);
        assert!(message.contains(expected) && at == line, "{text:?}: line {at}: {message}");
    }
}

#[test]
fn inserts_that_insert_themselves_and_circles_end() {
    let text = "#insert A";
    let Err(Error::Parse { message, .. }) = compose_text(Composer::new().insert("A", "#insert A"), text) else {
        panic!("expected an error");
    };
    assert!(message.contains("inserts itself"), "{message}");
    let Err(Error::Parse { message, place }) = Composer::new().compose("test/circle_a") else {
        panic!("expected an error");
    };
    assert!(message.contains("test/circle_a -> test/circle_b -> test/circle_a"), "{message}");
    assert_eq!((place.source.as_str(), place.line), ("shaders/test/circle_b.wgsl", 2));
    let Err(Error::Argument { expected, got, .. }) = Composer::new().compose("lib/nonsense") else {
        panic!("expected an error");
    };
    assert!(expected.contains("lib/index") && got.contains("lib/nonsense"), "{expected}, {got}");
}

#[test]
fn errors_of_naga_name_the_original_file_and_line() {
    let all = naga::valid::Capabilities::all();
    // A parse error behind an import, an `#if` and a loop: composed line and original line differ.
    let text = "#import lib/index\n#if 0\n\n\n#endif\nfn f() {\n#for i in 0..3\nlet a{{i}} = 1;\n#endfor\nlet ü = 1; let b = ;\n}\n";
    let module = compose_text(Composer::new(), text).unwrap();
    let Err(Error::Parse { place, .. }) = module.validate(ParamsMode::Immediate, all) else {
        panic!("expected an error")
    };
    // Column 20: characters, not bytes, up to the `;` where an expression was expected.
    assert_eq!((place.source.as_str(), place.line, place.column), ("text", 10, 20));
    assert_eq!(place.text, "let ü = 1; let b = ;");
    // A type error inside an imported file.
    let module = compose_text(Composer::new(), "#import test/broken\n").unwrap();
    let Err(Error::Parse { place, .. }) = module.validate(ParamsMode::Immediate, all) else {
        panic!("expected an error")
    };
    assert_eq!((place.source.as_str(), place.line), ("shaders/test/broken.wgsl", 6));
    // An error of the validator, not of the parser: a function that does not return.
    let module = compose_text(Composer::new(), "// a\nfn f() -> f32 {\n}\n").unwrap();
    let Err(Error::Parse { message, place }) = module.validate(ParamsMode::Immediate, all) else {
        panic!("expected an error")
    };
    assert_eq!(place.source, "text", "{message}");
    assert!(place.line == 2 || place.line == 3, "{message} at {}", place.line);
}

/// Every embedded file is valid by itself, in both forms of the parameter block, and translates to all four languages of the
/// backends. A file that needs names of its caller must give defaults.
#[test]
fn every_shader_is_valid_and_translates() {
    assert!(embedded::keys().any(|key| key == "lib/index"));
    assert!(embedded::keys().is_sorted());
    let mut problems = Vec::new();
    for key in embedded::keys().filter(|key| !matches!(*key, "test/broken" | "test/circle_a" | "test/circle_b")) {
        for mode in [ParamsMode::Immediate, ParamsMode::Uniform] {
            let module = Composer::new().compose(key);
            let checked = module.and_then(|module| {
                let validated = module.validate(mode, naga::valid::Capabilities::all())?;
                Ok((module, validated))
            });
            match checked {
                Err(error) => problems.push(format!("{key} ({mode:?}): {error}")),
                Ok((module, validated)) => {
                    for (language, error) in translate(&module, &validated, mode) {
                        problems.push(format!("{key} ({mode:?}) -> {language}: {error}"));
                    }
                }
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Languages that the module does not translate to, with the reason. f64 exists on Vulkan only, and OpenGL has neither f16 nor
/// subgroups.
fn translate(
    module: &Composed,
    validated: &fieldline::gpu::wgsl::Validated,
    mode: ParamsMode,
) -> Vec<(&'static str, String)> {
    let (ir, info) = (&validated.module, &validated.info);
    let needs = |requirement| module.requirements.contains(&requirement);
    let mut failed = Vec::new();
    if let Err(error) = naga::back::spv::write_vec(ir, info, &naga::back::spv::Options::default(), None) {
        failed.push(("SPIR-V", error.to_string()));
    }
    if needs(Requirement::F64) || needs(Requirement::Int64) || needs(Requirement::FloatAtomics) {
        return failed;
    }
    let options = naga::back::msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
    if let Err(error) = naga::back::msl::write_string(ir, info, &options, &Default::default()) {
        failed.push(("MSL", error.to_string()));
    }
    let options = naga::back::hlsl::Options {
        shader_model: naga::back::hlsl::ShaderModel::V6_2,
        fake_missing_bindings: true,
        immediates_target: Some(naga::back::hlsl::BindTarget::default()),
        ..Default::default()
    };
    let mut text = String::new();
    let pipeline = naga::back::hlsl::PipelineOptions::default();
    if let Err(error) = naga::back::hlsl::Writer::new(&mut text, &options, &pipeline).write(ir, info, None) {
        failed.push(("HLSL", error.to_string()));
    }
    let glsl = !needs(Requirement::F16) && !needs(Requirement::Subgroups) && mode == ParamsMode::Uniform;
    for entry in ir.entry_points.iter().filter(|_| glsl) {
        let options =
            naga::back::glsl::Options { version: naga::back::glsl::Version::new_gles(310), ..Default::default() };
        let pipeline = naga::back::glsl::PipelineOptions {
            shader_stage: naga::ShaderStage::Compute,
            entry_point: entry.name.clone(),
            multiview: None,
        };
        let mut text = String::new();
        let policies = naga::proc::BoundsCheckPolicies::default();
        let written = naga::back::glsl::Writer::new(&mut text, ir, info, &options, &pipeline, policies)
            .and_then(|mut writer| writer.write());
        if let Err(error) = written {
            failed.push(("GLSL", error.to_string()));
        }
    }
    failed
}

#[test]
fn grids_fold_below_the_limit_and_cover() {
    for total in [0u64, 1, 65_535, 65_536, 65_537, 1 << 20, 65_535 * 65_535, 65_535 * 65_535 + 1, u32::MAX.into()] {
        let grid = fold_groups(total).map(u64::from);
        assert!(grid.iter().all(|n| *n <= 65_535), "{total}: {grid:?}");
        let covered: u64 = grid.iter().product();
        // Rounding up adds less than one group for each row and plane.
        assert!(covered >= total && covered - total < grid[1] * grid[2] + grid[1].max(1), "{total}: {grid:?}");
    }
}

#[test]
fn quirks_are_readable() {
    let rows = quirks::all().expect("quirks.toml parses");
    assert!(rows.iter().any(|row| row.id == "loop-budget-65535"));
    assert!(rows.iter().all(|row| !row.reason.is_empty() && !row.reference.is_empty()));
}

// ---------------------------------------------------------------- on the device

/// One device in each mode: checked or not, portable or not.
fn devices() -> Vec<Gpu> {
    let mut devices = Vec::new();
    for checked in [false, true] {
        for portable in [false, true] {
            let options = Options { checked, portable, ..Options::default() };
            devices.push(Gpu::with_options(&options).expect("an adapter"));
        }
    }
    devices
}

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

fn words(gpu: &Gpu, buffer: &fieldline::gpu::Buffer) -> Vec<u32> {
    bytemuck::pod_collect_to_vec(&gpu.read(buffer, 0, buffer.size()).expect("reads"))
}

#[test]
fn adapters_are_listed_and_selected() {
    let list = adapters();
    assert!(!list.is_empty());
    for (index, facts) in list.iter().enumerate() {
        assert_eq!(facts.index, Some(index));
        let json = serde_json::to_value(facts).unwrap();
        assert_eq!(json["name"], facts.name.as_str());
    }
    let same = adapters();
    assert!(list.iter().zip(&same).all(|(a, b)| (&a.name, &a.backend) == (&b.name, &b.backend)), "stable order");
    let usable = list.iter().find(|facts| facts.compute).expect("a usable adapter");
    let by_index = Gpu::new(&Selector::Index(usable.index.unwrap())).unwrap();
    assert_eq!(by_index.facts().name, usable.name);
    let with_backend = format!("{}:{}", usable.backend, &usable.name[..4].to_uppercase());
    let by_name = Gpu::new(&with_backend.parse().unwrap()).unwrap();
    assert_eq!(by_name.facts().backend, usable.backend);
}

#[test]
fn selectors_that_match_nothing_list_what_there_is() {
    assert_eq!("auto".parse::<Selector>().unwrap(), Selector::Auto);
    assert_eq!("3".parse::<Selector>().unwrap(), Selector::Index(3));
    assert_eq!("gl:llvmpipe".parse::<Selector>().unwrap(), Selector::Name("gl:llvmpipe".into()));
    assert!(matches!("  ".parse::<Selector>(), Err(Error::Argument { .. })));
    let name = adapters()[0].name.clone();
    for selector in [Selector::Index(999), Selector::Name("no such thing".into()), Selector::Name("gl:no such".into())]
    {
        let Err(Error::Argument { argument, expected, got }) = Gpu::new(&selector) else { panic!("expected an error") };
        assert!(argument == "adapter" && expected.contains(&name) && got.contains(&selector.to_string()), "{expected}");
    }
}

#[test]
fn portable_devices_have_no_more_than_portable_limits() {
    let gpu = Gpu::with_options(&Options { portable: true, ..Options::default() }).unwrap();
    let limits = &gpu.facts().limits;
    assert!(limits.workgroup_invocations <= 256 && limits.workgroup_bytes <= 16384 && limits.storage_buffers <= 8);
    assert!(limits.storage_binding_bytes <= 128 << 20 && limits.immediate_bytes == 0);
    assert!(!gpu.supports(Requirement::Subgroups) && !gpu.supports(Requirement::F16));
    assert_eq!(gpu.params_mode(1), ParamsMode::Uniform);
    let source = Composer::new()
        .compose_text("half", "#require f16\n@compute @workgroup_size(1) fn main() { _ = 1.0h; }")
        .unwrap();
    let Err(Error::Argument { expected, .. }) = kernel(&gpu, source, &[], 0) else { panic!("expected an error") };
    assert!(expected.contains("f16"), "{expected}");
}

#[test]
fn writes_and_reads_round_trip() {
    let gpu = gpu();
    let data: Vec<u8> = (0..1003u32).map(|i| (i * 7 % 251) as u8).collect();
    let buffer = gpu.alloc(data.len() as u64, "bytes").unwrap();
    gpu.write(&buffer, 0, &data).unwrap();
    assert_eq!(gpu.read(&buffer, 0, buffer.size()).unwrap(), data);
    assert_eq!(gpu.read(&buffer, 5, 11).unwrap(), data[5..16]);
    assert!(gpu.read(&buffer, 7, 0).unwrap().is_empty());
    gpu.write(&buffer, 8, &[1, 2, 3, 4]).unwrap();
    assert_eq!(gpu.read(&buffer, 7, 6).unwrap(), [data[7], 1, 2, 3, 4, data[12]]);
    assert_eq!(pollster::block_on(gpu.read_async(&buffer, 8, 4)).unwrap(), [1, 2, 3, 4]);
    for result in [gpu.write(&buffer, 2, &[0; 4]), gpu.write(&buffer, 0, &[0; 3]), gpu.write(&buffer, 1000, &[0; 8])] {
        assert!(matches!(&result, Err(Error::Argument { argument, .. }) if argument.contains("bytes")), "{result:?}");
    }
    assert!(matches!(gpu.read(&buffer, 1000, 4), Err(Error::Argument { .. })));
    assert!(matches!(gpu.read(&buffer, u64::MAX, 4), Err(Error::Argument { .. })));
}

/// Longer than one staging buffer, so that it goes in parts.
#[test]
fn long_transfers_go_in_parts() {
    let gpu = gpu();
    let count = (64usize << 20) / 4 + 1000;
    let data: Vec<u32> = (0..count as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let buffer = gpu.alloc(4 * count as u64, "long").unwrap();
    gpu.write(&buffer, 0, bytemuck::cast_slice(&data)).unwrap();
    assert!(words(&gpu, &buffer) == data);
}

#[test]
fn buffers_are_reused_and_zeroed() {
    let gpu = gpu();
    let first = gpu.alloc(1000, "first").unwrap();
    gpu.write(&first, 0, &[7; 1000]).unwrap();
    let (raw, id) = (first.raw().clone(), first.id());
    let kept = first.clone();
    drop(first);
    assert!(gpu.alloc(1000, "second").unwrap().raw() != &raw, "a clone still holds it");
    drop(kept);
    let created = gpu.memory_use().created;
    let zeroed = gpu.alloc_zeroed(990, "third").unwrap();
    assert_eq!(gpu.memory_use().created, created, "the size class has an idle buffer");
    assert!(zeroed.id() != id && zeroed.size() == 990);
    assert!(gpu.read(&zeroed, 0, 990).unwrap().iter().all(|byte| *byte == 0));
    drop(zeroed);
    assert_eq!(gpu.memory_use().in_use, 0);
    gpu.trim();
    assert_eq!(gpu.memory_use().idle, 0);
}

/// The same kernel with immediates and with a uniform block, checked and not.
#[test]
fn parameters_arrive_in_every_mode() {
    for gpu in devices() {
        let source = Composer::new().compose("test/params").unwrap();
        let kernel = kernel(&gpu, source, &[Access::Read, Access::ReadWrite], 3).unwrap();
        let portable = gpu.facts().limits.immediate_bytes == 0;
        assert_eq!(kernel.params_mode() == ParamsMode::Uniform, portable);
        assert_eq!(kernel.workgroup_size(), [64, 1, 1]);
        let n = 1000u32;
        let x = gpu.alloc(4 * u64::from(n), "x").unwrap();
        let y = gpu.alloc_zeroed(4 * u64::from(n), "y").unwrap();
        let input: Vec<f32> = (0..n).map(|i| i as f32).collect();
        gpu.write(&x, 0, bytemuck::cast_slice(&input)).unwrap();
        let call = |scale: f32, offset: i32, count: u32| {
            let params = [count, offset as u32, scale.to_bits()];
            gpu.call(&kernel, &[(&x).into(), (&y).into()], &params, fold_groups(u64::from(n).div_ceil(64))).unwrap()
        };
        // Two calls of one kernel in one pass: the second one's parameters must not reach the first.
        let again = gpu.call_again(&call(2.0, -3, n), &[500, 5, 4.0f32.to_bits()], [16, 1, 1]).unwrap();
        gpu.run(&[call(2.0, -3, n), again]).unwrap();
        let result: Vec<f32> = bytemuck::pod_collect_to_vec(&gpu.read(&y, 0, y.size()).unwrap());
        for (i, value) in result.iter().enumerate() {
            // Small integers: exact.
            let expected = if i < 500 { 4.0 * i as f32 + 5.0 } else { 2.0 * i as f32 - 3.0 };
            assert_eq!(*value, expected, "{i}");
        }
    }
}

#[test]
fn parts_of_buffers_can_be_bound() {
    let gpu = gpu();
    let kernel = increment(&gpu);
    let buffer = gpu.alloc_zeroed(1024, "parts").unwrap();
    let part = Binding { buffer: &buffer, offset: 512, size: 12 };
    let call = gpu.call(&kernel, &[part], &[3], [3, 1, 1]).unwrap();
    gpu.run(&[call]).unwrap();
    let result = words(&gpu, &buffer);
    assert!(result.iter().enumerate().all(|(i, n)| *n == u32::from((128..131).contains(&i))));
}

#[test]
fn folded_grids_reach_every_group_once() {
    let gpu = gpu();
    let kernel = increment(&gpu);
    let count = 2 * 65_535u32 + 17;
    let buffer = gpu.alloc_zeroed(4 * u64::from(count + 100), "counts").unwrap();
    let groups = fold_groups(count.into());
    assert!(groups[1] > 1);
    gpu.run(&[gpu.call(&kernel, &[(&buffer).into()], &[count], groups).unwrap()]).unwrap();
    let result = words(&gpu, &buffer);
    assert!(
        result.iter().enumerate().all(|(i, n)| *n == u32::from(i < count as usize)),
        "each once, none past the end"
    );
    let Err(Error::Argument { argument, .. }) = gpu.call(&kernel, &[(&buffer).into()], &[1], [65_536, 1, 1]) else {
        panic!("expected an error");
    };
    assert!(argument.contains("test/increment"), "{argument}");
    assert!(gpu.call(&kernel, &[(&buffer).into()], &[1], [65_535, 65_535, 2]).is_err(), "2^32 groups do not fit a u32");
}

#[test]
fn replay_counts() {
    for gpu in devices() {
        let kernel = increment(&gpu);
        let buffer = gpu.alloc_zeroed(8, "counts").unwrap();
        let call = gpu.call(&kernel, &[(&buffer).into()], &[1], [1, 1, 1]).unwrap();
        let both = gpu.call_again(&call, &[2], [2, 1, 1]).unwrap();
        let calls = [call, both];
        gpu.replay(&calls, 1000, 0).unwrap();
        gpu.replay(&calls, 7, 2).unwrap();
        gpu.replay(&calls, 0, 2).unwrap();
        gpu.replay(&[], 5, 1).unwrap();
        assert_eq!(words(&gpu, &buffer), [2014, 1007]);
    }
}

#[test]
fn kernels_are_cached() {
    let gpu = gpu();
    let first = increment(&gpu);
    let start = Instant::now();
    for _ in 0..100 {
        increment(&gpu);
    }
    // A build takes 10 ms and more; a hit composes and hashes a few hundred bytes.
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    gpu.set_checked(!gpu.checked());
    assert_eq!(increment(&gpu).label(), first.label());
}

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
fn errors_of_the_device_name_the_kernel() {
    let gpu = gpu();
    let limit = gpu.facts().limits.workgroup_invocations;
    let text = format!("@compute @workgroup_size({limit}, 2) fn main() {{}}");
    let source = Composer::new().compose_text("too wide", &text).unwrap();
    let Err(Error::Device { fault, kernel: name, message }) = kernel(&gpu, source, &[], 0) else {
        panic!("expected an error")
    };
    assert!(fault == DeviceFault::Validation && name == "too wide", "{name}: {message}");
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
    let Err(Error::Device { fault, .. }) = gpu.wait() else { panic!("expected an error") };
    assert_eq!(fault, DeviceFault::Timeout);
}

#[test]
fn times_grow_with_the_work() {
    let gpu = gpu();
    let kernel = increment(&gpu);
    let buffer = gpu.alloc_zeroed(4 << 20, "counts").unwrap();
    let call = |count: u32| gpu.call(&kernel, &[(&buffer).into()], &[count], fold_groups(count.into())).unwrap();
    let calls = [call(1), call(1 << 20)];
    gpu.run(&calls).unwrap();
    // Tests beside this one share the device: the smallest of several is what the call itself takes.
    let mut least = [f64::INFINITY; 2];
    for _ in 0..8 {
        let Some(seconds) = gpu.time(&calls).unwrap() else {
            return println!("no sound timestamps on {}", gpu.facts().name);
        };
        assert_eq!(seconds.len(), 2);
        least = [least[0].min(seconds[0]), least[1].min(seconds[1])];
    }
    // A million workgroups of one invocation against one.
    assert!(0.0 < least[1] && 10.0 * least[0] < least[1], "{least:?}");
    assert!(gpu.time(&[]).unwrap().unwrap_or_default().is_empty());
}

/// All adapters of the machine, OpenGL included, count and take parameters rightly.
#[test]
fn every_adapter_computes() {
    for facts in adapters().into_iter().filter(|facts| facts.compute) {
        let options = Options { selector: Selector::Index(facts.index.unwrap()), ..Options::default() };
        for portable in [false, true] {
            let gpu = Gpu::with_options(&Options { portable, ..options.clone() }).unwrap();
            let buffer = gpu.alloc_zeroed(4 * 300, "counts").unwrap();
            let call = gpu.call(&increment(&gpu), &[(&buffer).into()], &[100], [300, 1, 1]).unwrap();
            let more = gpu.call_again(&call, &[200], [300, 1, 1]).unwrap();
            gpu.replay(&[call, more], 10, 5).unwrap();
            let result = words(&gpu, &buffer);
            let expected = |i: usize| {
                if i < 100 {
                    20
                } else if i < 200 {
                    10
                } else {
                    0
                }
            };
            assert!(result.iter().enumerate().all(|(i, n)| *n == expected(i)), "{} {:?}", facts.name, &result[..4]);
        }
    }
}

/// Processor time of this thread in seconds: on a software device the work itself runs on the processor too, in other threads.
fn thread_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) * 1e-9
}

/// What `replay` costs a dispatch beside a loop over raw wgpu that does the same. A measurement, not a check of speed:
/// `cargo test --test gpu -- --ignored --nocapture replay_cost`.
#[test]
#[ignore = "a measurement"]
fn replay_cost() {
    let gpu = gpu();
    let kernel =
        kernel(&gpu, Composer::new().compose("test/params").unwrap(), &[Access::Read, Access::ReadWrite], 3).unwrap();
    let buffers: Vec<_> = (0..3).map(|i| gpu.alloc_zeroed(1024, &format!("b{i}")).unwrap()).collect();
    let params = [1u32, 0, 0];
    let calls: Vec<_> = (0..64)
        .map(|i| {
            let (x, y) = (&buffers[i % 3], &buffers[(i + 1) % 3]);
            gpu.call(&kernel, &[x.into(), y.into()], &params, [1, 1, 1]).unwrap()
        })
        .collect();
    let device = gpu.device();
    let layout_entries = [true, false].map(|read_only| wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Storage { read_only },
        has_dynamic_offset: false,
        min_binding_size: None,
    });
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: None,
        entries: &[0u32, 1].map(|binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: layout_entries[binding as usize],
            count: None,
        }),
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 12,
    });
    let text = Composer::new().compose("test/params").unwrap().source;
    let descriptor = wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl(text.into()) };
    let module = device.create_shader_module(descriptor);
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: Default::default(),
        cache: None,
    });
    let groups: Vec<_> = (0..64)
        .map(|i| {
            let whole = |at: usize| wgpu::BindingResource::Buffer(buffers[at % 3].raw().as_entire_buffer_binding());
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &layout,
                entries: &[
                    wgpu::BindGroupEntry { binding: 0, resource: whole(i) },
                    wgpu::BindGroupEntry { binding: 1, resource: whole(i + 1) },
                ],
            })
        })
        .collect();
    let raw = |times: u32| {
        let mut ahead = std::collections::VecDeque::new();
        for _ in 0..times / 8 {
            let mut encoder = device.create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&pipeline);
            for _ in 0..8 {
                for group in &groups {
                    pass.set_bind_group(0, group, &[]);
                    pass.set_immediates(0, bytemuck::cast_slice(&params));
                    pass.dispatch_workgroups(1, 1, 1);
                }
            }
            drop(pass);
            ahead.push_back(gpu.queue().submit([encoder.finish()]));
            if ahead.len() > 3 {
                device.poll(wgpu::PollType::Wait { submission_index: ahead.pop_front(), timeout: None }).unwrap();
            }
        }
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    };
    let times = 160;
    let dispatches = f64::from(times) * 64.0;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let start = thread_time();
        gpu.replay(&calls, times, 8).unwrap();
        gpu.wait().unwrap();
        ours.push((thread_time() - start) / dispatches * 1e6);
        let start = thread_time();
        raw(times);
        theirs.push((thread_time() - start) / dispatches * 1e6);
    }
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let (a, b) = (ours[10], theirs[10]);
    let (c, d) = (ours[0], theirs[0]);
    println!("least: replay {c:.3} us, raw {d:.3} us, ratio {:.3}", c / d);
    println!("{}: replay {a:.3} us, raw {b:.3} us a dispatch (medians of 20), ratio {:.3}", gpu.facts().name, a / b);
}
