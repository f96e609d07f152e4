//! `cargo xtask test-aarch64`: tests the ARM code on a machine with another architecture.
//!
//! The tests are compiled for aarch64 Linux, linked statically by a cross compiler, and run under
//! QEMU's user emulation; those of the kernels run once for each instruction set.

mod tools;

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::oracle::run as run_command;
use crate::workspace;
use tools::{TARGET, Tools};

/// Emulated CPUs: with NEON only, with dot products, and with everything that QEMU emulates, which
/// includes matrix products.
const CPUS: [&str; 3] = ["cortex-a72", "neoverse-n1", "max"];

/// Tests of whole layers and models, which run on the last of the CPUs.
const MODELS: [&[&str]; 2] = [&["-p", "qwen3-tts-nn"], &["-p", "qwen3-tts-talker"]];

/// Runs the tests for aarch64 under emulation: the kernels, then layers and the talker.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only check that the required programs are installed.
    #[arg(long)]
    check: bool,
    /// Skip layers and the talker.
    #[arg(long)]
    kernels: bool,
    /// Passed on to `cargo test`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(cfg!(not(target_arch = "aarch64")), "this machine is aarch64: `cargo test` does it");
    let tools = Tools::find()?;
    if arguments.check {
        return Ok(());
    }
    let test = |cpu: &str, what: &[&str]| {
        eprintln!("== {} on {cpu}", what.join(" "));
        run_command(cargo_test(&tools, cpu).args(what).args(&arguments.rest))
    };
    for cpu in CPUS {
        test(cpu, &["-p", "qwen3-tts-kernels"])?;
    }
    if arguments.kernels {
        return Ok(());
    }
    MODELS.iter().try_for_each(|model| test("max", model))
}

/// Returns `cargo test` for the target, emulated on `cpu`.
fn cargo_test(tools: &Tools, cpu: &str) -> Command {
    let variable =
        |name| format!("CARGO_TARGET_{}_{name}", TARGET.to_uppercase().replace('-', "_"));
    let mut cargo = Command::new(crate::cargo());
    cargo.current_dir(workspace());
    cargo.env("RUSTC", tools.compiler);
    cargo.env(variable("LINKER"), tools.linker);
    cargo.env(variable("RUNNER"), format!("{} -cpu {cpu}", tools.emulator));
    // A static program needs no library of the target at run time.
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    // Optimising the dependencies takes longer than it saves, since they run little here.
    cargo.args(["--config", "profile.dev.package.\"*\".opt-level=0"]);
    // Doc tests do not depend on the target, and rustdoc may lack its standard library.
    cargo.args(["test", "--locked", "--target", TARGET, "--lib", "--tests"]);
    cargo
}
