//! `cargo xtask package`: checks each published crate separately, as uploaded to the registry.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{metadata, oracle, workspace};

/// Size in bytes of the largest package that the registry accepts.
const LIMIT: u64 = 10 * 1024 * 1024;

/// Checks every published crate without its default features and without the features that other
/// crates enable, builds each from its package, and compares the package sizes with the registry's
/// limit of 10 MiB.
#[derive(clap::Args)]
pub struct Arguments {
    /// Passed on to `cargo package`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    let metadata = metadata::read()?;
    let mut packages = Vec::new();
    for package in metadata::published(&metadata) {
        let name = package["name"].as_str().context("a package without a name")?;
        let version = package["version"].as_str().context("a package without a version")?;
        packages.push((name, format!("{name}-{version}.crate")));
    }
    for (name, _) in &packages {
        oracle::run(&mut cargo(&["check", "--no-default-features", "--package", name]))?;
    }
    let mut package = cargo(&["package", "--allow-dirty"]);
    for (name, _) in &packages {
        package.args(["--package", name]);
    }
    oracle::run(package.args(&arguments.rest))?;
    let target = metadata["target_directory"].as_str().context("no target directory")?;
    for (_, file) in &packages {
        check_size(&Path::new(target).join("package").join(file))?;
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(workspace()).args(arguments).arg("--locked");
    command
}

/// Refuses a package that is too large for the registry.
fn check_size(package: &Path) -> Result<()> {
    let name = package.display();
    let bytes = package.metadata().with_context(|| format!("reading {name}"))?.len();
    ensure!(bytes <= LIMIT, "{name} has {bytes} bytes; the registry accepts at most {LIMIT}");
    println!("{bytes:>9} bytes  {name}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_over_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("large-0.1.0.crate");
        let file = std::fs::File::create(&package).unwrap();
        file.set_len(LIMIT).unwrap();
        check_size(&package).unwrap();
        file.set_len(LIMIT + 1).unwrap();
        let error = check_size(&package).unwrap_err().to_string();
        assert!(error.contains("large-0.1.0.crate") && error.contains("10485761"), "{error}");
    }
}
