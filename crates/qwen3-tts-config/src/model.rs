//! `config.json`: what a checkpoint is, as a whole.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::check::Check;
use crate::{Quantization, Result, SpeakerEncoderConfig, TalkerConfig, json};

/// The whole of a checkpoint's `config.json` (`Qwen3TTSConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ModelConfig {
    /// Where voices come from.
    pub tts_model_type: ModelType,
    /// The published size.
    pub tts_model_size: ModelSize,
    /// The `model_type` of the speech tokenizer that this model's codes belong to.
    pub tokenizer_type: String,
    /// `<|im_start|>`.
    #[serde(default = "ids::im_start")]
    pub im_start_token_id: u32,
    /// `<|im_end|>`.
    #[serde(default = "ids::im_end")]
    pub im_end_token_id: u32,
    /// `assistant`.
    #[serde(default = "ids::assistant")]
    pub assistant_token_id: u32,
    /// Text-side padding.
    #[serde(default = "ids::tts_pad")]
    pub tts_pad_token_id: u32,
    /// Begins the text.
    #[serde(default = "ids::tts_bos")]
    pub tts_bos_token_id: u32,
    /// Ends the text.
    #[serde(default = "ids::tts_eos")]
    pub tts_eos_token_id: u32,
    /// The talker, and the code predictor inside it.
    pub talker_config: TalkerConfig,
    /// The speaker encoder, which only base models have.
    #[serde(default)]
    pub speaker_encoder_config: Option<SpeakerEncoderConfig>,
    /// How MLX packed the weights, if it did.
    #[serde(default)]
    pub quantization: Option<Quantization>,
}

/// `tts_model_type`: where a model's voices come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelType {
    /// A reference recording.
    Base,
    /// Preset speakers.
    CustomVoice,
    /// A description in words.
    VoiceDesign,
}

/// `tts_model_size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ModelSize {
    /// `0b6`: 0.6 billion parameters.
    #[serde(rename = "0b6")]
    B0_6,
    /// `1b7`: 1.7 billion parameters.
    #[serde(rename = "1b7")]
    B1_7,
}

/// The only speech tokenizer there is code for.
pub(crate) const TOKENIZER_TYPE: &str = "qwen3_tts_tokenizer_12hz";

impl ModelConfig {
    /// Parses the text of a `config.json` and checks it.
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = json::parse(text, Some("qwen3_tts"))?;
        config.validate()?;
        Ok(config)
    }

    /// Reads a `config.json`.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        json::read(path.as_ref(), Self::from_json)
    }

    /// Whether the model follows an instruction in words.
    ///
    /// The official package drops the instruction of a 0.6B custom voice, and a base model has no
    /// place for one.
    pub fn takes_instruct(&self) -> bool {
        match self.tts_model_type {
            ModelType::Base => false,
            ModelType::CustomVoice => self.tts_model_size != ModelSize::B0_6,
            ModelType::VoiceDesign => true,
        }
    }

    /// Checks every section, and the sections against each other.
    pub fn validate(&self) -> Result<()> {
        let check = Check::section("");
        let known = self.tokenizer_type == TOKENIZER_TYPE;
        check.that(known, "tokenizer_type", TOKENIZER_TYPE, &self.tokenizer_type)?;
        self.talker_config.validate()?;
        self.validate_tokens(&check)?;
        if let Some(encoder) = &self.speaker_encoder_config {
            encoder.validate(self.talker_config.hidden_size)?;
        }
        self.quantization.as_ref().map_or(Ok(()), Quantization::validate)
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

/// The text ids that `Qwen3TTSConfig` falls back to; every published model has them.
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
