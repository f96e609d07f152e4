//! The voices that speak.

use std::sync::Arc;

use qwen3_tts_pipeline::Voice;

use crate::error::ApiResult;
use crate::models::{LoadedModel, Models, Need};
use crate::settings::VoiceSettings;
use crate::speech::SpeechFields;

/// The voices that speak.
pub struct Voices {}

impl Voices {
    pub fn open(_settings: &VoiceSettings) -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Returns the model and the voice that a request is for.
    pub async fn choose(
        &self,
        models: &Arc<Models>,
        fields: &SpeechFields,
    ) -> ApiResult<(Arc<LoadedModel>, Voice)> {
        let name = fields.voice.as_ref().map(|voice| voice.name()).filter(|name| !name.is_empty());
        let model = fields.model.as_deref();
        let Some(name) = name else {
            return Ok((models.get(model, &Need::Any).await?, Voice::Default));
        };
        let model = models.get(model, &Need::Speaker(name.to_owned())).await?;
        Ok((model, Voice::Speaker(name.to_owned())))
    }
}
