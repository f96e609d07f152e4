//! The form of the audio that a request asks for.

use qwen3_tts_audio::{Effects, Encoding, Format};

use super::fields::SpeechFields;
use crate::error::{ApiError, ApiResult};

/// Encoding and effects of the audio.
#[derive(Debug, Clone, Copy)]
pub struct OutputFormat {
    pub encoding: Encoding,
    pub effects: Effects,
}

impl OutputFormat {
    /// Reads the form of the audio; `default` is the format if none is named.
    ///
    /// # Errors
    /// Returns an error that names the field if there is no such format, sample rate or speed.
    pub fn of(fields: &SpeechFields, default: Format) -> ApiResult<Self> {
        let format = fields.response_format.as_deref().map_or(Ok(default), format)?;
        let encoding = Encoding::new(format);
        let encoding = match fields.sample_rate {
            Some(rate) => encoding.with_sample_rate(rate)?,
            None => encoding,
        };
        let effects = Effects::new();
        let effects = match fields.speed {
            Some(speed) => effects.speed(speed)?,
            None => effects,
        };
        Ok(Self { encoding, effects })
    }

    /// Returns the media type.
    pub fn content_type(&self) -> &'static str {
        match self.encoding.format() {
            Format::Mp3 => "audio/mpeg",
            Format::Aac => "audio/aac",
            Format::Opus => "audio/ogg",
            Format::Flac => "audio/flac",
            Format::Wav => "audio/wav",
            Format::Pcm => "audio/pcm",
            _ => "application/octet-stream",
        }
    }
}

fn format(name: &str) -> ApiResult<Format> {
    let known = ["mp3", "opus", "aac", "flac", "wav", "pcm"];
    let lower = name.to_ascii_lowercase();
    let parsed = known.contains(&lower.as_str()).then(|| lower.parse().ok()).flatten();
    parsed.ok_or_else(|| {
        let shown: String = name.chars().take(40).collect();
        let message =
            format!("`response_format`: \"{shown}\" is not written; expected {}", known.join(", "));
        ApiError::invalid(message).param("response_format").code("unsupported_format")
    })
}
