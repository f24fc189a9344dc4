//! Every kernel in every variant, and every library file, is valid and can be written as SPIR-V, MSL, HLSL and GLSL, except where
//! what it requires rules a language out; see `Composed::check_translations`, which also rejects a feature that is used without
//! being required.

use std::collections::BTreeSet;

use fieldline::gpu::{Composed, Composer, Requirement};

use super::tree::{File, closure, files};
use super::variants::{Variant, of};

fn compose(key: &str, variant: &Variant) -> fieldline::Result<Composed> {
    let names = variant.names.iter();
    let composer = names.fold(Composer::new(), |composer, (name, value)| composer.define(name, *value));
    let blocks = variant.blocks.iter();
    blocks.fold(composer, |composer, (name, text)| composer.insert(name, *text)).compose(key)
}

#[test]
fn every_variant_translates() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.is_kernel()) {
        let variants = of(&file.key);
        assert!(!variants.is_empty(), "{} is not in the table of variants", file.key);
        for variant in variants {
            match compose(&file.key, &variant) {
                Ok(module) => {
                    if let Err(error) = module.check_translations() {
                        problems.push(format!("{} {variant:?}: {error}", file.key));
                    }
                    // Only these keep a module from GLSL, or from MSL and HLSL; each must be asked for by a flag or be the
                    // kernel's point.
                    for requirement in &module.requirements {
                        let expected = match requirement {
                            Requirement::Int64 => variant.names.contains(&("WIDE", 1)),
                            Requirement::Subgroups => file.key == "matmul/octet",
                            _ => false,
                        };
                        assert!(expected, "{} {variant:?} requires {}", file.key, requirement.name());
                    }
                }
                Err(error) => problems.push(format!("{} {variant:?}: {error}", file.key)),
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Every name on which a text depends has a value in some variant, of the kernel itself or, for a part, of some kernel that
/// imports it, so that no branch is left out by forgetting it.
#[test]
fn the_variants_use_every_name() {
    let files = files();
    let kernels = || files.iter().filter(|file| file.is_kernel());
    for file in &files {
        let users = kernels().filter(|kernel| closure(&files, kernel).iter().any(|part| part.key == file.key));
        let users = users.filter(|kernel| !file.is_kernel() || kernel.key == file.key);
        let variants: Vec<Variant> = users.flat_map(|kernel| of(&kernel.key)).collect();
        let given = |name: &String| {
            let set =
                |v: &Variant| v.names.iter().any(|n| n.0 == name && n.1 != 0) || v.blocks.iter().any(|b| b.0 == name);
            variants.iter().any(set)
        };
        let missing: Vec<String> = names(file).into_iter().filter(|name| !given(name)).collect();
        assert!(missing.is_empty(), "no variant of a kernel sets {missing:?}, which {} uses", file.key);
    }
}

/// Names in conditions, bounds, substitutions and `#insert`s, without the file's own loop variables.
fn names(file: &File) -> BTreeSet<String> {
    let mut own = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut read = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        names.extend(words.filter(|w| w.starts_with(|c: char| c.is_ascii_alphabetic())).map(String::from));
    };
    for line in file.text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let (word, rest) = line.trim_start().split_once(' ').unwrap_or((line, ""));
        match word {
            "#if" | "#elif" | "#insert" => read(rest.split("//").next().unwrap_or_default()),
            "#for" => {
                let (name, bounds) = rest.split_once(" in ").expect("`#for name in low..high`");
                own.insert(name.trim().to_string());
                read(bounds);
            }
            _ => line.split("{{").skip(1).for_each(|part| read(part.split("}}").next().unwrap_or_default())),
        }
    }
    names.retain(|name| !own.contains(name));
    names
}

/// Files without an entry point: those of the library translate on their own, in front of an empty kernel; the others are parts
/// of kernels that are checked above.
#[test]
fn every_part_translates_or_belongs_to_a_kernel() {
    let files = files();
    let kernels: Vec<&File> = files.iter().filter(|file| file.is_kernel()).collect();
    for file in files.iter().filter(|file| !file.is_kernel()) {
        if file.key.starts_with("lib/") {
            let text = format!("#import {}\n@compute @workgroup_size(1) fn main() {{}}", file.key);
            let module = Composer::new().compose_text("part", &text).unwrap_or_else(|error| panic!("{error}"));
            module.check_translations().unwrap_or_else(|error| panic!("{}: {error}", file.key));
            assert!(module.requirements.is_empty(), "{} must run everywhere", file.key);
        } else if file.is_broken_on_purpose() {
            let checked = Composer::new().compose(&file.key).and_then(|module| module.check_translations());
            assert!(checked.is_err(), "{} is not broken", file.key);
        } else {
            let used = kernels.iter().any(|kernel| closure(&files, kernel).iter().any(|part| part.key == file.key));
            assert!(used, "no kernel imports {}", file.key);
        }
    }
}
