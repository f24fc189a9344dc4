//! All embedded shaders, without a device.

use fieldline::gpu::wgsl::{Validated, embedded};
use fieldline::gpu::{Composed, Composer, ParamsMode, Requirement};

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
fn translate(module: &Composed, validated: &Validated, mode: ParamsMode) -> Vec<(&'static str, String)> {
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
