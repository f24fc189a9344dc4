//! What a module requires, without a device. (`tests/shaders.rs` checks the shaders themselves.)

use fieldline::error::Error;
use fieldline::gpu::{Composed, Composer};

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
