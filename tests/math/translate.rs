//! Every file of the library validates on its own (with its imports) and translates to SPIR-V, MSL, HLSL and GLSL.

use naga::back::{glsl, hlsl, msl, spv};
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::harness::module;

const KEYS: [&str; 19] = [
    "lib/math/bits",
    "lib/math/cos",
    "lib/math/erf",
    "lib/math/exp",
    "lib/math/exp2_kernel",
    "lib/math/log",
    "lib/math/log2_fixed",
    "lib/math/mulhi",
    "lib/math/mulhi_signed",
    "lib/math/pow",
    "lib/math/scale",
    "lib/math/sin",
    "lib/math/tanh",
    "lib/math/trig_kernel",
    "lib/math/trig_reduce",
    "lib/math/trig_reduce_large",
    "lib/random/normal",
    "lib/random/philox",
    "lib/random/uniform",
];

#[test]
fn every_file_translates_to_every_language() {
    for key in KEYS {
        let source = module(&[key], "output[i] = input[i];", 1);
        let parsed =
            naga::front::wgsl::parse_str(&source).unwrap_or_else(|e| panic!("{key}: {}", e.emit_to_string(&source)));
        let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&parsed)
            .unwrap_or_else(|e| panic!("{key}: {}", e.emit_to_string(&source)));
        spv::write_vec(&parsed, &info, &spv::Options::default(), None).unwrap_or_else(|e| panic!("{key}, SPIR-V: {e}"));
        msl::write_string(&parsed, &info, &msl::Options::default(), &msl::PipelineOptions::default())
            .unwrap_or_else(|e| panic!("{key}, MSL: {e}"));
        let mut text = String::new();
        hlsl::Writer::new(&mut text, &hlsl::Options::default(), &hlsl::PipelineOptions::default())
            .write(&parsed, &info, None)
            .unwrap_or_else(|e| panic!("{key}, HLSL: {e}"));
        let options = glsl::Options { version: glsl::Version::Desktop(430), ..Default::default() };
        let stage = glsl::PipelineOptions {
            shader_stage: naga::ShaderStage::Compute,
            entry_point: "main".into(),
            multiview: None,
        };
        let mut text = String::new();
        glsl::Writer::new(&mut text, &parsed, &info, &options, &stage, Default::default())
            .and_then(|mut writer| writer.write())
            .unwrap_or_else(|e| panic!("{key}, GLSL: {e}"));
    }
}

/// Files of both folders, so that the list above misses none.
#[test]
fn the_list_of_files_is_complete() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut found = 0;
    for folder in ["lib/math", "lib/random"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder is there") {
            let stem =
                entry.expect("a readable entry").path().file_stem().expect("a file").to_string_lossy().into_owned();
            assert!(KEYS.contains(&format!("{folder}/{stem}").as_str()), "{folder}/{stem} is not in the list");
            found += 1;
        }
    }
    assert_eq!(found, KEYS.len());
}
