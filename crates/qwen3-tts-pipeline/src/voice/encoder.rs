//! The speaker encoder of a base checkpoint.

use qwen3_tts_config::{ModelSize, ModelType};
use qwen3_tts_nn::Device;
use qwen3_tts_speaker::SpeakerEncoder;

use super::cloned::{ClonedVoice, VoiceReference};
use crate::checkpoint::ModelFiles;
use crate::error::{Error, Result};

/// The speaker encoder of a base checkpoint, which turns recordings into voices.
pub(crate) struct VoiceEncoder {
    speaker: SpeakerEncoder,
    model_size: ModelSize,
}

impl VoiceEncoder {
    /// Loads the speaker encoder.
    pub fn load(files: &ModelFiles, device: &Device) -> Result<Self> {
        let config = files.model_config()?;
        let speaker_config = match (&config.speaker_encoder_config, config.tts_model_type) {
            (Some(speaker_config), ModelType::Base) => speaker_config,
            (_, kind) => {
                return Err(Error::Request(format!(
                    "a {kind} model cannot clone voices: use a base model"
                )));
            }
        };
        let speaker = SpeakerEncoder::load(speaker_config, &files.talker_weights()?, device)?;
        Ok(Self { speaker, model_size: config.tts_model_size })
    }

    /// Returns the speaker embedding (x-vector) of mono samples at 24 kHz.
    pub fn embed(&self, samples: &[f32]) -> Result<Vec<f32>> {
        Ok(self.speaker.embed(samples)?)
    }

    /// Returns the voice of a speaker embedding, with the recording to continue if there is one.
    pub fn voice(&self, embedding: Vec<f32>, reference: Option<VoiceReference>) -> ClonedVoice {
        ClonedVoice::new(embedding, reference, self.model_size)
    }
}
