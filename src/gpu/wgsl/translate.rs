//! Translation of a module to the languages of all backends, without a device: what a driver elsewhere would be given.

use naga::back::{glsl, hlsl, msl, spv};

use super::{Composed, ParamsMode, Requirement, Validated, capabilities};
use crate::error::{Error, Place, Result};

impl Composed {
    /// Checks that the module is valid for a device that has no more than what it requires, and can be written as SPIR-V, MSL,
    /// HLSL and GLSL ES 3.1, with its parameters in both forms. What a module requires decides where it can run at all: f64, 64-bit integers and float atomics are tried as
    /// SPIR-V only; OpenGL has neither f16 nor subgroups, and takes parameters as a uniform.
    ///
    /// # Errors
    /// [`Error::Parse`] where naga rejects the module, or with the language that it cannot be written in.
    pub fn check_translations(&self) -> Result<()> {
        let own = self.requirements.iter().map(|requirement| requirement.feature());
        let features = own.fold(wgpu::Features::IMMEDIATES, |all, feature| all | feature);
        for mode in [ParamsMode::Immediate, ParamsMode::Uniform] {
            let module = self.validate(mode, capabilities(features, true))?;
            let needs = |requirement| self.requirements.contains(&requirement);
            let fail = |language: &str, reason: String| {
                let message = format!("cannot be written as {language} ({mode:?} parameters): {reason}");
                let place = Place { source: self.name.clone(), line: 0, column: 0, text: String::new() };
                Error::Parse { message, place }
            };
            to_spirv(&module).map_err(|reason| fail("SPIR-V", reason))?;
            if [Requirement::F64, Requirement::Int64, Requirement::FloatAtomics].into_iter().any(needs) {
                continue;
            }
            to_msl(&module).map_err(|reason| fail("MSL", reason))?;
            to_hlsl(&module).map_err(|reason| fail("HLSL", reason))?;
            if mode == ParamsMode::Uniform && !needs(Requirement::F16) && !needs(Requirement::Subgroups) {
                to_glsl(&module).map_err(|reason| fail("GLSL", reason))?;
            }
        }
        Ok(())
    }
}

fn to_spirv(module: &Validated) -> Result<(), String> {
    let written = spv::write_vec(&module.module, &module.info, &spv::Options::default(), None);
    written.map(|_| ()).map_err(|error| error.to_string())
}

fn to_msl(module: &Validated) -> Result<(), String> {
    // Version 2.4 is the first with all that the kernels use; bindings are assigned by the backend.
    let options = msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
    let written = msl::write_string(&module.module, &module.info, &options, &msl::PipelineOptions::default());
    written.map(|_| ()).map_err(|error| error.to_string())
}

fn to_hlsl(module: &Validated) -> Result<(), String> {
    // Shader model 6.2 is the first with f16.
    let options = hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_2,
        fake_missing_bindings: true,
        immediates_target: Some(hlsl::BindTarget::default()),
        ..Default::default()
    };
    let mut text = String::new();
    let pipeline = hlsl::PipelineOptions::default();
    let written = hlsl::Writer::new(&mut text, &options, &pipeline).write(&module.module, &module.info, None);
    written.map(|_| ()).map_err(|error| error.to_string())
}

fn to_glsl(module: &Validated) -> Result<(), String> {
    let options = glsl::Options { version: glsl::Version::new_gles(310), ..Default::default() };
    for entry in &module.module.entry_points {
        let pipeline = glsl::PipelineOptions {
            shader_stage: naga::ShaderStage::Compute,
            entry_point: entry.name.clone(),
            multiview: None,
        };
        let mut text = String::new();
        let policies = naga::proc::BoundsCheckPolicies::default();
        glsl::Writer::new(&mut text, &module.module, &module.info, &options, &pipeline, policies)
            .and_then(|mut writer| writer.write())
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}
