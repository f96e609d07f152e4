//! `cargo xtask sensitivity`: the cost of quantising each part of a checkpoint.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::{oracle, workspace};

/// Measures what quantising each part of a checkpoint does to its logits.
///
/// --help lists the arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// Arguments of the measurement.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs the task, with a separate program, so that other tasks do not build the models.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut cargo = Command::new(crate::cargo());
    cargo.args(["run", "--quiet", "--release", "--package", "xtask", "--manifest-path"]);
    cargo.arg(workspace().join("Cargo.toml"));
    cargo.args(["--features", "sensitivity", "--bin", "sensitivity", "--"]);
    oracle::run(cargo.args(&arguments.arguments))
}
