//! `cargo xtask sanitize`: tests the code that may be unsafe with AddressSanitizer.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::oracle::run as run_command;
use crate::workspace;

/// Explicit target, so that build scripts and macros are built without the sanitizer.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Tests of the unsafe code: the kernels, and the memory map of the weights.
const TESTS: [&[&str]; 2] = [
    &["-p", "qwen3-tts-kernels", "--lib", "--tests"],
    &["-p", "qwen3-tts-nn", "--test", "weights", "--test", "quantized"],
];

/// Tests the kernels, on every instruction set of this machine, and the memory map of the weights
/// with AddressSanitizer, which checks each memory access (x86-64 Linux).
#[derive(clap::Args)]
pub struct Arguments {
    /// Passed on to `cargo test`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "AddressSanitizer is set up for x86-64 Linux only"
    );
    for what in TESTS {
        let mut cargo = Command::new(crate::cargo());
        cargo.current_dir(workspace());
        // The flag is unstable, but every toolchain has the runtime it needs.
        cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
        // A test leaks memory on purpose, in place of bytes embedded in the program.
        cargo.env("ASAN_OPTIONS", "detect_leaks=0");
        cargo.args(["test", "--locked", "--target", TARGET]).args(what).args(&arguments.rest);
        run_command(&mut cargo)?;
    }
    Ok(())
}
