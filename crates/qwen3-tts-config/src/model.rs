//! `config.json`: variant, size and token ids of a checkpoint, and the sections of its models.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::check::Check;
use crate::error::Result;
use crate::json;
use crate::quantization::Quantization;
use crate::speaker_encoder::SpeakerEncoderConfig;
use crate::talker::TalkerConfig;

/// A checkpoint's `config.json` (`Qwen3TTSConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ModelConfig {
    /// Source of the voices.
    pub tts_model_type: ModelType,
    /// Published size.
    pub tts_model_size: ModelSize,
    /// `model_type` of the speech tokenizer that decodes this model's codes.
    pub tokenizer_type: String,
    /// Token id of `<|im_start|>`.
    #[serde(default = "ids::im_start")]
    pub im_start_token_id: u32,
    /// Token id of `<|im_end|>`.
    #[serde(default = "ids::im_end")]
    pub im_end_token_id: u32,
    /// Token id of `assistant`.
    #[serde(default = "ids::assistant")]
    pub assistant_token_id: u32,
    /// Token id of padding on the side of the text.
    #[serde(default = "ids::tts_pad")]
    pub tts_pad_token_id: u32,
    /// Token id that begins the text.
    #[serde(default = "ids::tts_bos")]
    pub tts_bos_token_id: u32,
    /// Token id that ends the text.
    #[serde(default = "ids::tts_eos")]
    pub tts_eos_token_id: u32,
    /// Section of the talker, with that of the code predictor inside.
    pub talker_config: TalkerConfig,
    /// Section of the speaker encoder, which only base models have.
    #[serde(default)]
    pub speaker_encoder_config: Option<SpeakerEncoderConfig>,
    /// Scheme of the weights, if MLX quantised them.
    #[serde(default)]
    pub quantization: Option<Quantization>,
    /// The same section under its other name; read if `quantization` is absent.
    #[serde(default)]
    pub quantization_config: Option<Quantization>,
}

/// `tts_model_type`: the source of a model's voices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModelType {
    /// A reference recording.
    Base,
    /// Preset speakers.
    CustomVoice,
    /// A description in words.
    VoiceDesign,
}

/// `tts_model_size`: the published size of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum ModelSize {
    /// `0b6`: 0.6 billion parameters.
    #[serde(rename = "0b6")]
    B0_6,
    /// `1b7`: 1.7 billion parameters.
    #[serde(rename = "1b7")]
    B1_7,
}

/// The only speech tokenizer that is implemented.
pub(crate) const TOKENIZER_TYPE: &str = "qwen3_tts_tokenizer_12hz";

impl ModelConfig {
    /// Parses and checks the text of a `config.json`.
    ///
    /// # Errors
    /// Returns a [`ConfigError`](crate::ConfigError) that names the first wrong field.
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = json::parse(text, Some("qwen3_tts"))?;
        config.validate()?;
        Ok(config)
    }

    /// Reads and checks a `config.json`.
    ///
    /// # Errors
    /// As [`Self::from_json`], and if the file cannot be read; both name the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        json::read(path.as_ref(), Self::from_json)
    }

    /// Returns true if the model follows an instruction in words.
    ///
    /// The official package drops the instruction of a 0.6B custom voice model, and the prompt of a
    /// base model has no place for one.
    pub fn takes_instruct(&self) -> bool {
        match self.tts_model_type {
            ModelType::Base => false,
            ModelType::CustomVoice => self.tts_model_size != ModelSize::B0_6,
            ModelType::VoiceDesign => true,
        }
    }

    /// Returns true if the model speaks with the voice of a recording.
    pub fn clones_voices(&self) -> bool {
        self.tts_model_type == ModelType::Base
    }

    /// Returns true if the model speaks with a voice described in words.
    pub fn designs_voices(&self) -> bool {
        self.tts_model_type == ModelType::VoiceDesign
    }

    /// Returns the scheme of the weights, under either name.
    pub fn weight_quantization(&self) -> Option<&Quantization> {
        self.quantization.as_ref().or(self.quantization_config.as_ref())
    }

    /// Checks every section, and the sections against each other.
    ///
    /// # Errors
    /// Returns [`ConfigError::Value`](crate::ConfigError::Value) for the first wrong field.
    pub fn validate(&self) -> Result<()> {
        let check = Check::section("");
        let known = self.tokenizer_type == TOKENIZER_TYPE;
        check.that(known, "tokenizer_type", TOKENIZER_TYPE, &self.tokenizer_type)?;
        self.talker_config.validate()?;
        self.validate_tokens(&check)?;
        if let Some(encoder) = &self.speaker_encoder_config {
            encoder.validate()?;
            let why = "talker_config.hidden_size: the embedding is one position of its input";
            let hidden = self.talker_config.hidden_size;
            check.equal("speaker_encoder_config.enc_dim", encoder.enc_dim, hidden, why)?;
        }
        match (&self.quantization, &self.quantization_config) {
            (Some(section), _) => section.validate("quantization."),
            (None, Some(section)) => section.validate("quantization_config."),
            (None, None) => Ok(()),
        }
    }

    fn validate_tokens(&self, check: &Check) -> Result<()> {
        let size = self.talker_config.text_vocab_size;
        let token = |field, id| check.token(field, id, size, "talker_config.text_vocab_size");
        token("im_start_token_id", self.im_start_token_id)?;
        token("im_end_token_id", self.im_end_token_id)?;
        token("assistant_token_id", self.assistant_token_id)?;
        token("tts_pad_token_id", self.tts_pad_token_id)?;
        token("tts_bos_token_id", self.tts_bos_token_id)?;
        token("tts_eos_token_id", self.tts_eos_token_id)
    }
}

impl ModelSize {
    /// Every size.
    pub const ALL: [Self; 2] = [Self::B0_6, Self::B1_7];

    /// Returns the name that files use: `0b6` or `1b7`.
    pub fn name(self) -> &'static str {
        match self {
            Self::B0_6 => "0b6",
            Self::B1_7 => "1b7",
        }
    }
}

impl fmt::Display for ModelType {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "base",
            Self::CustomVoice => "custom_voice",
            Self::VoiceDesign => "voice_design",
        })
    }
}

impl fmt::Display for ModelSize {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::B0_6 => "0.6B",
            Self::B1_7 => "1.7B",
        })
    }
}

/// The text ids that `Qwen3TTSConfig` falls back to, which are those of every published model.
mod ids {
    pub(super) fn im_start() -> u32 {
        151_644
    }
    pub(super) fn im_end() -> u32 {
        151_645
    }
    pub(super) fn assistant() -> u32 {
        77_091
    }
    pub(super) fn tts_pad() -> u32 {
        151_671
    }
    pub(super) fn tts_bos() -> u32 {
        151_672
    }
    pub(super) fn tts_eos() -> u32 {
        151_673
    }
}
