//! `generation_config.json`: the sampling defaults of a checkpoint.

use std::path::Path;

use serde::Deserialize;

use crate::check::{Check, MAX_ENTRIES};
use crate::error::Result;
use crate::json;

/// Sampling defaults of a checkpoint.
///
/// A field that the file lacks takes the official package's own default
/// (`Qwen3TTSModel._merge_generate_kwargs`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct GenerationConfig {
    /// True if the talker samples codebook 0; it takes the likeliest code otherwise.
    pub do_sample: bool,
    /// Number of candidates that the talker keeps; 0 keeps all.
    pub top_k: usize,
    /// Probability mass of the candidates that the talker keeps; 1 keeps all.
    pub top_p: f32,
    /// Divisor of the talker's logits.
    pub temperature: f32,
    /// Factor that weakens codes of codebook 0 that were already generated; 1 leaves them as they
    /// are.
    pub repetition_penalty: f32,
    /// True if the code predictor samples codebooks 1 to 15; it takes the likeliest code otherwise.
    pub subtalker_dosample: bool,
    /// Number of candidates that the code predictor keeps; 0 keeps all.
    pub subtalker_top_k: usize,
    /// Probability mass of the candidates that the code predictor keeps; 1 keeps all.
    pub subtalker_top_p: f32,
    /// Divisor of the code predictor's logits.
    pub subtalker_temperature: f32,
    /// Maximum number of generated tokens. The last token never becomes a frame, so `N` allows
    /// `N − 1` frames.
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
    /// Parses and checks the text of a `generation_config.json`.
    ///
    /// # Errors
    /// Returns a [`ConfigError`](crate::ConfigError) that names the first wrong field.
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = json::parse(text, None)?;
        config.validate()?;
        Ok(config)
    }

    /// Reads and checks a `generation_config.json`.
    ///
    /// # Errors
    /// As [`Self::from_json`], and if the file cannot be read; both name the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        json::read(path.as_ref(), Self::from_json)
    }

    /// Checks that sampling can work with every value.
    ///
    /// # Errors
    /// Returns [`ConfigError::Value`](crate::ConfigError::Value) for the first that it cannot.
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
