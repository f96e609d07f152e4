//! `cargo xtask tidy`: what the architecture promises, checked.

mod arrows;
mod guards;
mod tree;

use anyhow::{Result, bail};

use crate::{metadata, workspace};
use tree::Tree;

/// Checks the arrows between crates, where unsafe and cfg occur, module docs, sizes, and words.
#[derive(clap::Args)]
pub struct Arguments {}

/// Something that breaks a rule.
#[derive(Debug, PartialEq)]
struct Violation {
    /// The file or crate.
    place: String,
    /// The rule, and what to do.
    reason: String,
}

impl Violation {
    fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

/// Runs the task.
pub fn run(_: &Arguments) -> Result<()> {
    let tree = Tree::read(&workspace())?;
    let mut violations = arrows::check(&metadata::read()?);
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
