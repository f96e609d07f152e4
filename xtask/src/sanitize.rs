//! `cargo xtask sanitize`: the code that is allowed to be unsafe, under AddressSanitizer.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::oracle::run as run_command;
use crate::workspace;

/// Sanitizers need a target of their own, so that build scripts and macros are left alone.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What has unsafe code: the kernels, and the memory map of the weights.
const TESTS: [&[&str]; 2] = [
    &["-p", "qwen3-tts-kernels", "--lib", "--tests"],
    &["-p", "qwen3-tts-nn", "--test", "weights", "--test", "quantized"],
];

/// Tests the kernels, every instruction set of this machine, and the memory map of the weights
/// with each read and write of memory checked (x86-64 Linux).
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
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(workspace());
        // The switch is unstable, the runtime it needs is part of every toolchain.
        cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
        // A test leaks on purpose: bytes that stand for a part of the program.
        cargo.env("ASAN_OPTIONS", "detect_leaks=0");
        cargo.args(["test", "--locked", "--target", TARGET]).args(what).args(&arguments.rest);
        run_command(&mut cargo)?;
    }
    Ok(())
}
