//! Typed, validated configuration of Qwen3-TTS checkpoints.
//!
//! A checkpoint describes itself in three files. Each has a type here, whose fields have the names
//! of the file:
//!
//! | file | type |
//! |---|---|
//! | `config.json` | [`ModelConfig`]: variant, size, token ids, [`TalkerConfig`], [`CodePredictorConfig`], [`SpeakerEncoderConfig`] |
//! | `generation_config.json` | [`GenerationConfig`]: sampling defaults |
//! | `speech_tokenizer/config.json` | [`SpeechTokenizerConfig`]: rates, [`DecoderConfig`], [`EncoderConfig`] |
//!
//! Values are checked as they are read: sizes are positive and plausible, numbers of heads divide,
//! token ids lie in their vocabularies, dialects exist. An error names the field, what was
//! expected and what was found. Unknown fields are ignored. A field that describes the
//! architecture has a default only if the official class has the right one for this model.
//!
//! All types are plain data: `Send` and `Sync`.
//!
//! ```
//! # fn main() -> Result<(), qwen3_tts_config::ConfigError> {
//! # let json = include_str!("../tests/data/Qwen3-TTS-12Hz-0.6B-CustomVoice/config.json");
//! use qwen3_tts_config::ModelConfig;
//!
//! let config = ModelConfig::from_json(json)?;
//! assert_eq!(config.talker_config.hidden_size, 1024);
//! assert_eq!(config.language_id("English")?, Some(2050));
//! // Eric speaks Sichuanese unless the request asks for another language.
//! assert_eq!(config.language_token("auto", Some("Eric"))?, Some(2062));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod activation;
mod check;
mod error;
mod generation;
mod json;
mod languages;
mod model;
mod names;
mod quantization;
mod rope;
mod speaker_encoder;
mod speech_tokenizer;
mod talker;
mod transformer;
mod voices;

pub use activation::Activation;
pub use error::{ConfigError, Result};
pub use generation::GenerationConfig;
pub use languages::Language;
pub use model::{ModelConfig, ModelSize, ModelType};
pub use names::NameTable;
pub use quantization::{LayerQuantization, Quantization};
pub use rope::{RopeConfig, RopeScaling};
pub use speaker_encoder::SpeakerEncoderConfig;
pub use speech_tokenizer::{DecoderConfig, EncoderConfig, SpeechTokenizerConfig};
pub use talker::{CodePredictorConfig, TalkerConfig};
pub use transformer::TransformerSizes;
pub use voices::Speaker;
