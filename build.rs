//! Embeds every `.wgsl` file of `shaders/` and `kernels/` as one sorted table, so that the library and the command need no
//! file at run time. The key is the path without extension; files of `kernels/` keep that folder's name in front.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    for (folder, prefix) in [("shaders", ""), ("kernels", "kernels/")] {
        let folder = root.join(folder);
        // A folder that does not exist is not named: cargo would take it as changed at every build.
        if folder.is_dir() {
            println!("cargo::rerun-if-changed={}", folder.display());
            collect(&folder, prefix, &mut files)?;
        }
    }
    // Folder order differs between file systems; the table must not.
    files.sort();
    let mut table = String::from("&[\n");
    for (key, path) in &files {
        writeln!(table, "    ({key:?}, include_str!({:?})),", path.display().to_string()).expect("a String takes all");
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("embedded_wgsl.rs"), table)
}

/// Adds all `.wgsl` files under `folder`; `prefix` is the key of the folder itself, ending in `/` where it is not empty.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        if path.is_dir() {
            collect(&path, &format!("{prefix}{stem}/"), files)?;
        } else if path.extension().is_some_and(|extension| extension == "wgsl") {
            files.push((format!("{prefix}{stem}"), path.clone()));
        }
    }
    Ok(())
}
