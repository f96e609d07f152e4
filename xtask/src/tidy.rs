//! `cargo xtask tidy`.

/// Compares with the official package.
#[derive(clap::Args)]
pub struct Arguments {}

/// Runs the task.
pub fn run(_: &Arguments) -> anyhow::Result<()> {
    Ok(())
}
