//! The `fieldline` command.

fn main() -> std::process::ExitCode {
    fieldline::cli::main()
}
