//! Compiled programs: a tape as a list of dispatches that replays without the host.
//!
//! The way from tape to dispatches: `ir` puts copies where a kernel needs them; `levels` says what can run when; `place`
//! lets joins and state updates happen in place; `groups` fuses elementwise work; `elementwise`, `matmul`, `reduce` and
//! `kernels` make launches; `memory` shares buffers by lifetime. A replayed step allocates nothing and reads nothing back.

mod elementwise;
mod fusion;
mod groups;
mod ir;
mod iteration;
mod kernels;
mod launch;
mod levels;
mod lower;
mod matmul;
mod memory;
mod place;
mod prepare;
mod reduce;

use crate::error::{Error, Result};
use crate::gpu::{Access, Binding, Buffer, Call, Gpu, KernelSpec};
use crate::ops::Spec;
use crate::tape::Tape;
use crate::tensor::{Array, DType, Layout};
use launch::Launch;

/// What a program consists of, for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Dispatches of one step.
    pub dispatches: usize,
    /// Bytes of device memory held by the program.
    pub bytes: u64,
}

/// A named array of a program on the device.
#[derive(Debug, Clone)]
struct Port {
    name: String,
    buffer: Buffer,
    layout: Layout,
    spec: Spec,
}

/// A tape compiled for a device: inputs stay on it, states are updated in place.
#[derive(Debug)]
pub struct Program {
    gpu: Gpu,
    calls: Vec<Call>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// What bit `i` of the fault word watches.
    guarded: Vec<String>,
    fault: Buffer,
    labels: Vec<String>,
    size: Size,
}

impl Program {
    /// Compiles `tape`. `states` pairs an input with the output that replaces it after every step.
    ///
    /// # Errors
    /// An unknown name in `states` or a pair whose specs differ; what the device layer refuses, with the kernel's name.
    pub fn compile(gpu: &Gpu, tape: &Tape, states: &[(&str, &str)]) -> Result<Program> {
        let lowered = lower::lower(gpu, tape, &state_positions(tape, states)?)?;
        let buffers = allocate(gpu, &lowered)?;
        let fault = gpu.alloc_zeroed(16, "fault word")?;
        let mut calls = Vec::with_capacity(lowered.launches.len());
        for launch in &lowered.launches {
            calls.push(call(gpu, launch, &buffers, &fault)?);
        }
        let port = |(name, value): &(String, usize)| Port {
            name: name.clone(),
            buffer: buffers[lowered.places.of[*value].buffer].clone(),
            layout: lowered.places.of[*value].layout.clone(),
            spec: lowered.ir.nodes[*value].spec.clone(),
        };
        let distinct: std::collections::BTreeMap<u64, u64> = buffers.iter().map(|b| (b.id(), b.size())).collect();
        Ok(Program {
            gpu: gpu.clone(),
            inputs: lowered.ir.inputs.iter().map(port).collect(),
            outputs: lowered.ir.outputs.iter().map(port).collect(),
            guarded: lowered.guarded,
            fault,
            labels: lowered.launches.iter().map(|l| l.label.clone()).collect(),
            size: Size { dispatches: calls.len(), bytes: distinct.values().sum() },
            calls,
        })
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Dispatches of a step and bytes held.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Labels of the dispatches, in order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The dispatches of one step, for recording into a host application's own work.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    fn port<'a>(ports: &'a [Port], what: &str, name: &str) -> Result<&'a Port> {
        ports.iter().find(|p| p.name == name).ok_or_else(|| {
            let known: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
            Error::argument(format!("{what} name"), format!("one of {known:?}"), format!("`{name}`"))
        })
    }

    /// Gives an input its elements.
    ///
    /// # Errors
    /// An unknown name; another shape or dtype than recorded.
    pub fn write(&self, name: &str, array: &Array) -> Result<()> {
        let port = Self::port(&self.inputs, "input", name)?;
        let got = Spec::new(array.shape().clone(), array.dtype());
        if got != port.spec {
            return Err(Error::argument(format!("input `{name}`"), port.spec.to_string(), got));
        }
        if array.shape().elements() == 0 {
            return Ok(());
        }
        self.gpu.write(&port.buffer, 0, &array.to_bytes())
    }

    /// The device buffer and spec of an input, to share it with a host application or another program.
    ///
    /// # Errors
    /// An unknown name.
    pub fn input_buffer(&self, name: &str) -> Result<(&Buffer, &Spec)> {
        Self::port(&self.inputs, "input", name).map(|p| (&p.buffer, &p.spec))
    }

    /// Runs one step.
    ///
    /// # Errors
    /// What the device reports.
    pub fn run(&self) -> Result<()> {
        self.gpu.run(&self.calls)
    }

    /// Runs `times` steps without the host in between, `steps_per_submit` at a time.
    ///
    /// # Errors
    /// What the device reports.
    pub fn replay(&self, times: u32, steps_per_submit: u32) -> Result<()> {
        self.gpu.replay(&self.calls, times, steps_per_submit)
    }

    /// The elements of an output after the last step, once the fault word is clean.
    ///
    /// # Errors
    /// An unknown name; a value that is not finite or an index out of range in any step since the last check.
    pub fn read(&self, name: &str) -> Result<Array> {
        let port = Self::port(&self.outputs, "output", name)?;
        self.check()?;
        self.fetch(port)
    }

    /// As [`Program::read`], but gives the elements whatever the fault word says.
    ///
    /// # Errors
    /// An unknown name; what the device reports.
    pub fn read_unchecked(&self, name: &str) -> Result<Array> {
        self.fetch(Self::port(&self.outputs, "output", name)?)
    }

    /// The elements that an input (or state) holds now.
    ///
    /// # Errors
    /// An unknown name; what the device reports.
    pub fn read_input(&self, name: &str) -> Result<Array> {
        self.fetch(Self::port(&self.inputs, "input", name)?)
    }

    fn fetch(&self, port: &Port) -> Result<Array> {
        let shape = &port.spec.shape;
        if shape.elements() == 0 {
            return Ok(Array::zeros(port.spec.dtype, shape.clone()));
        }
        let last: usize = (0..shape.rank()).map(|a| (shape[a] - 1) * port.layout.strides[a]).sum();
        let bytes = (DType::BYTES * (last + 1)) as u64;
        let raw = self.gpu.read(&port.buffer, (DType::BYTES * port.layout.offset) as u64, bytes)?;
        if port.layout.is_contiguous() {
            return Array::from_bytes(port.spec.dtype, shape.clone(), &raw);
        }
        let strides = shape.strides();
        let mut packed = Vec::with_capacity(DType::BYTES * shape.elements());
        for i in 0..shape.elements() {
            let at: usize = (0..shape.rank()).map(|a| i / strides[a] % shape[a] * port.layout.strides[a]).sum();
            packed.extend_from_slice(&raw[DType::BYTES * at..DType::BYTES * (at + 1)]);
        }
        Array::from_bytes(port.spec.dtype, shape.clone(), &packed)
    }

    /// Forgets what the fault word holds, after work that was allowed to fail.
    ///
    /// # Errors
    /// What the device reports.
    pub fn clear_faults(&self) -> Result<()> {
        self.gpu.write(&self.fault, 0, &[0; 4])
    }

    /// Reads the fault word and clears it.
    ///
    /// # Errors
    /// [`Error::Numerical`] that names what was not finite or which op met an index out of range.
    pub fn check(&self) -> Result<()> {
        let bytes = self.gpu.read(&self.fault, 0, 4)?;
        let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        if word == 0 {
            return Ok(());
        }
        self.clear_faults()?;
        let mut found: Vec<String> = Vec::new();
        for (bit, name) in self.guarded.iter().enumerate().filter(|(bit, _)| word >> bit & 1 == 1) {
            debug_assert!(bit < 30);
            found.push(format!("`{name}` is not finite"));
        }
        if word >> 30 & 1 == 1 {
            found.push("an index of a gather is out of range".into());
        }
        if word >> 31 == 1 {
            found.push("an index of a scatter_add is out of range".into());
        }
        Err(Error::Numerical { origin: "program".into(), problem: found.join("; ") })
    }
}

/// Positions of the named pairs in the tape's lists of inputs and outputs.
fn state_positions(tape: &Tape, states: &[(&str, &str)]) -> Result<Vec<(usize, usize)>> {
    let find = |what: &str, names: Vec<(&str, &Spec)>, wanted: &str| {
        let position = names.iter().position(|(n, _)| *n == wanted);
        let known: Vec<&str> = names.iter().map(|(n, _)| *n).collect();
        position.ok_or_else(|| Error::argument(format!("state {what}"), format!("one of {known:?}"), wanted))
    };
    let (inputs, outputs): (Vec<_>, Vec<_>) = (tape.inputs().collect(), tape.outputs().collect());
    states
        .iter()
        .map(|&(input, output)| {
            let pair = (find("input", inputs.clone(), input)?, find("output", outputs.clone(), output)?);
            if inputs[pair.0].1 != outputs[pair.1].1 {
                let (expected, got) = (inputs[pair.0].1, outputs[pair.1].1);
                return Err(Error::argument(format!("state `{input}`"), expected.to_string(), got));
            }
            Ok(pair)
        })
        .collect()
}

/// Memory for every buffer of the program; constants are written.
fn allocate(gpu: &Gpu, lowered: &lower::Lowered) -> Result<Vec<Buffer>> {
    let plan = memory::plan(&lowered.lifetimes)?;
    let bytes = |elements: usize| (elements.max(1) * DType::BYTES) as u64;
    let slots: Vec<Buffer> = plan.slots.iter().map(|&n| gpu.alloc(bytes(n), "temporaries")).collect::<Result<_>>()?;
    let mut buffers = Vec::with_capacity(lowered.places.sizes.len());
    for (buffer, &elements) in lowered.places.sizes.iter().enumerate() {
        buffers.push(match plan.slot[buffer] {
            Some(slot) => slots[slot].clone(),
            None => gpu.alloc_zeroed(bytes(elements), &lowered.names[buffer])?,
        });
    }
    for (buffer, array) in &lowered.constants {
        if array.shape().elements() > 0 {
            gpu.write(&buffers[*buffer], 0, &array.to_bytes())?;
        }
    }
    Ok(buffers)
}

fn call(gpu: &Gpu, launch: &Launch, buffers: &[Buffer], fault: &Buffer) -> Result<Call> {
    let access = |written: bool| if written { Access::ReadWrite } else { Access::Read };
    let mut accesses: Vec<Access> = launch.bindings.iter().map(|&(_, w)| access(w)).collect();
    let mut bound: Vec<&Buffer> = launch.bindings.iter().map(|&(b, _)| &buffers[b]).collect();
    if launch.faults {
        accesses.push(Access::ReadWrite);
        bound.push(fault);
    }
    let kernel = gpu.kernel(&KernelSpec {
        label: launch.label.clone(),
        source: launch.compose()?,
        entry: launch.entry().into(),
        bindings: accesses,
        params_words: launch.params.len() as u32,
    })?;
    let bindings: Vec<Binding> = bound.iter().map(|b| Binding { buffer: b, offset: 0, size: b.size() }).collect();
    gpu.call(&kernel, &bindings, &launch.params, launch.groups)
}
