//! The messages of a client.

use serde_json::{Map, Value};

use crate::error::{ApiError, ApiResult};

/// Maximum size in bytes of a message that is not `session.config`.
pub const MAX_TEXT_BYTES: usize = 128 << 10;

/// A message of a client.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientMessage {
    /// `session.config`: manner and form of the speech of all texts after it.
    Config(Map<String, Value>),
    /// `input.text`: a part of the text.
    Text(String),
    /// `input.done`: the text is complete.
    Done,
    /// `session.close`: the session ends.
    Close,
}

impl ClientMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// Returns an error if it is not a message of a client.
    pub fn parse(message: &str) -> ApiResult<Self> {
        let value: Value = serde_json::from_str(message)
            .map_err(|error| invalid(format!("the message is not valid JSON: {error}")))?;
        let Value::Object(mut object) = value else {
            return Err(invalid("the message is not a JSON object"));
        };
        let kind = match object.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(_) => return Err(invalid("`type` is not a string").param("type")),
            None => return Err(invalid("the message has no `type`").param("type")),
        };
        if kind != "session.config" && message.len() > MAX_TEXT_BYTES {
            let reason = format!("the message has more than {MAX_TEXT_BYTES} bytes: send several");
            return Err(invalid(reason).code("message_too_large"));
        }
        match kind.as_str() {
            "session.config" => Ok(Self::Config(object)),
            "input.text" => match object.remove("text") {
                Some(Value::String(text)) => Ok(Self::Text(text)),
                _ => Err(invalid("`input.text` needs `text`, a string").param("text")),
            },
            "input.done" => Ok(Self::Done),
            "session.close" => Ok(Self::Close),
            _ => Err(unknown(&kind)),
        }
    }
}

fn unknown(kind: &str) -> ApiError {
    let shown: String = kind.chars().take(40).collect();
    let known = "session.config, input.text, input.done, session.close";
    let message = format!("unknown message type {shown:?}; expected one of {known}");
    invalid(message).param("type").code("unknown_message_type")
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).code("invalid_message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_known_by_their_type() {
        let parse = |message| ClientMessage::parse(message).unwrap();
        assert_eq!(
            parse(r#"{"type":"input.text","text":"Hi \u00e4"}"#),
            ClientMessage::Text("Hi ä".into())
        );
        assert_eq!(parse(r#"{"type":"input.done"}"#), ClientMessage::Done);
        assert_eq!(parse(r#"{"type":"session.close"}"#), ClientMessage::Close);
        let ClientMessage::Config(object) = parse(r#"{"type":"session.config","voice":"ryan"}"#)
        else {
            panic!("a configuration");
        };
        assert_eq!(object["voice"], "ryan");
    }

    #[test]
    fn other_messages_are_refused_with_a_reason() {
        for (message, expected) in [
            ("", "not valid JSON"),
            ("{\"type\":", "not valid JSON"),
            ("[1]", "not a JSON object"),
            ("{}", "no `type`"),
            (r#"{"type":7}"#, "`type` is not a string"),
            (r#"{"type":"input.text"}"#, "needs `text`"),
            (r#"{"type":"input.text","text":7}"#, "needs `text`"),
            (r#"{"type":"input.stop"}"#, "unknown message type \"input.stop\""),
            ("{\"type\":\"a\\u0007b\"}", "unknown message type \"a\\u{7}b\""),
        ] {
            let error = ClientMessage::parse(message).unwrap_err();
            assert!(error.message.contains(expected), "{message}: {error}");
            assert_eq!(error.status, 400);
        }
    }

    #[test]
    fn only_a_configuration_may_be_large() {
        let filler = "a".repeat(MAX_TEXT_BYTES);
        let text = format!(r#"{{"type":"input.text","text":"{filler}"}}"#);
        assert_eq!(ClientMessage::parse(&text).unwrap_err().code, Some("message_too_large"));
        let config = format!(r#"{{"type":"session.config","ref_audio":"{filler}"}}"#);
        assert!(ClientMessage::parse(&config).is_ok());
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(ClientMessage::parse(&deep).is_err());
    }
}
