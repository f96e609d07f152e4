//! Programs of other projects, and what they print.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

/// Runs a command to its end and returns what it printed.
///
/// # Errors
/// Returns an error with the command's messages if it fails.
pub fn output(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}\n{log}", output.status);
    Ok(output)
}
