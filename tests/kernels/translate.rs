//! Every variant of the kernels is valid and translates for Vulkan, Metal, Direct3D and OpenGL ES, without a GPU.

use fieldline::gpu::ParamsMode;
use naga::back::{glsl, hlsl, msl, spv};
use naga::proc::BoundsCheckPolicies;
use naga::valid::Capabilities;

use super::device::compose;

type Names = Vec<(&'static str, u32)>;

/// The combinations of flags that matter for one kernel: every flag alone and all together, on top of `base`.
fn combine(base: &[(&'static str, u32)], flags: &[&'static str]) -> Vec<Names> {
    let with = |on: &[&'static str]| base.iter().copied().chain(on.iter().map(|f| (*f, 1))).collect::<Names>();
    let mut all: Vec<Names> = flags.iter().map(|flag| with(&[flag])).collect();
    all.push(with(&[]));
    all.push(with(flags));
    all
}

fn variants() -> Vec<(&'static str, Names)> {
    let mut all = Vec::new();
    let mut add = |key, list: Vec<Names>| all.extend(list.into_iter().map(|names| (key, names)));
    for mode in 0..3 {
        let lane = [("TM", 4), ("VN", 2), ("LX", 8), ("WG", 8), ("A_MODE", mode)];
        add("matmul/lane", combine(&lane, &["VEC_B", "VEC_C", "K_TAIL", "SPLIT"]));
        let octet = [("R", 32), ("VN", 1), ("A_MODE", mode), ("B_LEN", 16), ("VEC_B", 1)];
        add("matmul/octet", combine(&octet, &["VEC_C", "SPLIT", "WIDE", "B_UNIFORM"]));
        let group = [("TM", 64), ("A_MODE", mode & 2), ("K_TAIL", 1)];
        add("matmul/group", combine(&group, &["VEC_B", "VEC_C", "SPLIT"]));
        let dot = [("R", 2), ("WG", 64), ("N", 1), ("A_MODE", mode & 1)];
        add("matmul/row_dot", combine(&dot, &["B_LINE", "WIDE", "SPLIT"]));
        add("matmul/row_dot", combine(&[("R", 2), ("WG", 64), ("N", 3), ("KU", 2)], &["SPLIT"]));
    }
    for dtype in 0..3 {
        let sum = [("WG", 64), ("DTYPE", dtype), ("OUT", 1), ("SUM", 1)];
        let extremum = [("WG", 64), ("DTYPE", dtype), ("OUT", 1)];
        for key in ["reduce/rows", "reduce/rows_group", "reduce/columns"] {
            for base in [&sum[..], &extremum[..]] {
                let base: Names = base.iter().copied().chain([("COLS", 1)]).collect();
                add(key, combine(&base, &["FROM_STATE", "TO_STATE", "SMALLEST", "ARG", "FLAT", "CHUNK_LANES"]));
                let vec: Names =
                    base.iter().copied().filter(|n| n.0 != "COLS").chain([("COLS", 4), ("VEC", 1)]).collect();
                add(key, combine(&vec, &["WIDE", "TO_STATE", "ARG"]));
            }
        }
    }
    all
}

#[test]
fn every_variant_translates() {
    for (key, names) in variants() {
        let composed = compose(key, &names, &[]);
        let valid = composed
            .validate(ParamsMode::Uniform, Capabilities::all())
            .unwrap_or_else(|error| panic!("{key} {names:?}: {error}"));
        let (module, info) = (&valid.module, &valid.info);
        let fail = |backend: &str, error: &dyn std::fmt::Display| panic!("{key} {names:?} for {backend}: {error}");
        if let Err(error) = spv::write_vec(module, info, &spv::Options::default(), None) {
            fail("SPIR-V", &error);
        }
        let options = msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
        if let Err(error) = msl::write_string(module, info, &options, &Default::default()) {
            fail("MSL", &error);
        }
        let options = hlsl::Options { shader_model: hlsl::ShaderModel::V6_2, ..Default::default() };
        let pipeline = hlsl::PipelineOptions::default();
        if let Err(error) = hlsl::Writer::new(&mut String::new(), &options, &pipeline).write(module, info, None) {
            fail("HLSL", &error);
        }
        // OpenGL ES has neither subgroups nor 64-bit integers.
        if composed.requirements.is_empty() {
            let pipeline = glsl::PipelineOptions {
                shader_stage: naga::ShaderStage::Compute,
                entry_point: "main".into(),
                multiview: None,
            };
            let (options, mut text) = (glsl::Options::default(), String::new());
            let writer =
                glsl::Writer::new(&mut text, module, info, &options, &pipeline, BoundsCheckPolicies::default());
            if let Err(error) = writer.and_then(|mut writer| writer.write().map(drop)) {
                fail("GLSL", &error);
            }
        }
    }
}
