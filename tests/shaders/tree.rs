//! The `.wgsl` files as they stand on disk.

use std::collections::BTreeSet;
use std::path::Path;

/// One file: its key as the composer names it, and its text.
pub struct File {
    pub key: String,
    pub text: String,
}

impl File {
    /// Keys of the files that this one imports itself.
    pub fn imports(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter_map(|line| line.trim_start().strip_prefix("#import ")).map(str::trim)
    }

    /// The WGSL without comments and directives.
    pub fn code(&self) -> String {
        let code = self.text.lines().filter(|line| !line.trim_start().starts_with('#'));
        code.map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }

    pub fn is_kernel(&self) -> bool {
        self.code().contains("@compute")
    }

    /// The tests of the composer's errors use such files; the header says so.
    pub fn is_broken_on_purpose(&self) -> bool {
        self.text.lines().next().is_some_and(|line| line.ends_with("Deliberately broken."))
    }
}

/// All files below `shaders/` and `kernels/`, sorted by key.
pub fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("shaders"), "", &mut files);
    if root.join("kernels").is_dir() {
        collect(&root.join("kernels"), "kernels/", &mut files);
    }
    files.sort_by(|a, b| a.key.cmp(&b.key));
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{stem}/"), files);
        } else if path.extension().is_some_and(|extension| extension == "wgsl") {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            files.push(File { key: format!("{prefix}{stem}"), text });
        }
    }
}

/// `file` and all that it imports, directly or not.
pub fn closure<'a>(files: &'a [File], file: &'a File) -> Vec<&'a File> {
    let mut seen = BTreeSet::from([file.key.as_str()]);
    let mut all = vec![file];
    let mut at = 0;
    while at < all.len() {
        for key in all[at].imports() {
            if seen.insert(key) {
                let found = files.iter().find(|other| other.key == key);
                all.push(found.unwrap_or_else(|| panic!("{} imports `{key}`, which is not there", all[at].key)));
            }
        }
        at += 1;
    }
    all
}
