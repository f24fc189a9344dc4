//! The table of known defects, `quirks.toml`: which rows apply to an adapter.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Timestamps must not be used on this adapter.
pub const TIMESTAMPS_UNSOUND: &str = "timestamps-unsound";
/// `var<immediate>` gives wrong values on this adapter; parameters go through a uniform buffer.
pub const IMMEDIATES_BROKEN: &str = "immediates-broken";

/// A known defect of some adapters and what to avoid there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quirk {
    /// Short name of the defect; code asks for it by this.
    pub id: String,
    /// Pattern for the adapter's name; all patterns match a substring in any case, and an empty one matches everything.
    #[serde(default, skip_serializing)]
    pub adapter: String,
    /// Pattern for the driver's name.
    #[serde(default, skip_serializing)]
    pub driver: String,
    /// Pattern for the driver's version text.
    #[serde(default, skip_serializing)]
    pub driver_info: String,
    /// Pattern for the backend (`vulkan`, `metal`, `dx12`, `gl`).
    #[serde(default, skip_serializing)]
    pub backend: String,
    /// Pattern for the kind of device (`discrete`, `integrated`, `virtual`, `cpu`, `other`).
    #[serde(default, skip_serializing)]
    pub device_type: String,
    /// What a kernel or a caller must not do.
    pub avoid: String,
    /// What happens otherwise.
    pub reason: String,
    /// Where the defect is described or how it was found.
    pub reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    quirk: Vec<Quirk>,
}

/// The embedded table.
static QUIRKS: LazyLock<Result<Vec<Quirk>, String>> =
    LazyLock::new(|| parse(include_str!("quirks.toml")).map_err(|error| error.to_string()));

fn parse(text: &str) -> Result<Vec<Quirk>, toml::de::Error> {
    toml::from_str::<Table>(text).map(|table| table.quirk)
}

/// All rows of the table.
///
/// # Errors
/// The message of the TOML reader, should the embedded file be broken; the tests read it.
pub fn all() -> Result<&'static [Quirk], String> {
    QUIRKS.as_deref().map_err(Clone::clone)
}

/// The rows that apply to an adapter with these names.
pub(super) fn of(info: &wgpu::AdapterInfo, backend: &str, device_type: &str) -> Vec<Quirk> {
    let found = |pattern: &str, text: &str| text.to_lowercase().contains(&pattern.to_lowercase());
    let rows = all().unwrap_or_else(|error| {
        log::error!("quirks.toml: {error}");
        &[]
    });
    rows.iter()
        .filter(|row| {
            found(&row.adapter, &info.name)
                && found(&row.driver, &info.driver)
                && found(&row.driver_info, &info.driver_info)
                && found(&row.backend, backend)
                && found(&row.device_type, device_type)
        })
        .cloned()
        .collect()
}
