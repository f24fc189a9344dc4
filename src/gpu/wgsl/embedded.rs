//! The WGSL files of `shaders/` and `kernels/`, embedded by `build.rs`.

/// Key (path without extension) and text, sorted by key.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded_wgsl.rs"));

/// Keys of all embedded files in sorted order: `lib/index`, `matmul/lane`, `kernels/...`.
pub fn keys() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(key, _)| *key)
}

/// The text of the file `key` as it stands on disk, directives included.
pub fn text(key: &str) -> Option<&'static str> {
    FILES.binary_search_by_key(&key, |(key, _)| key).ok().map(|at| FILES[at].1)
}

/// Where the file of `key` stands in the source tree.
pub(super) fn file_name(key: &str) -> String {
    let folder = if key.starts_with("kernels/") { "" } else { "shaders/" };
    format!("{folder}{key}.wgsl")
}

/// What would have been right instead of the unknown `key`: the files of the same folder, else how many there are.
pub(super) fn expectation(key: &str) -> String {
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
    let near: Vec<_> =
        keys().filter(|other| other.rsplit_once('/').map_or("", |(folder, _)| folder) == folder).collect();
    if near.is_empty() {
        format!("one of the {} embedded shaders, a path under shaders/ without extension", FILES.len())
    } else {
        format!("one of {}", near.join(", "))
    }
}
