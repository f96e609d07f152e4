//! `cargo xtask package`: checks each published crate separately, as uploaded to the registry.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
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
        packages.push((name, format!("{name}-{version}")));
    }
    for (name, _) in &packages {
        oracle::run(&mut cargo(&["check", "--no-default-features", "--package", name]))?;
    }
    let folders: Vec<&str> = packages.iter().map(|(_, folder)| folder.as_str()).collect();
    remove_unpacked(&cargo_home()?.join("registry/src"), &folders)?;
    let mut package = cargo(&["package", "--allow-dirty"]);
    for (name, _) in &packages {
        package.args(["--package", name]);
    }
    oracle::run(package.args(&arguments.rest))?;
    let target = metadata["target_directory"].as_str().context("no target directory")?;
    for folder in folders {
        check_size(&Path::new(target).join("package").join(format!("{folder}.crate")))?;
    }
    Ok(())
}

/// Returns the folder in which cargo keeps what it has downloaded and unpacked.
fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    Ok(std::env::home_dir().context("neither CARGO_HOME nor HOME is set")?.join(".cargo"))
}

/// Removes `packages` where cargo has unpacked them from a registry without a host.
///
/// `cargo package` builds each package against the others from a registry in the target folder,
/// and takes a package that it has once unpacked from there for good, even if it has changed.
fn remove_unpacked(sources: &Path, packages: &[&str]) -> Result<()> {
    let Ok(registries) = sources.read_dir() else { return Ok(()) };
    for registry in registries {
        let registry = registry?;
        // The name is the host and a hash: nothing stands before the hash of a local registry.
        if !registry.file_name().to_string_lossy().starts_with('-') {
            continue;
        }
        for package in packages {
            let folder = registry.path().join(package);
            if folder.exists() {
                std::fs::remove_dir_all(&folder)
                    .with_context(|| format!("removing {}", folder.display()))?;
            }
        }
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(crate::cargo());
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
    fn only_packages_of_local_registries_are_removed() {
        let sources = tempfile::tempdir().unwrap();
        let folders = ["-1a2b/ours-0.1.0", "-1a2b/other-1.0.0", "index.crates.io-3c4d/ours-0.1.0"];
        for folder in folders {
            std::fs::create_dir_all(sources.path().join(folder)).unwrap();
        }
        remove_unpacked(sources.path(), &["ours-0.1.0"]).unwrap();
        let kept = folders.map(|folder| sources.path().join(folder).exists());
        assert_eq!(kept, [false, true, true]);
        remove_unpacked(&sources.path().join("absent"), &["ours-0.1.0"]).unwrap();
    }

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
