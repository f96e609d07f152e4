//! Summary of a checkpoint, read without loading its weights.

use std::collections::BTreeSet;

use qwen3_tts_config::{GenerationConfig, ModelConfig, SpeechTokenizerConfig};
use qwen3_tts_nn::Weights;

use crate::{ModelFiles, Result};

/// Configuration of a checkpoint, and the headers of its weights.
#[derive(Debug, Clone)]
pub struct CheckpointInfo {
    /// `config.json`.
    pub model: ModelConfig,
    /// `generation_config.json`.
    pub generation: GenerationConfig,
    /// `speech_tokenizer/config.json`.
    pub speech_tokenizer_config: SpeechTokenizerConfig,
    /// The main weights.
    pub talker: WeightsInfo,
    /// The speech tokenizer's weights.
    pub speech_tokenizer: WeightsInfo,
    /// Files by their path in the checkpoint, with their sizes in bytes.
    pub files: Vec<(String, u64)>,
}

/// Summary of the header of a weights file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsInfo {
    /// Number of elements of all tensors.
    pub parameters: u64,
    /// Data types, as named in the file.
    pub dtypes: Vec<String>,
}

impl CheckpointInfo {
    /// Reads the configuration and the headers of the weights.
    ///
    /// # Errors
    /// Returns an error if a file is missing or damaged.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        Ok(Self {
            model: files.model_config()?,
            generation: files.generation_config()?,
            speech_tokenizer_config: files.speech_tokenizer_config()?,
            talker: WeightsInfo::of(&files.talker_weights()?),
            speech_tokenizer: WeightsInfo::of(&files.speech_tokenizer_weights()?),
            files: files.sizes(),
        })
    }
}

impl WeightsInfo {
    fn of(weights: &Weights) -> Self {
        let mut dtypes = BTreeSet::new();
        let mut parameters = 0u64;
        for tensor in weights.infos() {
            let elements = tensor.shape.iter().fold(1, |n: u64, &d| n.saturating_mul(d as u64));
            parameters = parameters.saturating_add(elements);
            dtypes.insert(tensor.dtype);
        }
        Self { parameters, dtypes: dtypes.into_iter().collect() }
    }
}
