//! `cargo xtask mlx-linux` and `cargo xtask test-mlx`: the mlx backend without a Mac.
//!
//! On macOS the `mlx-sys` crate builds MLX itself. Elsewhere its build script fails, and Cargo's
//! override of a build script's links replaces it. This task prepares the replacement from package
//! registries only: MLX's CPU library from the wheel `mlx-cpu`, the C interface compiled from the
//! sources in `mlx-sys`, and its bindings.

mod prefix;
mod sources;
mod tools;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::oracle::run as run_command;
use crate::workspace;
use prefix::Prefix;
use sources::Sources;

/// Packages with tests of the mlx backend.
const PACKAGES: [&str; 4] =
    ["qwen3-tts-nn", "qwen3-tts-talker", "qwen3-tts-codec", "qwen3-tts-speaker"];

/// Prepares MLX for the feature `mlx` on Linux, in target/mlx-linux.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only check that the required programs are installed and MLX can be downloaded.
    #[arg(long)]
    check: bool,
}

/// Runs the tests with the feature `mlx`, on Linux after `mlx-linux`.
#[derive(clap::Args)]
pub struct TestArguments {
    /// Passed on to `cargo test` of the computing packages; the pipeline is then not tested.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Runs the task `mlx-linux`.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "only Linux needs this; elsewhere use --features mlx");
    let prefix = Prefix::new(workspace().join("target/mlx-linux"));
    let sources = Sources::find()?;
    if arguments.check {
        return fetch(&prefix, &sources);
    }
    prepare(&prefix, &sources)?;
    let config = prefix.config();
    println!("ready; build and test with\n");
    println!("    cargo --config {} test -p qwen3-tts-nn --features mlx", config.display());
    println!("    cargo xtask test-mlx");
    println!("\nA RUSTFLAGS variable overrides the path of the library; then also set");
    println!("    LD_LIBRARY_PATH={}", prefix.library_dir().display());
    Ok(())
}

/// Runs the task `test-mlx`.
pub fn test(arguments: &TestArguments) -> Result<()> {
    let mut tests = cargo_test()?;
    tests.args(PACKAGES.iter().flat_map(|package| ["-p", package])).args(&arguments.rest);
    run_command(&mut tests)?;
    if !arguments.rest.is_empty() {
        return Ok(());
    }
    // The pipeline's tests that depend on the device; without the hub it builds quickly.
    let pipeline = ["-p", "qwen3-tts-pipeline", "--no-default-features", "--test", "threads"];
    run_command(cargo_test()?.args(pipeline))
}

/// Returns `cargo test --features mlx`, configured for this system.
fn cargo_test() -> Result<Command> {
    let mut cargo = Command::new(crate::cargo());
    cargo.current_dir(workspace());
    if cfg!(not(target_vendor = "apple")) {
        let prefix = Prefix::new(workspace().join("target/mlx-linux"));
        ensure!(prefix.is_complete(), "run `cargo xtask mlx-linux` first");
        cargo.arg("--config").arg(prefix.config());
        // A separate directory, so that builds with and without MLX do not replace each other.
        cargo.env("CARGO_TARGET_DIR", target_dir().join("mlx"));
        cargo.env("LD_LIBRARY_PATH", prefix.library_dir());
    }
    // One thread owns all of MLX.
    cargo.env("RUST_TEST_THREADS", "1");
    cargo.args(["test", "--locked", "--features", "mlx"]);
    Ok(cargo)
}

/// Returns cargo's build directory.
fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

fn fetch(prefix: &Prefix, sources: &Sources) -> Result<()> {
    tools::check()?;
    fs::create_dir_all(prefix.root()).context("making target/mlx-linux")?;
    prefix.fetch_mlx(&sources.mlx_version)
}

fn prepare(prefix: &Prefix, sources: &Sources) -> Result<()> {
    let stamp = format!("{} with mlx {}", sources.package, sources.mlx_version);
    if prefix.stamp().is_some_and(|found| found == stamp) {
        return Ok(());
    }
    fetch(prefix, sources)?;
    prefix.take_openblas()?;
    prefix.compile_mlx_c(&sources.mlx_c)?;
    prefix.write_bindings(&sources.mlx_c)?;
    prefix.write_config()?;
    prefix.write_stamp(&stamp)
}
