//! The one error type of the project: what was wrong, where, and what to do about it.
//!
//! Every message is one clear sentence that names the argument (file, line, key, op, kernel or buffer), what was expected and
//! what came. [`Error::exit_code`] maps each kind to the exit code of the command.

use std::fmt;
use std::path::PathBuf;

/// `Result` with the project's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A place in a text: file name (or a name for the text), 1-based line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File name, or what the text is (`residual "burgers"`).
    pub source: String,
    /// 1-based line.
    pub line: usize,
    /// 1-based column, counted in characters.
    pub column: usize,
    /// The whole line, printed under the message with a caret at `column`.
    pub text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}", self.source, self.line, self.column)?;
        writeln!(f, "  {}", self.text)?;
        write!(f, "  {:>1$}", '^', self.column)
    }
}

/// What a device reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceFault {
    /// The device is gone (driver reset, removal, `destroy`).
    Lost,
    /// An allocation did not fit.
    OutOfMemory,
    /// The backend refused a call: a defect of ours, or a limit that was passed.
    Validation,
    /// The work did not finish before its deadline.
    Timeout,
}

/// Everything that can go wrong, typed by what the caller can do about it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument has a value that cannot be used.
    #[error("{argument}: expected {expected}, got {got}")]
    Argument {
        /// Name of the argument, flag or key.
        argument: String,
        /// What would have been right.
        expected: String,
        /// What came.
        got: String,
    },
    /// Shapes or dtypes that do not fit an op; `caller` is the line of the recording program.
    #[error("{op}: {problem} (recorded at {caller})")]
    Shape {
        /// Name of the op.
        op: &'static str,
        /// What does not fit, with all shapes involved.
        problem: String,
        /// `file:line:column` of the caller.
        caller: String,
    },
    /// A text (expression, shader, configuration) that does not parse.
    #[error("{message}\n  --> {place}")]
    Parse {
        /// What is wrong and what was expected.
        message: String,
        /// Where.
        place: Place,
    },
    /// A file that cannot be read or written, or has the wrong content.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what was expected.
        problem: String,
    },
    /// No adapter can run the engine. The message says how to get one.
    #[error("{0}")]
    NoAdapter(String),
    /// A fault of the device, naming the kernel and the buffer.
    #[error("device {}: kernel `{kernel}`: {message}", match fault {
        DeviceFault::Lost => "lost", DeviceFault::OutOfMemory => "out of memory",
        DeviceFault::Validation => "refused the call", DeviceFault::Timeout => "timed out" })]
    Device {
        /// The kind of fault.
        fault: DeviceFault,
        /// Kernel (or other object) that was being made or run.
        kernel: String,
        /// What the backend said, with the buffer's name and sizes where they are known.
        message: String,
    },
    /// The program computed a value that is no result: NaN, infinity, an index out of range, a failed factorisation.
    #[error("numerical failure in {origin}: {problem}")]
    Numerical {
        /// Program, op or iteration where it appeared first.
        origin: String,
        /// What was found and what may help.
        problem: String,
    },
    /// A run's metric missed its target.
    #[error("check failed: {0}")]
    Check(String),
}

impl Error {
    /// An [`Error::Argument`].
    pub fn argument(argument: impl Into<String>, expected: impl Into<String>, got: impl fmt::Display) -> Self {
        Error::Argument { argument: argument.into(), expected: expected.into(), got: got.to_string() }
    }

    /// An [`Error::File`].
    pub fn file(path: impl Into<PathBuf>, problem: impl fmt::Display) -> Self {
        Error::File { path: path.into(), problem: problem.to_string() }
    }

    /// Exit code of the command: 1 a check failed, 2 wrong usage or input, 3 no usable adapter, 4 device lost or out of memory.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Check(_) | Error::Numerical { .. } => 1,
            Error::NoAdapter(_) => 3,
            Error::Device { .. } => 4,
            _ => 2,
        }
    }
}
