//! `generation_config.json`: how the published model samples when nobody says otherwise.

use std::path::Path;

use serde::Deserialize;

use crate::check::{Check, MAX_ENTRIES};
use crate::{Result, json};

/// Sampling defaults of a checkpoint.
///
/// A field that the file lacks has the official package's own default
/// (`Qwen3TTSModel._merge_generate_kwargs`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct GenerationConfig {
    /// Whether the talker samples codebook 0; greedy otherwise.
    pub do_sample: bool,
    /// How many candidates the talker keeps; 0 keeps all.
    pub top_k: usize,
    /// Probability mass the talker keeps; 1 keeps all.
    pub top_p: f32,
    /// Divides the talker's logits.
    pub temperature: f32,
    /// Weakens codes of codebook 0 that were already generated.
    pub repetition_penalty: f32,
    /// Whether the code predictor samples codebooks 1 to 15; greedy otherwise.
    pub subtalker_dosample: bool,
    /// How many candidates the code predictor keeps; 0 keeps all.
    pub subtalker_top_k: usize,
    /// Probability mass the code predictor keeps; 1 keeps all.
    pub subtalker_top_p: f32,
    /// Divides the code predictor's logits.
    pub subtalker_temperature: f32,
    /// Longest generation. The last token never becomes a frame, so `N` allows `N − 1` frames.
    pub max_new_tokens: usize,
}

impl Default for GenerationConfig {
    fn default() -> Self {
        Self {
            do_sample: true,
            top_k: 50,
            top_p: 1.0,
            temperature: 0.9,
            repetition_penalty: 1.05,
            subtalker_dosample: true,
            subtalker_top_k: 50,
            subtalker_top_p: 1.0,
            subtalker_temperature: 0.9,
            max_new_tokens: 2048,
        }
    }
}

impl GenerationConfig {
    /// Parses the text of a `generation_config.json` and checks it.
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = json::parse(text, None)?;
        config.validate()?;
        Ok(config)
    }

    /// Reads a `generation_config.json`.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        json::read(path.as_ref(), Self::from_json)
    }

    /// Checks every value against what sampling can work with.
    pub fn validate(&self) -> Result<()> {
        let check = Check::section("");
        check.positive("temperature", self.temperature.into())?;
        check.positive("subtalker_temperature", self.subtalker_temperature.into())?;
        check.positive("repetition_penalty", self.repetition_penalty.into())?;
        for (field, top_p) in [("top_p", self.top_p), ("subtalker_top_p", self.subtalker_top_p)] {
            check.that(top_p > 0.0 && top_p <= 1.0, field, "above 0 and at most 1", top_p)?;
        }
        check.between("max_new_tokens", self.max_new_tokens, 2, MAX_ENTRIES)
    }
}
