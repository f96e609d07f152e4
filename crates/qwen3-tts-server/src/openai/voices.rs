//! The list of voices, and registered ones.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use qwen3_tts_pipeline::ClonedVoice;
use serde::Serialize;
use utoipa::ToSchema;

use super::name::Name;
use super::voice_form::{VoiceForm, invalid, missing};
use crate::access::Caller;
use crate::error::{ApiError, ApiResult, ErrorBody};
use crate::models::{LoadedModel, Need};
use crate::service::Service;
use crate::voices::{
    ListedVoice, Recording, VoiceEntry, VoiceError, VoiceId, VoiceKind, find_listed, list,
    reserved_by,
};

/// The voices.
#[derive(Debug, Serialize, ToSchema)]
pub struct VoiceList {
    /// All voices: speakers of the models, registered voices and aliases.
    voices: Vec<ListedVoice>,
    /// Registered voices, as vllm-omni lists them.
    uploaded_voices: Vec<UploadedVoice>,
}

/// A registered voice, as vllm-omni describes it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadedVoice {
    name: String,
    /// Always empty in lists: it is not kept.
    consent: String,
    created_at: u64,
    file_size: u64,
    mime_type: &'static str,
    embedding_source: &'static str,
    embedding_dim: usize,
}

/// A voice that was registered.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddedVoice {
    #[serde(flatten)]
    listed: ListedVoice,
    /// Defects of the recording, and fields that are not kept.
    warnings: Vec<String>,
    success: bool,
    voice: UploadedVoice,
}

/// A voice that was removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedVoice {
    id: String,
    object: &'static str,
    deleted: bool,
    success: bool,
    message: String,
}

impl UploadedVoice {
    fn new(entry: &VoiceEntry, consent: String) -> Self {
        Self {
            name: entry.id.to_string(),
            consent,
            created_at: entry.created_at,
            file_size: entry.file_size,
            mime_type: "application/x-safetensors",
            embedding_source: "audio",
            embedding_dim: entry.embedding_dim,
        }
    }
}

/// List the voices
#[utoipa::path(
    get, path = "/v1/audio/voices", tag = "voices",
    responses(
        (status = 200, description = "The voices", body = VoiceList),
        (status = 503, description = "The directory of voices cannot be read", body = ErrorBody),
    ),
)]
pub async fn voices(State(service): State<Arc<Service>>) -> ApiResult<Json<VoiceList>> {
    let entries = service.voices.entries().await?;
    let voices = list(&service.voices, &service.models, &entries);
    let uploaded = entries.iter().map(|entry| UploadedVoice::new(entry, String::new()));
    Ok(Json(VoiceList { voices, uploaded_voices: uploaded.collect() }))
}

/// Show a voice
#[utoipa::path(
    get, path = "/v1/audio/voices/{voice}", tag = "voices",
    params(("voice" = String, Path, description = "Name of the voice")),
    responses(
        (status = 200, description = "The voice", body = ListedVoice),
        (status = 400, description = "The path is not valid", body = ErrorBody),
        (status = 404, description = "There is no such voice", body = ErrorBody),
        (status = 503, description = "The directory of voices cannot be read", body = ErrorBody),
    ),
)]
pub async fn voice(
    State(service): State<Arc<Service>>,
    Name(name): Name,
) -> ApiResult<Json<ListedVoice>> {
    let found = find_listed(&service.voices, &service.models, &name).await?;
    found.map(Json).ok_or_else(|| VoiceError::missing(name).into())
}

/// Register a voice
///
/// The recording is encoded once and not kept.
#[utoipa::path(
    post, path = "/v1/audio/voices", tag = "voices",
    request_body(content = VoiceForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The voice", body = AddedVoice),
        (status = 400, description = "The request is wrong", body = ErrorBody),
        (status = 401, description = "A valid key is missing", body = ErrorBody),
        (status = 403, description = "This server keeps no voices", body = ErrorBody),
        (status = 404, description = "There is no such model", body = ErrorBody),
        (status = 408, description = "The body took too long", body = ErrorBody),
        (status = 409, description = "There is a voice of this name", body = ErrorBody),
        (status = 413, description = "The recording is too large", body = ErrorBody),
        (status = 415, description = "The body is not a form", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The voice cannot be written now", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub async fn add(
    State(service): State<Arc<Service>>,
    caller: Caller,
    request: Request,
) -> ApiResult<Json<AddedVoice>> {
    let _permit = service.admit(&caller)?;
    let max_recording = service.settings.voices.max_recording_bytes;
    let within = service.settings.limits.receive;
    let mut form = VoiceForm::read(request, max_recording, within).await?;
    form.check_type()?;
    let (id, replace) = (VoiceId::of_name(form.name()?)?, form.replaces()?);
    let registry = service.voices.registry()?;
    if let Some(owner) = reserved_by(&service.voices, &service.models, id.as_str()) {
        return Err(VoiceError::Reserved { name: id.to_string(), owner }.into());
    }
    registry.check_room(&id, replace).await?;
    let (voice, mut warnings) = make(&service, &mut form).await?;
    if form.speaker_description.is_some() {
        warnings.push("`speaker_description` is not kept".to_owned());
    }
    let entry = registry.add(&id, voice, replace).await?;
    tracing::info!(voice = %entry.id, "registered a voice");
    let listed = ListedVoice::registered(&entry, &service.models);
    let voice = UploadedVoice::new(&entry, form.consent.unwrap_or_default());
    Ok(Json(AddedVoice { listed, warnings, success: true, voice }))
}

/// Makes the voice of a form. Returns the defects of its recording, too.
async fn make(service: &Service, form: &mut VoiceForm) -> ApiResult<(ClonedVoice, Vec<String>)> {
    let field = match (&form.audio_sample, &form.speaker_embedding) {
        (None, None) => return Err(missing("audio_sample", "the recording is missing")),
        (Some(_), Some(_)) => {
            return Err(invalid("speaker_embedding", "send it or audio_sample, not both"));
        }
        (Some(_), None) => "audio_sample",
        (None, Some(_)) => "speaker_embedding",
    };
    let model = service.models.choose_for(form.model.as_deref(), &Need::Recording, field)?;
    if !Need::Recording.fits(model.config) {
        let message =
            format!("`model`: \"{}\" does not clone voices: name a Base model", model.name);
        return Err(ApiError::invalid(message).param("model"));
    }
    let model = service.models.get(Some(model.name), &Need::Recording).await?;
    if let Some(values) = &form.speaker_embedding {
        return Ok((embedded(&model, values)?, Vec::new()));
    }
    let (bytes, transcript) = (form.audio_sample.take().unwrap_or_default(), form.transcript());
    Recording { field: "audio_sample", bytes, transcript }.clone_voice(&model).await
}

/// Returns the voice of a speaker embedding.
fn embedded(model: &LoadedModel, values: &str) -> ApiResult<ClonedVoice> {
    let values: Vec<f32> = serde_json::from_str(values).map_err(|error| {
        invalid("speaker_embedding", &format!("expected a JSON list of numbers: {error}"))
    })?;
    if values.iter().any(|value| !value.is_finite()) {
        return Err(invalid("speaker_embedding", "expected finite numbers"));
    }
    let config =
        model.tts.config().ok_or_else(|| ApiError::internal("a model without a talker"))?;
    let voice = ClonedVoice::new(values, None, config.tts_model_size);
    let misfit =
        |error: qwen3_tts_pipeline::Error| invalid("speaker_embedding", &error.to_string());
    voice.check_for(config).map_err(misfit)?;
    Ok(voice)
}

/// Remove a registered voice
#[utoipa::path(
    delete, path = "/v1/audio/voices/{voice}", tag = "voices",
    params(("voice" = String, Path, description = "Name of the voice")),
    responses(
        (status = 200, description = "The voice was removed", body = RemovedVoice),
        (status = 400, description = "The path is not valid", body = ErrorBody),
        (status = 401, description = "A valid key is missing", body = ErrorBody),
        (status = 404, description = "There is no such registered voice", body = ErrorBody),
        (status = 503, description = "The voice cannot be removed now", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub async fn remove(
    State(service): State<Arc<Service>>,
    _caller: Caller,
    Name(name): Name,
) -> ApiResult<Json<RemovedVoice>> {
    let removed = match service.voices.registry() {
        Ok(registry) => registry.remove(&name).await?,
        Err(_) => None,
    };
    let Some(id) = removed else {
        let listed = find_listed(&service.voices, &service.models, &name).await?;
        return Err(match listed.filter(|voice| voice.kind != VoiceKind::Registered) {
            Some(_) => {
                let message = format!("\"{name}\" is no registered voice: it cannot be removed");
                ApiError::not_found("voice_not_found", message).param("voice")
            }
            None => VoiceError::missing(name).into(),
        });
    };
    tracing::info!(voice = %id, "removed a voice");
    let message = format!("Voice '{id}' deleted successfully");
    Ok(Json(RemovedVoice {
        id: id.to_string(),
        object: "audio.voice.deleted",
        deleted: true,
        success: true,
        message,
    }))
}

#[cfg(test)]
mod tests;
