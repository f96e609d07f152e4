//! Summary of a checkpoint, read without loading its weights.

use std::collections::BTreeSet;

use qwen3_tts_config::{GenerationConfig, ModelConfig, SpeechTokenizerConfig};
use qwen3_tts_nn::Weights;

use crate::{ModelFiles, Result};

/// Configuration of a checkpoint, and the headers of its weights.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckpointInfo {
    /// `config.json`.
    pub model: ModelConfig,
    /// `generation_config.json`.
    pub generation: GenerationConfig,
    /// `speech_tokenizer/config.json`.
    pub speech_tokenizer_config: SpeechTokenizerConfig,
    /// Number of weights of talker, code predictor and, in base models, speaker encoder.
    pub talker_parameters: u64,
    /// Data types of these weights, as their files name them.
    pub talker_dtypes: Vec<String>,
    /// Number of weights of the speech tokenizer.
    pub speech_tokenizer_parameters: u64,
    /// Data types of these weights, as their files name them.
    pub speech_tokenizer_dtypes: Vec<String>,
    /// Files by their path in the checkpoint, with their sizes in bytes.
    pub files: Vec<(String, u64)>,
}

impl CheckpointInfo {
    /// Reads the configuration and the headers of the weights.
    ///
    /// # Errors
    /// Returns an error if a file is missing or damaged.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let (talker_parameters, talker_dtypes) = summary(&files.talker_weights()?);
        let (speech_tokenizer_parameters, speech_tokenizer_dtypes) =
            summary(&files.speech_tokenizer_weights()?);
        Ok(Self {
            model: files.model_config()?,
            generation: files.generation_config()?,
            speech_tokenizer_config: files.speech_tokenizer_config()?,
            talker_parameters,
            talker_dtypes,
            speech_tokenizer_parameters,
            speech_tokenizer_dtypes,
            files: files.sizes(),
        })
    }
}

/// Returns the number of weights and their data types, from the headers of their files.
fn summary(weights: &Weights) -> (u64, Vec<String>) {
    let mut dtypes = BTreeSet::new();
    let mut parameters = 0u64;
    for tensor in weights.infos() {
        let elements = tensor.shape.iter().fold(1, |n: u64, &d| n.saturating_mul(d as u64));
        parameters = parameters.saturating_add(elements);
        dtypes.insert(tensor.dtype);
    }
    (parameters, dtypes.into_iter().collect())
}
