//! How each file begins and how long it may be.

use super::tree::files;

/// A file that fits a reader's head.
const MAX_LINES: usize = 220;

#[test]
fn every_file_begins_with_a_comment_and_is_short() {
    let mut problems = Vec::new();
    for file in files() {
        if !file.text.starts_with("// ") {
            problems.push(format!("{}: the first line is no comment", file.key));
        }
        let lines = file.text.lines().count();
        if lines > MAX_LINES {
            problems.push(format!("{}: {lines} lines, at most {MAX_LINES} are allowed", file.key));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The table that the build embeds is the tree on disk.
#[test]
fn every_file_is_embedded() {
    let on_disk = files();
    assert!(on_disk.iter().map(|file| file.key.as_str()).eq(fieldline::gpu::wgsl::embedded::keys()));
    for file in &on_disk {
        assert_eq!(fieldline::gpu::wgsl::embedded::text(&file.key), Some(file.text.as_str()), "{}", file.key);
    }
}
