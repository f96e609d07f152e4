//! `cargo xtask tidy`: checks the rules of the architecture.

mod arrows;
mod cycles;
mod guards;
mod packed;
mod tree;
mod violation;

use anyhow::{Result, bail};

use crate::{metadata, workspace};
use tree::Tree;
use violation::Violation;

/// Checks the dependencies between crates and between modules, the places of unsafe and cfg, module
/// docs, READMEs, packages, sizes and paths.
#[derive(clap::Args)]
pub struct Arguments {}

/// Runs the task.
pub fn run(_: &Arguments) -> Result<()> {
    let tree = Tree::read(&workspace())?;
    let mut violations = arrows::check(&metadata::read()?);
    violations.extend(cycles::check(&tree));
    violations.extend(packed::check(&tree));
    for guard in guards::ALL {
        violations.extend(guard(&tree));
    }
    for Violation { place, reason } in &violations {
        eprintln!("{place}: {reason}");
    }
    if !violations.is_empty() {
        bail!("{} rules are broken", violations.len());
    }
    println!("{} files are tidy", tree.files.len());
    Ok(())
}
