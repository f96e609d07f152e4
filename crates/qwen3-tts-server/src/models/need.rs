//! The kind of model that a request needs.

use qwen3_tts_config::{ModelConfig, ModelSize};
use qwen3_tts_pipeline::Voice;

/// The kind of model that a request needs, if it names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A model that speaks without a recording.
    Any,
    /// A model with this speaker, or with the first speaker of this blend.
    Speaker(String),
    /// A model with speakers.
    Preset,
    /// A model that makes a voice from a description.
    Description,
    /// A model that clones voices.
    Recording,
    /// A model that speaks with a cloned voice that was made with a model of this size.
    Cloned {
        size: ModelSize,
        /// Number of values of the speaker embedding.
        width: usize,
    },
}

impl Need {
    /// Returns true if a model can honour it.
    pub fn fits(&self, config: &ModelConfig) -> bool {
        match self {
            Self::Any => !config.clones_voices(),
            Self::Speaker(name) => has_speaker(config, name),
            Self::Preset => config.speakers().next().is_some(),
            Self::Description => config.designs_voices(),
            Self::Recording => config.clones_voices(),
            Self::Cloned { size, width } => {
                let made_with = (config.tts_model_size, config.talker_config.hidden_size);
                config.clones_voices() && made_with == (*size, *width)
            }
        }
    }

    /// Returns the field of a request to speak that it comes from.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Any | Self::Speaker(_) | Self::Cloned { .. } => "voice",
            Self::Preset | Self::Description => "task_type",
            Self::Recording => "ref_audio",
        }
    }

    /// Returns the reason why no model can honour it.
    pub fn unmet(&self) -> String {
        match self {
            Self::Any => {
                "every model here clones voices: name a registered voice, or send `ref_audio`"
                    .to_owned()
            }
            Self::Speaker(name) => format!("no model here has the speaker \"{name}\""),
            Self::Preset => "no model here has speakers of its own".to_owned(),
            Self::Description => {
                "no model here makes voices from descriptions: start the service with a \
                 VoiceDesign model"
                    .to_owned()
            }
            Self::Recording => {
                "no model here clones voices: start the service with a Base model".to_owned()
            }
            Self::Cloned { size, width } => format!(
                "no model here speaks with this cloned voice: start the service with the Base model \
                 that it was made with ({size}, {width} values)"
            ),
        }
    }
}

/// Returns true if the model has the speaker, or all speakers of the blend.
pub fn has_speaker(config: &ModelConfig, name: &str) -> bool {
    if config.speakers().next().is_none() {
        return false;
    }
    config.speaker(name).is_ok()
        || Voice::speakers_of(name).all(|name| config.speaker(name).is_ok())
}
