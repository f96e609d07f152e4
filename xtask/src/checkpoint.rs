//! `cargo xtask checkpoint`: writes a full-size random checkpoint in the published layout.
//!
//! It serves timing, and parity with the official package at full size; its speech is noise.

mod config;
mod kind;
mod layout;
pub(crate) mod random;
mod speech;
mod values;
mod vocabulary;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use kind::{Kind, Size};
use layout::Tensor;
use values::Values;

/// Writes a full-size checkpoint with seeded random weights.
#[derive(clap::Args)]
pub struct Arguments {
    /// Talker size.
    #[arg(long, value_enum)]
    size: Size,
    /// Kind of the checkpoint.
    #[arg(long, value_enum)]
    kind: Kind,
    /// Seed of every weight.
    #[arg(long, default_value_t = 1234)]
    seed: u64,
    /// Leave the end-of-speech row of the codec head random; by default it is zero, so that speech
    /// ends at the frame limit.
    #[arg(long)]
    eos_natural: bool,
    /// Copy the .json files of a published checkpoint instead of generating them; the sizes of the
    /// weights do not change.
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
    /// Copy vocab.json and merges.txt from here; by default, a byte-level vocabulary is generated.
    #[arg(long, value_name = "DIR")]
    tokenizer: Option<PathBuf>,
    /// Directory to write.
    out: PathBuf,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { size, kind, ref out, .. } = *arguments;
    let speech = out.join("speech_tokenizer");
    fs::create_dir_all(&speech).with_context(|| format!("creating {}", speech.display()))?;
    write_configs(arguments)?;
    vocabulary::write(out, arguments.tokenizer.as_deref())?;
    let values = Values { seed: arguments.seed, eos_natural: arguments.eos_natural };
    // Published files of the base kind, and all speech tokenizers, carry no metadata.
    let metadata = kind != Kind::Base;
    write_tensors(&out.join("model.safetensors"), layout::model(size, kind), metadata, values)?;
    write_tensors(&speech.join("model.safetensors"), speech::tensors(), false, values)
}

fn write_configs(arguments: &Arguments) -> Result<()> {
    for (name, content) in config::files(arguments.size, arguments.kind) {
        let path = arguments.out.join(name);
        let text = match &arguments.configs {
            Some(configs) => read(&configs.join(name))?,
            None => pretty(&content)?,
        };
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn write_tensors(path: &Path, tensors: Vec<Tensor>, metadata: bool, values: Values) -> Result<()> {
    let bytes = writer::write(path, tensors, metadata, values)
        .with_context(|| format!("writing {}", path.display()))?;
    println!("{}: {bytes} bytes", path.display());
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn pretty(content: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(content)? + "\n")
}
