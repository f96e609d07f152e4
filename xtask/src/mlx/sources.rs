//! The sources of `mlx-sys` in cargo's registry, and the version of MLX that they need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::workspace;

/// The sources of `mlx-sys` that Cargo.lock names.
pub struct Sources {
    /// Name and version of the package.
    pub package: String,
    /// The C interface inside it.
    pub mlx_c: PathBuf,
    /// The version of MLX that the C interface is for.
    pub mlx_version: String,
}

impl Sources {
    /// Finds the sources through cargo, which downloads them if necessary.
    pub fn find() -> Result<Self> {
        let mut command = Command::new(crate::cargo());
        command.current_dir(workspace());
        command.args(["metadata", "--format-version", "1", "--locked", "--all-features"]);
        let output = command.output().context("starting cargo metadata")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo metadata ended with {}: {said}", output.status);
        let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let package = packages.into_iter().find(|package| package["name"] == "mlx-sys");
        let package = package.context("mlx-sys is not among the dependencies")?;
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let root = Path::new(text("manifest_path")).parent().context("mlx-sys has no directory")?;
        let mlx_c = root.join("src/mlx-c");
        let build = mlx_c.join("CMakeLists.txt");
        let build =
            fs::read_to_string(&build).with_context(|| format!("reading {}", build.display()))?;
        let mlx_version = mlx_version(&build).context("mlx-c names no version of MLX")?;
        Ok(Self { package: format!("mlx-sys {}", text("version")), mlx_c, mlx_version })
    }
}

/// Returns the version in the git tag of MLX in a CMakeLists.txt.
fn mlx_version(build: &str) -> Option<String> {
    let (_, after) = build.split_once("ml-explore/mlx.git")?;
    let (_, after) = after.split_once("GIT_TAG")?;
    let tag = after.split_whitespace().next()?;
    Some(tag.trim_start_matches('v').trim_end_matches(')').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_follows_the_repository() {
        let other = "FetchContent_Declare(json GIT_TAG v9.9.9)\n";
        let mlx = "GIT_REPOSITORY \"https://github.com/ml-explore/mlx.git\"\n  GIT_TAG v0.1.2)\n";
        assert_eq!(mlx_version(&format!("{other}{mlx}")).as_deref(), Some("0.1.2"));
        assert_eq!(mlx_version(other), None);
    }
}
