//! How much memory buffers may take on devices that share the system's.
//!
//! A software device hands out more than the machine has, and the system ends the process when the pages are touched. The
//! budget turns that into an error of the allocation.

use std::fs;

/// Bytes that the system can give to this process now, where it tells (Linux): available memory, or what is left to its
/// control group if that is less.
pub(crate) fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let available = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = available.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let bytes = kibibytes.saturating_mul(1024);
    Some(group_rest().map_or(bytes, |rest| rest.min(bytes)))
}

/// What the control group (version 2) of a container still allows; `None` where there is no limit.
fn group_rest() -> Option<u64> {
    let number =
        |name: &str| -> Option<u64> { fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse().ok() };
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}
