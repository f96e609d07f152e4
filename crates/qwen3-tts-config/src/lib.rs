//! Typed, validated configuration of Qwen3-TTS checkpoints.
//!
//! A checkpoint describes itself in three files, and each has its type here, with the names of
//! the file for its fields:
//!
//! | file | type |
//! |---|---|
//! | `config.json` | [`ModelConfig`]: variant, size, token ids, [`TalkerConfig`], [`CodePredictorConfig`], [`SpeakerEncoderConfig`] |
//! | `generation_config.json` | [`GenerationConfig`]: how the published model samples |
//! | `speech_tokenizer/config.json` | [`SpeechTokenizerConfig`]: rates, [`DecoderConfig`], [`EncoderConfig`] |
//!
//! A value of these types has been checked: sizes are positive and plausible, heads divide,
//! token ids lie in their vocabularies, dialects exist. An error names the field, what was
//! expected and what was found. Unknown fields are ignored; a field that describes the
//! architecture has a default only where the official class has the right one for this model.
//!
//! ```
//! # fn main() -> Result<(), qwen3_tts_config::ConfigError> {
//! # let json = include_str!("../tests/data/Qwen3-TTS-12Hz-0.6B-CustomVoice/config.json");
//! use qwen3_tts_config::ModelConfig;
//!
//! let config = ModelConfig::from_json(json)?;
//! assert_eq!(config.talker_config.hidden_size, 1024);
//! assert_eq!(config.language_id("English")?, Some(2050));
//! // Eric speaks Sichuanese unless he is told otherwise.
//! assert_eq!(config.language_token("auto", Some("Eric"))?, Some(2062));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod check;
mod error;
mod generation;
mod json;
mod model;
mod names;
mod quantization;
mod speaker_encoder;
mod speech_tokenizer;
mod talker;
mod voices;

pub use error::ConfigError;
pub use generation::GenerationConfig;
pub use model::{ModelConfig, ModelSize, ModelType};
pub use names::NameTable;
pub use quantization::{LayerQuantization, Quantization};
pub use speaker_encoder::SpeakerEncoderConfig;
pub use speech_tokenizer::{DecoderConfig, EncoderConfig, SpeechTokenizerConfig};
pub use talker::{Activation, CodePredictorConfig, RopeScaling, TalkerConfig};
pub use voices::Speaker;

/// What every function of this crate returns.
pub type Result<T> = std::result::Result<T, ConfigError>;
