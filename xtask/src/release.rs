//! The release build of the command.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{oracle, workspace};

/// Builds `qwen3-tts` and returns its path.
pub fn build() -> Result<PathBuf> {
    let mut build = Command::new(crate::cargo());
    build.current_dir(workspace()).args(["build", "--quiet", "--release", "-p", "qwen3-tts-cli"]);
    oracle::run(&mut build)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| workspace().join("target"));
    Ok(target.join("release").join(format!("qwen3-tts{}", std::env::consts::EXE_SUFFIX)))
}
