//! The packages of the workspace, as cargo knows them.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::workspace;

/// Reads the metadata of the workspace, without its dependencies.
pub fn read() -> Result<Value> {
    let mut command = Command::new(crate::cargo());
    command.current_dir(workspace()).args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = command.output().context("starting cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")
}

/// Returns the packages that are published.
pub fn published(metadata: &Value) -> impl Iterator<Item = &Value> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    // An empty list of registries is `publish = false`; null is any registry.
    packages.filter(|package| package["publish"].is_null())
}
