//! The fields of a request: OpenAI's, and those that vllm-omni adds.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};

/// Fields of a request to speak. A missing field, or `null`, has the default of the model.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct SpeechFields {
    /// Text to speak.
    #[schema(required, nullable = false, min_length = 1)]
    pub input: Option<String>,
    /// Name of a model. Without it, or with a name of OpenAI's, the first that can honour the request.
    pub model: Option<String>,
    /// Name of a voice: a speaker, a blend such as `ryan:0.7,vivian:0.3`, a registered voice, or one
    /// of OpenAI's names.
    pub voice: Option<VoiceField>,
    /// Manner of speaking, or the description of a voice.
    pub instructions: Option<String>,
    /// Format of the audio: `mp3`, `opus`, `aac`, `flac`, `wav` or `pcm`.
    pub response_format: Option<String>,
    /// Speed of the speech at the same pitch, 0.25 to 4.
    #[schema(minimum = 0.25, maximum = 4.0)]
    pub speed: Option<f32>,
    /// Audio as it is, or as events.
    pub stream_format: Option<StreamFormat>,
    /// False to wait for the whole audio, whose answer then has a length.
    pub stream: Option<bool>,
    /// Language of the text by name or code, or `auto`.
    pub language: Option<String>,
    /// Kind of model: `CustomVoice`, `VoiceDesign` or `Base`.
    pub task_type: Option<String>,
    /// Recording to clone, as a data URL.
    pub ref_audio: Option<String>,
    /// Transcript of the recording.
    pub ref_text: Option<String>,
    /// True to clone the speaker embedding alone.
    pub x_vector_only_mode: Option<bool>,
    /// Maximum length in 80 ms frames, of each piece of a long text.
    #[schema(minimum = 1)]
    pub max_new_tokens: Option<usize>,
    /// Sample rate of the audio in Hz.
    pub sample_rate: Option<u32>,
    /// True to give the model the whole text before it speaks.
    pub non_streaming_mode: Option<bool>,
    /// Seed of the random choices. The same seed gives the same speech.
    pub seed: Option<u64>,
    /// False to always choose the most likely code.
    pub do_sample: Option<bool>,
    /// Randomness of the talker's choices.
    pub temperature: Option<f32>,
    /// Number of most likely codes that the talker chooses from.
    pub top_k: Option<usize>,
    /// Probability of the most likely codes that the talker chooses from.
    pub top_p: Option<f32>,
    /// Penalty of codes that occurred.
    pub repetition_penalty: Option<f32>,
    /// Randomness of the code predictor's choices.
    pub subtalker_temperature: Option<f32>,
    /// Number of most likely codes that the code predictor chooses from.
    pub subtalker_top_k: Option<usize>,
    /// Probability of the most likely codes that the code predictor chooses from.
    pub subtalker_top_p: Option<f32>,
}

/// Name of a voice, as text or as an object.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected the name of a voice, or {\"id\": NAME}")]
pub enum VoiceField {
    Name(String),
    Object { id: String },
}

/// Form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreamFormat {
    /// The bytes of the audio.
    #[default]
    Audio,
    /// Server-sent events with the audio in base64.
    Sse,
}

impl VoiceField {
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Object { id: name } => name.trim(),
        }
    }
}

/// Names of all fields of [`SpeechFields`].
const NAMES: [&str; 25] = [
    "input",
    "model",
    "voice",
    "instructions",
    "response_format",
    "speed",
    "stream_format",
    "stream",
    "language",
    "task_type",
    "ref_audio",
    "ref_text",
    "x_vector_only_mode",
    "max_new_tokens",
    "sample_rate",
    "non_streaming_mode",
    "seed",
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "repetition_penalty",
    "subtalker_temperature",
    "subtalker_top_k",
    "subtalker_top_p",
];

impl SpeechFields {
    /// Reads the fields of a JSON object.
    ///
    /// # Errors
    /// Returns an error that names the field if one is unknown or has the wrong type.
    pub fn from_object(mut object: Map<String, Value>) -> ApiResult<Self> {
        object.retain(|_, value| !value.is_null());
        if let Some(unknown) = object.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(unknown_field(unknown));
        }
        serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
            let (path, reason) = (error.path().to_string(), error.into_inner());
            ApiError::invalid(format!("`{path}`: {reason}")).param(path).code("invalid_value")
        })
    }
}

/// Reads the fields of the body of a request.
///
/// # Errors
/// Returns an error if it is not a JSON object, or as [`SpeechFields::from_object`] does.
pub fn parse(body: &[u8]) -> ApiResult<SpeechFields> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::invalid(format!("the body is not valid JSON: {error}")))?;
    match value {
        Value::Object(object) => SpeechFields::from_object(object),
        _ => {
            Err(ApiError::invalid("the body is not a JSON object, such as {\"input\": \"Hello!\"}"))
        }
    }
}

fn unknown_field(name: &str) -> ApiError {
    let shown: String = name.chars().take(60).collect();
    let similar = NAMES.iter().map(|known| (strsim::damerau_levenshtein(known, &shown), known));
    let hint = match similar.min() {
        Some((distance, known)) if distance <= 2 => format!("did you mean `{known}`?"),
        _ => format!("known are {}", NAMES.join(", ")),
    };
    ApiError::invalid(format!("unknown field `{shown}`; {hint}"))
        .param(shown)
        .code("unknown_parameter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_openai_and_more() {
        let body = br#"{"input":"Hi","model":"tts-1","voice":{"id":"alloy"},"speed":1,"seed":null,
            "stream_format":"sse","language":"English","top_k":5}"#;
        let fields = parse(body).unwrap();
        assert_eq!(fields.voice.unwrap().name(), "alloy");
        assert_eq!(fields.stream_format, Some(StreamFormat::Sse));
        assert_eq!((fields.speed, fields.seed, fields.top_k), (Some(1.0), None, Some(5)));
    }

    #[test]
    fn names_are_those_of_the_fields() {
        // Every name has a field: with a value of the wrong type it is the one that is to blame.
        for name in NAMES {
            let wrong = Map::from_iter([(name.to_owned(), Value::from(vec![0]))]);
            let error = SpeechFields::from_object(wrong).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(name), "{error}");
        }
    }

    #[test]
    fn wrong_fields_are_named() {
        for (body, param, expected) in [
            (r#"{"inptu":"Hi"}"#, Some("inptu"), "did you mean `input`?"),
            (r#"{"word_timestamps":true}"#, Some("word_timestamps"), "unknown field"),
            (r#"{"input":7}"#, Some("input"), "`input`: invalid type"),
            (r#"{"voice":7}"#, Some("voice"), "expected the name of a voice"),
            (r#"{"stream_format":"ogg"}"#, Some("stream_format"), "unknown variant"),
            (r#"["Hi"]"#, None, "not a JSON object"),
            (r#"{"input":"#, None, "not valid JSON"),
        ] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.status, 400);
            assert_eq!(error.param.as_deref(), param, "{body}");
            assert!(error.message.contains(expected), "{body}: {error}");
        }
    }
}
