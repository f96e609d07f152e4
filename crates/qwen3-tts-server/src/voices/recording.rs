//! Recordings that become voices.

use std::sync::Arc;

use qwen3_tts_pipeline::{AudioLimits, ClonedVoice, ReferenceAudio};

use super::blocking::blocking;
use crate::error::{ApiError, ApiResult};
use crate::models::LoadedModel;

/// A recording, as a client sends it.
pub struct Recording {
    /// Name of the field that has it.
    pub field: &'static str,
    /// Bytes of the file.
    pub bytes: Vec<u8>,
    /// Words that are spoken in it, for a voice in context.
    pub transcript: Option<String>,
}

impl Recording {
    /// Clones the voice with a model that can, up to 30 seconds of it. Returns the defects of the
    /// recording, too.
    ///
    /// # Errors
    /// Returns an error that names the field if it is not a recording that can be used, and the
    /// status 429 or 503 if the model has no time for it.
    pub async fn clone_voice(
        self,
        model: &Arc<LoadedModel>,
    ) -> ApiResult<(ClonedVoice, Vec<String>)> {
        let model = Arc::clone(model);
        blocking(move || {
            let Self { field, bytes, transcript } = self;
            let blame = |error: qwen3_tts_pipeline::Error| ApiError::from(error).param(field);
            let audio = ReferenceAudio::from_bytes(&bytes, field, &AudioLimits::default());
            let audio = audio.map_err(|error| blame(error).code("invalid_recording"))?;
            drop(bytes);
            model.touch();
            let voice = model.tts.clone_voice(&audio, transcript.as_deref()).map_err(blame)?;
            model.touch();
            Ok((voice, audio.warnings.iter().map(ToString::to_string).collect()))
        })
        .await
    }
}
