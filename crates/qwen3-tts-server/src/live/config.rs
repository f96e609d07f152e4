//! The message `session.config`: manner and form of the speech of a session.

use qwen3_tts_audio::Format;
use qwen3_tts_pipeline::ChunkSchedule;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::text::Granularity;
use crate::error::{ApiError, ApiResult};
use crate::speech::SpeechFields;

/// Format of the audio if none is named.
pub const DEFAULT_FORMAT: Format = Format::Wav;

/// Longest first chunk in 80 ms frames.
const LONGEST_FIRST_CHUNK: usize = 1024;

/// Configuration of a session.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Fields that the session shares with a request to speak.
    pub fields: SpeechFields,
    /// True to send the audio of a sentence as it is made, false to send it in one message.
    pub stream_audio: bool,
    /// Places at which the text is split.
    pub granularity: Granularity,
    /// Lengths of the chunks.
    pub chunks: ChunkSchedule,
}

/// Fields that only sessions have.
#[derive(Deserialize)]
struct Own {
    #[serde(default)]
    stream_audio: bool,
    split_granularity: Option<String>,
    #[serde(default)]
    word_timestamps: bool,
    initial_codec_chunk_frames: Option<usize>,
    speaker: Option<String>,
}

/// Names of the fields of [`Own`].
const OWN: [&str; 5] = [
    "stream_audio",
    "split_granularity",
    "word_timestamps",
    "initial_codec_chunk_frames",
    "speaker",
];

/// Fields of a request to speak that a session does not have.
const FOREIGN: [&str; 3] = ["input", "stream", "stream_format"];

impl SessionConfig {
    /// Reads the fields of the message.
    ///
    /// # Errors
    /// Returns an error that names the field if one is unknown, has a wrong value, or asks for
    /// something that this service does not have.
    pub fn from_object(mut object: Map<String, Value>) -> ApiResult<Self> {
        object.remove("type");
        object.retain(|_, value| !value.is_null());
        if let Some(foreign) = FOREIGN.iter().find(|name| object.contains_key(**name)) {
            return Err(unsupported(foreign, "is not a field of a session"));
        }
        if object.contains_key("speaker_embedding") {
            let reason = "is not supported: send `ref_audio`, or the name of a registered voice";
            return Err(unsupported("speaker_embedding", reason));
        }
        let own = OWN.iter().filter_map(|name| object.remove_entry(*name)).collect();
        let own: Own = serde_path_to_error::deserialize(Value::Object(own)).map_err(|error| {
            let (path, reason) = (error.path().to_string(), error.into_inner());
            ApiError::invalid(format!("`{path}`: {reason}")).param(path).code("invalid_value")
        })?;
        if let Some(Value::String(audio)) = object.get_mut("ref_audio") {
            as_data_url(audio);
        }
        if let Some(speaker) = &own.speaker {
            let voice = object.entry("voice").or_insert_with(|| speaker.as_str().into());
            if voice.as_str() != Some(speaker) {
                return Err(unsupported(
                    "speaker",
                    "and `voice` name two voices: send one of them",
                ));
            }
        }
        if own.word_timestamps {
            return Err(unsupported(
                "word_timestamps",
                "are not supported: send false, or leave it out",
            ));
        }
        Ok(Self {
            fields: SpeechFields::from_object(object)?,
            stream_audio: own.stream_audio,
            granularity: granularity(own.split_granularity.as_deref())?,
            chunks: chunks(own.initial_codec_chunk_frames),
        })
    }
}

fn granularity(name: Option<&str>) -> ApiResult<Granularity> {
    match name {
        None | Some("sentence") => Ok(Granularity::Sentence),
        Some("none") => Ok(Granularity::Whole),
        Some(_) => {
            let reason = "has another value than \"sentence\" or \"none\", which are supported";
            Err(unsupported("split_granularity", reason))
        }
    }
}

/// Returns chunks that begin with this number of frames; 0 is the default.
fn chunks(first: Option<usize>) -> ChunkSchedule {
    match first.unwrap_or(0).min(LONGEST_FIRST_CHUNK) {
        0 => ChunkSchedule::default(),
        first => ChunkSchedule::growing(first, 2, first.max(16)),
    }
}

/// Makes a data URL of a recording in bare base64, which some clients send.
fn as_data_url(audio: &mut String) {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_\r\n".contains(&byte);
    if audio.len() > 256 && audio.bytes().all(is_base64) {
        audio.insert_str(0, "data:audio/wav;base64,");
    }
}

fn unsupported(field: &str, reason: &str) -> ApiError {
    ApiError::invalid(format!("`{field}` {reason}")).param(field).code("unsupported_parameter")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> ApiResult<SessionConfig> {
        let Value::Object(object) = value else { panic!("an object") };
        SessionConfig::from_object(object)
    }

    #[test]
    fn every_field_of_the_dialect_is_read() {
        let config = read(json!({
            "type": "session.config", "model": "tts-1", "voice": "ryan", "task_type": "CustomVoice",
            "language": "Auto", "instructions": "Sad.", "response_format": "pcm", "speed": 1.0,
            "max_new_tokens": 200, "initial_codec_chunk_frames": 3, "non_streaming_mode": true,
            "ref_audio": null, "ref_text": null, "x_vector_only_mode": null,
            "speaker_embedding": null, "stream_audio": true, "word_timestamps": false, "seed": 7,
            "split_granularity": "none",
        }))
        .unwrap();
        assert_eq!(config.fields.voice.as_ref().map(|voice| voice.name()), Some("ryan"));
        assert_eq!((config.fields.seed, config.fields.max_new_tokens), (Some(7), Some(200)));
        assert!(config.stream_audio);
        assert_eq!(config.granularity, Granularity::Whole);
        assert_eq!(config.chunks, ChunkSchedule::growing(3, 2, 16));
    }

    #[test]
    fn defaults_are_those_of_the_dialect_but_for_the_sentences() {
        let config = read(json!({ "type": "session.config" })).unwrap();
        assert!(!config.stream_audio);
        assert_eq!(config.granularity, Granularity::Sentence);
        assert_eq!(config.chunks, ChunkSchedule::default());
        assert!(config.fields.response_format.is_none());
    }

    #[test]
    fn speaker_is_another_name_of_voice() {
        let config = read(json!({ "speaker": "ryan" })).unwrap();
        assert_eq!(config.fields.voice.unwrap().name(), "ryan");
        assert!(read(json!({ "speaker": "ryan", "voice": "ryan" })).is_ok());
        let error = read(json!({ "speaker": "ryan", "voice": "vivian" })).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("speaker"));
    }

    #[test]
    fn fields_that_cannot_be_honoured_are_named() {
        for (value, param) in [
            (json!({ "word_timestamps": true }), "word_timestamps"),
            (json!({ "speaker_embedding": [0.5] }), "speaker_embedding"),
            (json!({ "split_granularity": "clause" }), "split_granularity"),
            (json!({ "split_granularity": 3 }), "split_granularity"),
            (json!({ "stream_audio": "yes" }), "stream_audio"),
            (json!({ "initial_codec_chunk_frames": -1 }), "initial_codec_chunk_frames"),
            (json!({ "input": "Hello" }), "input"),
            (json!({ "stream_format": "sse" }), "stream_format"),
            (json!({ "timestamp_type": "word" }), "timestamp_type"),
            (json!({ "speed": "fast" }), "speed"),
        ] {
            let error = read(value.clone()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{value}: {error}");
            assert_eq!(error.status, 400);
        }
    }

    #[test]
    fn a_recording_in_bare_base64_becomes_a_data_url() {
        let bare = "UklGRg".repeat(100);
        let config = read(json!({ "ref_audio": bare })).unwrap();
        assert_eq!(config.fields.ref_audio, Some(format!("data:audio/wav;base64,{bare}")));
        for kept in ["https://example.com/a.wav", "data:audio/wav;base64,UklGRg==", "a.wav"] {
            let config = read(json!({ "ref_audio": kept })).unwrap();
            assert_eq!(config.fields.ref_audio.as_deref(), Some(kept));
        }
    }
}
