//! What a client asks for.

use serde_json::{Map, Value};

use super::event::Event;
use crate::error::{ApiError, ApiResult};
use crate::speech::{SpeechFields, VoiceField};

/// A request of a client.
#[derive(Debug)]
pub enum Request {
    /// `describe`: the voices.
    Describe,
    /// `ping`: an answer with the same text.
    Ping(Value),
    /// `synthesize`: a text that is known as a whole.
    Speak {
        /// Text to speak.
        text: String,
        /// Voice and language.
        fields: Box<SpeechFields>,
    },
    /// `synthesize-start`: a text that is still being written.
    Begin(Box<SpeechFields>),
    /// `synthesize-chunk`: a part of that text.
    Text(String),
    /// `synthesize-stop`: the end of that text.
    End,
}

impl Request {
    /// Reads a request. Returns `None` for an event that this service does not know, which is to be
    /// ignored.
    ///
    /// # Errors
    /// Returns an error if the data of the event is wrong.
    pub fn of_event(event: &mut Event) -> ApiResult<Option<Self>> {
        let data = &mut event.data;
        Ok(Some(match event.kind.as_str() {
            "describe" => Self::Describe,
            "ping" => Self::Ping(data.remove("text").unwrap_or(Value::Null)),
            "synthesize" => {
                let fields = Box::new(fields(data)?);
                Self::Speak { text: text(data)?, fields }
            }
            "synthesize-start" => Self::Begin(Box::new(fields(data)?)),
            "synthesize-chunk" => Self::Text(text(data)?),
            "synthesize-stop" => Self::End,
            _ => return Ok(None),
        }))
    }
}

fn text(data: &mut Map<String, Value>) -> ApiResult<String> {
    match data.remove("text") {
        Some(Value::String(text)) => Ok(text),
        _ => Err(ApiError::invalid("the event needs `text`, a string").param("text")),
    }
}

/// Reads voice and language. A speaker of a voice is a voice here.
fn fields(data: &Map<String, Value>) -> ApiResult<SpeechFields> {
    if data.get("text_format").and_then(Value::as_str).is_some_and(|format| format != "text") {
        let message = "`text_format` is not \"text\", which alone is supported";
        return Err(ApiError::invalid(message).param("text_format"));
    }
    let name = |key: &str| match data.get("voice").and_then(|voice| voice.get(key)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.clone()).filter(|name| !name.is_empty())),
        Some(_) => Err(ApiError::invalid(format!("`voice.{key}` is not a string")).param("voice")),
    };
    let voice = name("speaker")?.or(name("name")?).map(VoiceField::Name);
    Ok(SpeechFields { voice, language: name("language")?, ..SpeechFields::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(kind: &str, data: Value) -> ApiResult<Option<Request>> {
        let Value::Object(data) = data else { panic!("an object") };
        Request::of_event(&mut Event { kind: kind.to_owned(), data })
    }

    fn voice(request: Option<Request>) -> (Option<String>, Option<String>) {
        let (Some(Request::Speak { fields, .. }) | Some(Request::Begin(fields))) = request else {
            panic!("a request to speak: {request:?}");
        };
        (fields.voice.map(|voice| voice.name().to_owned()), fields.language)
    }

    #[test]
    fn home_assistant_names_a_voice_or_none() {
        let named = json!({ "text": "Hi", "voice": { "name": "ryan" } });
        assert_eq!(voice(read("synthesize", named).unwrap()), (Some("ryan".into()), None));
        assert_eq!(voice(read("synthesize-start", json!({})).unwrap()), (None, None));
        let of_language = json!({ "voice": { "language": "de" }, "context": {} });
        assert_eq!(
            voice(read("synthesize-start", of_language).unwrap()),
            (None, Some("de".into()))
        );
        let speaker = json!({ "text": "Hi", "voice": { "name": "ryan", "speaker": "vivian" } });
        assert_eq!(voice(read("synthesize", speaker).unwrap()).0.as_deref(), Some("vivian"));
    }

    #[test]
    fn unknown_events_are_no_requests() {
        for kind in ["", "transcribe", "audio-chunk", "select-program", "synthesize-stopped"] {
            assert!(read(kind, json!({ "text": 7 })).unwrap().is_none(), "{kind}");
        }
    }

    #[test]
    fn wrong_data_is_an_error() {
        for (kind, data) in [
            ("synthesize", json!({})),
            ("synthesize", json!({ "text": 7 })),
            ("synthesize", json!({ "text": "Hi", "text_format": "ssml" })),
            ("synthesize", json!({ "text": "Hi", "voice": { "name": 7 } })),
            ("synthesize-chunk", json!({ "text": null })),
        ] {
            assert_eq!(read(kind, data.clone()).unwrap_err().status, 400, "{kind} {data}");
        }
    }
}
