//! The form with a recording that `POST /v1/audio/voices` takes.

use std::time::Duration;

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};

/// A voice to register: a name, and a recording or a speaker embedding.
#[derive(Debug, Default, ToSchema)]
pub struct VoiceForm {
    /// Name of the voice: letters (a to z), digits, `-` and `_`.
    #[schema(required, nullable = false)]
    pub name: Option<String>,
    /// Recording, of which the first 30 seconds are used.
    #[schema(value_type = Option<String>, format = Binary)]
    pub audio_sample: Option<Vec<u8>>,
    /// Transcript of the recording. With it, speech continues the recording; without it, the voice is
    /// its speaker embedding only.
    pub ref_text: Option<String>,
    /// Speaker embedding as a JSON list of numbers, in place of a recording.
    pub speaker_embedding: Option<String>,
    /// Consent of the speaker. It is not kept.
    pub consent: Option<String>,
    /// Description of the voice. It is not kept.
    pub speaker_description: Option<String>,
    /// Model that clones the voice, if there are several.
    pub model: Option<String>,
    /// `audio_sample`, the only way in which voices are made here.
    #[schema(value_type = Option<String>)]
    pub r#type: Option<String>,
    /// True to replace a voice of this name.
    #[schema(value_type = Option<bool>)]
    pub replace: Option<String>,
}

/// Size in bytes of everything in a form but its recording.
const REST: usize = 1 << 20;

impl VoiceForm {
    /// Reads the form of a request.
    ///
    /// # Errors
    /// Returns the status 415 for a body of another type, 413 for a recording of more than
    /// `max_recording` bytes, 408 if the body takes longer than `within`, and 400 for a wrong field.
    pub async fn read(
        mut request: Request,
        max_recording: usize,
        within: Duration,
    ) -> ApiResult<Self> {
        DefaultBodyLimit::max(max_recording.saturating_add(REST)).apply(&mut request);
        let multipart = Multipart::from_request(request, &()).await;
        let multipart = multipart.map_err(|rejection| {
            let message = "the body has to be a form: send it as multipart/form-data";
            match rejection.status() {
                StatusCode::BAD_REQUEST => {
                    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
                        .code("unsupported_media_type")
                }
                status => ApiError::new(status, rejection.body_text()),
            }
        })?;
        let form = timeout(within, Self::collect(multipart, max_recording)).await;
        let slow =
            |_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body takes too long to arrive");
        form.map_err(slow)?
    }

    async fn collect(mut multipart: Multipart, max_recording: usize) -> ApiResult<Self> {
        let mut form = Self::default();
        let failed = |error| unreadable(&error, max_recording);
        while let Some(field) = multipart.next_field().await.map_err(failed)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "audio_sample" {
                let bytes = field.bytes().await.map_err(failed)?;
                if bytes.len() > max_recording {
                    return Err(too_large(max_recording));
                }
                put(&mut form.audio_sample, &name, bytes.into())?;
            } else {
                let text = text(field, max_recording).await?;
                put(form.text_field(&name)?, &name, text)?;
            }
        }
        Ok(form)
    }

    fn text_field(&mut self, name: &str) -> ApiResult<&mut Option<String>> {
        Ok(match name {
            "name" => &mut self.name,
            "ref_text" => &mut self.ref_text,
            "speaker_embedding" => &mut self.speaker_embedding,
            "consent" => &mut self.consent,
            "speaker_description" => &mut self.speaker_description,
            "model" => &mut self.model,
            "type" => &mut self.r#type,
            "replace" => &mut self.replace,
            "prompt" | "script_hint" => return Err(not_described()),
            _ => {
                let shown: String = name.chars().take(60).collect();
                let message = format!(
                    "unknown field `{shown}`; known are audio_sample, name, consent, ref_text, model, \
                     replace, type, speaker_embedding, speaker_description"
                );
                return Err(ApiError::invalid(message).param(shown).code("unknown_parameter"));
            }
        })
    }

    /// Returns the name.
    ///
    /// # Errors
    /// Returns an error if it is missing.
    pub fn name(&self) -> ApiResult<&str> {
        self.name.as_deref().ok_or_else(|| missing("name", "the name of the voice is missing"))
    }

    /// Returns true if a voice of this name is to be replaced.
    ///
    /// # Errors
    /// Returns an error if the field is neither true nor false.
    pub fn replaces(&self) -> ApiResult<bool> {
        match self.replace.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            _ => Err(invalid("replace", "expected true or false")),
        }
    }

    /// Returns the transcript, if there is one.
    pub fn transcript(&self) -> Option<String> {
        let words = self.ref_text.as_deref().map(str::trim);
        words.filter(|words| !words.is_empty()).map(str::to_owned)
    }

    /// Checks that the voice is to be made from a recording.
    ///
    /// # Errors
    /// Returns an error if it is to be made from a description.
    pub fn check_type(&self) -> ApiResult<()> {
        match self.r#type.as_deref() {
            None | Some("audio_sample") => Ok(()),
            _ => Err(not_described()),
        }
    }
}

/// Returns the error of a field that is missing.
pub fn missing(field: &'static str, reason: &str) -> ApiError {
    invalid(field, reason).code("missing_required_parameter")
}

/// Returns the error of a field with a wrong value.
pub fn invalid(field: &'static str, reason: &str) -> ApiError {
    ApiError::invalid(format!("`{field}`: {reason}")).param(field).code("invalid_value")
}

fn not_described() -> ApiError {
    let reason = "voices are made from an audio_sample here; for a described voice, speak with a \
                  VoiceDesign model and `instructions`";
    invalid("type", reason)
}

fn put<T>(place: &mut Option<T>, name: &str, value: T) -> ApiResult<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ApiError::invalid(format!("`{name}`: it is there twice")).param(name)),
    }
}

async fn text(field: Field<'_>, max_recording: usize) -> ApiResult<String> {
    let name = field.name().unwrap_or_default().to_owned();
    let bytes = field.bytes().await.map_err(|error| unreadable(&error, max_recording))?;
    if bytes.len() > REST {
        return Err(too_large(REST));
    }
    String::from_utf8(bytes.into()).map_err(|_| {
        let message = format!("`{}`: expected text in UTF-8", name.escape_debug());
        ApiError::invalid(message).param(name)
    })
}

fn unreadable(error: &MultipartError, max_recording: usize) -> ApiError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(max_recording),
        _ => ApiError::invalid(format!("the form cannot be read: {}", error.body_text())),
    }
}

fn too_large(max_bytes: usize) -> ApiError {
    let message = format!("the recording is larger than {max_bytes} bytes: 30 seconds are enough");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("body_too_large")
}
