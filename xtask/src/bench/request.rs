//! The request that every program speaks.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::json_file;

/// A greedy request to a checkpoint.
#[derive(Clone)]
pub struct Request {
    pub checkpoint: PathBuf,
    /// `config.json` of the checkpoint.
    pub config: Value,
    pub text: String,
    /// Number of 80 ms frames.
    pub frames: usize,
    pub threads: usize,
    /// Folder for the files that the programs write.
    pub out: PathBuf,
}

impl Request {
    const SPEAKER: &str = "ryan";
    const INSTRUCTION: &str = "A calm voice.";

    /// Returns the flag and the value that choose the voice, which this project and the C port have
    /// in common.
    pub fn voice(&self) -> [&'static str; 2] {
        match self.is_design() {
            true => ["--instruct", Self::INSTRUCTION],
            false => ["--speaker", Self::SPEAKER],
        }
    }

    /// Returns true if the checkpoint designs voices instead of having some.
    pub fn is_design(&self) -> bool {
        self.config["tts_model_type"] == "voice_design"
    }

    /// Returns the number of positions of the prompt whose text and instruction have this many
    /// tokens: the language, the voice if it is a preset, and one more that the wrapping of the
    /// text does not have.
    pub fn positions(&self, prompt_tokens: usize) -> usize {
        prompt_tokens + 2 + usize::from(!self.is_design())
    }
}

/// Reads `config.json` of a checkpoint.
pub fn config(checkpoint: &Path) -> Result<Value> {
    json_file::read(&checkpoint.join("config.json"))
        .with_context(|| format!("{} is not a checkpoint", checkpoint.display()))
}
