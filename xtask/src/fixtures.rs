//! `cargo xtask fixtures`: tiny checkpoints and goldens from the official package.

use std::path::PathBuf;

use anyhow::Result;

use crate::{oracle, workspace};

/// Writes fixtures/ with the official package.
///
/// Needs python3 and, on the first run, a package index. QWEN3_TTS_ORACLE_PYTHON selects an
/// interpreter that already has the package.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only one part (speech, codec, tokenizer, operations, quantized, pickle) or one speech case.
    #[arg(long)]
    only: Option<String>,
    /// Directory with the published vocab.json, merges.txt and tokenizer_config.json; without it,
    /// the ids of the published vocabulary are not remade.
    #[arg(long, value_name = "DIR")]
    tokenizer: Option<PathBuf>,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut command = oracle::script("fixtures.py")?;
    command.arg("--out").arg(workspace().join("fixtures"));
    if let Some(only) = &arguments.only {
        command.arg("--only").arg(only);
    }
    if let Some(tokenizer) = &arguments.tokenizer {
        command.arg("--tokenizer").arg(tokenizer);
    }
    oracle::run(&mut command)
}
