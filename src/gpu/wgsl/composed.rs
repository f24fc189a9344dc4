//! A composed module, the place of each of its lines, and its check by naga.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{Error, Place, Result};

/// A feature of the device that a shader asks for with `#require`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requirement {
    /// `f16`: 16-bit floats.
    F16,
    /// `f64`: 64-bit floats.
    F64,
    /// `int64`: 64-bit integers.
    Int64,
    /// `subgroups`: subgroup operations.
    Subgroups,
    /// `float_atomics`: atomic load, store, add and exchange of f32.
    FloatAtomics,
}

impl Requirement {
    const ALL: [(&str, Self, wgpu::Features); 5] = [
        ("f16", Self::F16, wgpu::Features::SHADER_F16),
        ("f64", Self::F64, wgpu::Features::SHADER_F64),
        ("int64", Self::Int64, wgpu::Features::SHADER_INT64),
        ("subgroups", Self::Subgroups, wgpu::Features::SUBGROUP),
        ("float_atomics", Self::FloatAtomics, wgpu::Features::SHADER_FLOAT32_ATOMIC),
    ];

    fn entry(self) -> (&'static str, wgpu::Features) {
        // Five entries, and every variant has one.
        Self::ALL.iter().find(|(_, other, _)| *other == self).map_or(("", wgpu::Features::empty()), |e| (e.0, e.2))
    }

    /// The name behind `#require`.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// The feature that the device must have.
    pub fn feature(self) -> wgpu::Features {
        self.entry().1
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(other, ..)| *other == name).map(|(_, requirement, _)| *requirement)
    }

    pub(super) fn names() -> String {
        Self::ALL.map(|(name, ..)| name).join(", ")
    }

    /// The line that WGSL wants: naga 30 takes `enable f16;` but rejects `enable subgroups;`, and the others have none.
    fn enable(self) -> Option<&'static str> {
        (self == Self::F16).then_some("enable f16;")
    }
}

/// How a module gets at its parameter block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub enum ParamsMode {
    /// `var<immediate>`: the words travel in the command itself.
    Immediate,
    /// `var<uniform>` at group 1, binding 0.
    Uniform,
}

/// A line of a composed module with the place that it came from.
pub(super) struct Line {
    pub text: String,
    pub file: Arc<str>,
    /// 1-based.
    pub number: usize,
    /// The line that declares the parameter block; its text depends on the device.
    pub params: bool,
}

/// Where a composed line came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file (`shaders/lib/index.wgsl`) or the name of a generated text.
    pub file: Arc<str>,
    /// 1-based line in it; 0 for a line that the composer wrote.
    pub line: usize,
}

/// A WGSL module without directives.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The key of the file or the name of the generated text.
    pub name: String,
    /// The module, with the parameter block as `var<immediate>`. See [`text`](Self::text) for the other form.
    pub source: String,
    /// The origin of each line of `source`.
    pub map: Vec<Origin>,
    /// What the module asks of the device.
    pub requirements: Vec<Requirement>,
    /// The struct of the parameter block and the 0-based line that declares it.
    params: Option<(String, usize)>,
}

impl Composed {
    pub(super) fn new(
        name: &str,
        lines: Vec<Line>,
        requirements: BTreeSet<Requirement>,
        params: Option<String>,
    ) -> Self {
        let enables = requirements.iter().filter_map(|requirement| requirement.enable());
        let own = enables.map(|text| Line { text: text.into(), file: name.into(), number: 0, params: false });
        let lines: Vec<Line> = own.chain(lines).collect();
        let params = params.zip(lines.iter().position(|line| line.params));
        let mut source = String::with_capacity(lines.iter().map(|line| line.text.len() + 1).sum::<usize>() + 64);
        for line in &lines {
            match &params {
                Some((name, _)) if line.params => source.push_str(&declaration(name, ParamsMode::Immediate)),
                _ => source.push_str(&line.text),
            }
            source.push('\n');
        }
        let map = lines.into_iter().map(|line| Origin { file: line.file, line: line.number }).collect();
        Composed { name: name.into(), source, map, requirements: requirements.into_iter().collect(), params }
    }

    /// The struct that `#params` names.
    pub fn params(&self) -> Option<&str> {
        self.params.as_ref().map(|(name, _)| name.as_str())
    }

    /// The module with its parameter block in the given form. The lines are the same in number and place.
    pub fn text(&self, mode: ParamsMode) -> String {
        match (&self.params, mode) {
            (None, _) | (_, ParamsMode::Immediate) => self.source.clone(),
            (Some((name, at)), ParamsMode::Uniform) => {
                let mut text = String::with_capacity(self.source.len() + 64);
                for (number, line) in self.source.lines().enumerate() {
                    text.push_str(if number == *at { "" } else { line });
                    if number == *at {
                        text.push_str(&declaration(name, mode));
                    }
                    text.push('\n');
                }
                text
            }
        }
    }

    /// Parses and validates the module with naga, without a device: `capabilities` are those of the device it is for.
    ///
    /// # Errors
    /// [`Error::Parse`] with the file, line and column that the offending line came from.
    pub fn validate(&self, mode: ParamsMode, capabilities: naga::valid::Capabilities) -> Result<Validated> {
        let text = self.text(mode);
        let module = naga::front::wgsl::parse_str(&text).map_err(|error| {
            let labels: Vec<_> = error.labels().map(|(_, label)| label).filter(|label| !label.is_empty()).collect();
            let mut message = error.message().to_string();
            for part in labels.into_iter().chain(error.notes()) {
                message = format!("{message}; {part}");
            }
            self.error(&text, message, error.location(&text))
        })?;
        let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities);
        validator
            .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
            .subgroup_operations(naga::valid::SubgroupOperationSet::all());
        let info = validator.validate(&module).map_err(|error| {
            let mut message = error.as_inner().to_string();
            let mut source = std::error::Error::source(error.as_inner());
            while let Some(next) = source {
                message = format!("{message}: {next}");
                source = next.source();
            }
            // The last span is the innermost, where there are several.
            let span = error.spans().last().map(|(span, _)| span.location(&text));
            self.error(&text, message, span)
        })?;
        Ok(Validated { text, module, info })
    }

    fn error(&self, text: &str, message: String, location: Option<naga::SourceLocation>) -> Error {
        let (row, byte) = location.map_or((0, 0), |at| (at.line_number as usize - 1, at.line_position as usize - 1));
        let line = text.lines().nth(row).unwrap_or_default();
        let column = 1 + line.char_indices().take_while(|(at, _)| *at < byte).count();
        let origin = self.map.get(row).cloned().unwrap_or_else(|| Origin { file: self.name.as_str().into(), line: 0 });
        Error::Parse {
            message,
            place: Place { source: origin.file.to_string(), line: origin.line, column, text: line.into() },
        }
    }
}

/// A module that naga has accepted.
pub struct Validated {
    /// The text that was checked.
    pub text: String,
    /// Its intermediate representation.
    pub module: naga::Module,
    /// What the validator found out about it.
    pub info: naga::valid::ModuleInfo,
}

fn declaration(name: &str, mode: ParamsMode) -> String {
    match mode {
        ParamsMode::Immediate => format!("var<immediate> params: {name};"),
        ParamsMode::Uniform => format!("@group(1) @binding(0) var<uniform> params: {name};"),
    }
}

/// What naga may accept for a device with these features; `f16_in_f32`: pairs of f16 packed in a word.
pub(in crate::gpu) fn capabilities(features: wgpu::Features, f16_in_f32: bool) -> naga::valid::Capabilities {
    use naga::valid::Capabilities as C;
    use wgpu::Features as F;
    let mut capabilities = C::empty();
    let pairs = [
        (C::IMMEDIATES, F::IMMEDIATES),
        (C::FLOAT64, F::SHADER_F64),
        (C::SHADER_FLOAT16, F::SHADER_F16),
        (C::SHADER_INT64, F::SHADER_INT64),
        (C::SHADER_FLOAT32_ATOMIC, F::SHADER_FLOAT32_ATOMIC),
        (C::SUBGROUP, F::SUBGROUP),
        (C::SUBGROUP_BARRIER, F::SUBGROUP_BARRIER),
    ];
    for (capability, feature) in pairs {
        capabilities.set(capability, features.contains(feature));
    }
    capabilities.set(C::SHADER_FLOAT16_IN_FLOAT32, f16_in_f32);
    capabilities
}
