//! Which adapter is taken, what it may do, and what is known to be wrong with it.

use fieldline::error::Error;
use fieldline::gpu::{Composer, Gpu, Options, ParamsMode, Requirement, Selector, adapters, quirks};

use super::{increment, kernel, words};

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

/// What a process of its own, with other environment variables, says when it opens the automatic adapter.
fn say_with(variable: &str, value: &str) -> String {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["adapter::say_what_auto_gives", "--exact", "--ignored", "--nocapture"])
        .env(variable, value)
        .output()
        .expect("runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "run by the tests of the environment variables"]
fn say_what_auto_gives() {
    match Gpu::new(&Selector::Auto) {
        Ok(gpu) => println!("opened {} {}", gpu.facts().backend, gpu.facts().name),
        Err(error) => println!("exit code {}: {error}", error.exit_code()),
    }
}

#[test]
fn machines_without_an_adapter_say_how_to_get_one() {
    // No machine has both.
    let backend = if cfg!(windows) { "metal" } else { "dx12" };
    let said = say_with("WGPU_BACKEND", backend);
    assert!(said.contains("exit code 3") && said.contains("apt-get install mesa-vulkan-drivers"), "{said}");
}

#[test]
fn the_environment_chooses_for_auto() {
    let usable = adapters().into_iter().rev().find(|facts| facts.compute).expect("a usable adapter");
    let said = say_with("FIELDLINE_ADAPTER", &usable.index.unwrap().to_string());
    assert!(said.contains(&format!("opened {} {}", usable.backend, usable.name)), "{said}");
    let said = say_with("FIELDLINE_ADAPTER", "no such adapter");
    assert!(said.contains("exit code 2: FIELDLINE_ADAPTER") && said.contains(&usable.name), "{said}");
    let said = say_with("FIELDLINE_CHECKED", "maybe");
    assert!(said.contains("exit code 2: FIELDLINE_CHECKED: expected 1 or 0"), "{said}");
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
fn quirks_are_readable() {
    let rows = quirks::all().expect("quirks.toml parses");
    assert!(rows.iter().any(|row| row.id == "loop-budget-65535"));
    assert!(rows.iter().all(|row| !row.reason.is_empty() && !row.reference.is_empty()));
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
