//! All embedded shaders, without a device.

use fieldline::error::Error;
use fieldline::gpu::wgsl::embedded;
use fieldline::gpu::{Composed, Composer};

/// Broken on purpose.
const BROKEN: [&str; 3] = ["test/broken", "test/circle_a", "test/circle_b"];

/// Every embedded file that stands by itself is valid, in both forms of the parameter block, and translates to the languages of
/// all backends. A template that needs names of its caller and gives no `#default` for them is composed and checked, in the
/// variants that are used, by the tests of its family; any other problem of it is one here too.
#[test]
fn every_shader_is_valid_and_translates() {
    assert!(embedded::keys().any(|key| key == "lib/index"));
    assert!(embedded::keys().is_sorted());
    let mut problems = Vec::new();
    for key in embedded::keys().filter(|key| !BROKEN.contains(key)) {
        match Composer::new().compose(key).and_then(|module| module.check_translations()) {
            Ok(()) => {}
            Err(Error::Parse { message, .. })
                if message.contains("is not defined (") || message.contains("no text was") =>
            {
                println!("{key} is a template: {message}");
            }
            Err(error) => problems.push(format!("{key}: {error}")),
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// A feature that a module uses without saying so is found, on whatever device the module was written.
#[test]
fn features_must_be_required() {
    let check = |text: &str| {
        Composer::new().compose_text("text", text).and_then(|module: Composed| module.check_translations())
    };
    let subgroups =
        "@compute @workgroup_size(64) fn main(@builtin(subgroup_size) size: u32) { _ = subgroupAdd(size); }";
    let double = "@compute @workgroup_size(64) fn main() { var x = 1.5lf; }";
    for (name, text) in [("subgroups", subgroups), ("f64", double)] {
        assert!(matches!(check(text), Err(Error::Parse { .. })), "{name}");
        check(&format!("#require {name}\n{text}")).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
