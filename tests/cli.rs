//! The command as a user meets it: the built binary in a folder of its own, its files, streams and exit codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

#[path = "cli/mistakes.rs"]
mod mistakes;
#[path = "cli/op.rs"]
mod op;
#[path = "cli/readme.rs"]
mod readme;
#[path = "cli/solve.rs"]
mod solve;

/// A folder in which the command runs.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: TempDir::new().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("a file in the temporary folder");
        path
    }

    /// The command with its arguments separated by blanks.
    fn run(&self, arguments: &str) -> Ran {
        self.run_list(&arguments.split_whitespace().collect::<Vec<_>>(), &[])
    }

    /// The command with separate arguments and environment variables on top.
    fn run_list(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldline"));
        command.args(arguments).current_dir(self.folder.path()).envs(environment.iter().copied());
        // Mesa's device-select layer complains on standard error where a session has not set this one; the line is not ours.
        command.env("XDG_RUNTIME_DIR", self.folder.path());
        Ran::from(command.output().expect("the command starts"))
    }
}

/// What a run of the command left.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Ran { code: output.status.code().expect("an exit code"), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Ran {
    /// Fails with everything that was printed unless the exit code is `code`.
    fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "\nstdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Standard output as exactly one JSON document.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}\n{}", self.out))
    }

    /// Every word stands on standard error; nothing on standard output, no panic.
    fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.err.contains(word), "expected {word:?} in:\n{}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
        assert_eq!(self.out, "", "a failure prints nothing on standard output");
    }
}

fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).expect("JSON")
}

/// The keys of a JSON object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
