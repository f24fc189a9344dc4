//! Printed programs on a device: integers, bools, conversions and the float operations that f32 does exactly agree with
//! the evaluator bit by bit. Needs a Vulkan, Metal or DX12 adapter; Mesa's lavapipe will do.

use crate::programs::{INPUTS, NAMES, Program, inputs};
use fieldline::expr::{Dag, Type, Value, parse};
use fieldline::wgpu;

/// Bodies of the library functions: the high product is exact, results of the others are not compared.
const LIBRARY: &str = "
fn fl_exp(x: f32) -> f32 { return exp(x); }
fn fl_log(x: f32) -> f32 { return log(x); }
fn fl_sin(x: f32) -> f32 { return sin(x); }
fn fl_cos(x: f32) -> f32 { return cos(x); }
fn fl_tanh(x: f32) -> f32 { return tanh(x); }
fn fl_erf(x: f32) -> f32 { return x; }
fn fl_pow(x: f32, y: f32) -> f32 { return pow(x, y); }
fn fl_mulhi(x: u32, y: u32) -> u32 {
    let low = (x & 0xffffu) * (y & 0xffffu);
    let first = (x >> 16u) * (y & 0xffffu) + (low >> 16u);
    let second = (x & 0xffffu) * (y >> 16u) + (first & 0xffffu);
    return (x >> 16u) * (y >> 16u) + (first >> 16u) + (second >> 16u);
}
";

fn bits(value: Value) -> u32 {
    match value {
        Value::F32(v) => (v as f32).to_bits(),
        Value::I32(v) => v as u32,
        Value::U32(v) => v,
        Value::Bool(v) => v.into(),
    }
}

/// A compute shader that evaluates `dag` once per invocation; all values are stored as their bits.
fn shader(dag: &Dag) -> String {
    let names = NAMES.map(String::from);
    let wgsl = dag.to_wgsl(&names);
    let read = |(k, (name, ty)): (usize, (&String, Type))| {
        let word = format!("input[i * {}u + {k}u]", INPUTS.len());
        match ty {
            Type::Bool => format!("    let {name} = {word} != 0u;\n"),
            ty => format!("    let {name} = bitcast<{ty}>({word});\n"),
        }
    };
    let reads: String = names.iter().zip(INPUTS).enumerate().map(read).collect();
    let write = |(k, (&id, output)): (usize, (&fieldline::expr::Id, &String))| {
        let word = match dag.ty(id) {
            Type::Bool => format!("u32({output})"),
            _ => format!("bitcast<u32>({output})"),
        };
        format!("    output[i * {}u + {k}u] = {word};\n", dag.outputs().len())
    };
    let writes: String = dag.outputs().iter().zip(&wgsl.outputs).enumerate().map(write).collect();
    format!(
        "{LIBRARY}{}@group(0) @binding(0) var<storage, read> input: array<u32>;\n\
         @group(0) @binding(1) var<storage, read_write> output: array<u32>;\n\
         @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\n    let i = id.x;\n{reads}{}{writes}}}\n",
        wgsl.functions, wgsl.body
    )
}

struct Machine {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

impl Machine {
    fn new() -> Machine {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()));
        let adapter =
            adapter.expect("this test needs an adapter: install a driver, or Mesa's lavapipe (mesa-vulkan-drivers)");
        let device = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()));
        let (device, queue) = device.expect("the adapter gives a device with default limits");
        Machine { device, queue }
    }

    fn buffer(&self, size: usize, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: size as u64 * 4,
            usage,
            mapped_at_creation: false,
        })
    }

    /// Runs `invocations` of a shader and returns the output words.
    fn run(&self, source: &str, input: &[u32], invocations: usize, words: usize) -> Vec<u32> {
        use wgpu::BufferUsages as Usage;
        let source_buffer = self.buffer(input.len(), Usage::STORAGE | Usage::COPY_DST);
        self.queue.write_buffer(&source_buffer, 0, bytemuck::cast_slice(input));
        let target = self.buffer(words, Usage::STORAGE | Usage::COPY_SRC);
        let staging = self.buffer(words, Usage::MAP_READ | Usage::COPY_DST);
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        });
        let entry = |binding: u32, buffer: &wgpu::Buffer| (binding, buffer.clone());
        let buffers = [entry(0, &source_buffer), entry(1, &target)];
        let entries: Vec<wgpu::BindGroupEntry> = buffers
            .iter()
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding: *binding, resource: buffer.as_entire_binding() })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(invocations as u32, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&target, 0, &staging, 0, words as u64 * 4);
        self.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |result| result.expect("the staging buffer can be mapped"));
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device finishes");
        let view = staging.get_mapped_range(..).expect("mapped");
        bytemuck::cast_slice(&view).to_vec()
    }
}

/// Bytes of a fixed sequence (SplitMix64).
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> [u8; 8] {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    }
}

#[test]
fn exact_operations_agree_with_the_evaluator_bit_by_bit() {
    let machine = Machine::new();
    let mut sequence = Sequence(7);
    let (mut compared, points) = (0, 64);
    for _ in 0..24 {
        let lines: Vec<[u8; 5]> = (0..60).map(|_| sequence.next()[..5].try_into().expect("five bytes")).collect();
        let program = Program::new(&lines);
        let dag = program.dag();
        let at: Vec<Vec<Value>> = (0..points).map(|_| inputs(sequence.next())).collect();
        let words: Vec<u32> = at.iter().flatten().map(|&v| bits(v)).collect();
        let source = shader(&dag);
        let count = dag.outputs().len();
        let results = machine.run(&source, &words, points, points * count);
        for (at, results) in at.iter().zip(results.chunks(count)) {
            for (line, (expected, &got)) in program.exact_on_device(at).iter().zip(results).enumerate() {
                let Some(expected) = expected else { continue };
                compared += 1;
                // WGSL leaves the sign of a zero open.
                let zero = *expected == Value::F32(0.0) && got << 1 == 0;
                assert!(
                    zero || got == bits(*expected),
                    "output {line} at {at:?}: {got:#x} against {expected:?}\n{source}"
                );
            }
        }
    }
    // Without this the test could pass by comparing nothing.
    assert!(compared > 20_000, "only {compared} values were comparable");
}

#[test]
fn infinities_and_nans_reach_the_device_and_are_recognised() {
    let names: Vec<(&str, Type)> = NAMES.into_iter().zip(INPUTS).collect();
    let texts = [
        "isnan(x)",
        "isfinite(x)",
        "isnan(y)",
        "isfinite(y)",
        "isnan(relu(x))",
        "1/0",
        "-1/0",
        "1e30*1e30",
        "isnan(0/0)",
    ];
    let mut dag = parse(texts[0], "test", &names).expect("valid");
    let args = dag.input_ids().to_vec();
    for text in &texts[1..] {
        let more = parse(text, "test", &names).expect("valid");
        dag.inline(&more, &args).expect("same inputs").into_iter().for_each(|id| dag.output(id));
    }
    let at = [f64::NAN, f64::INFINITY, 0.0].map(Value::F32).into_iter().chain([Value::U32(0); 5]);
    let input: Vec<u32> = at.map(bits).collect();
    let got = Machine::new().run(&shader(&dag), &input, 1, texts.len());
    let infinite = f32::INFINITY.to_bits();
    assert_eq!(got, [1, 0, 0, 0, 1, infinite, f32::NEG_INFINITY.to_bits(), infinite, 1]);
}
