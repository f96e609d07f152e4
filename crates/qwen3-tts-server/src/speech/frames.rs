//! The form in which bytes of audio travel: as they are, or as server-sent events.

use std::io;

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::utterance::Usage;
use crate::error::ApiError;

/// The form in which bytes of audio travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frames {
    /// As they are.
    Plain,
    /// OpenAI's server-sent events.
    Events,
}

impl Frames {
    /// Returns a part of the audio.
    pub fn audio(self, bytes: Vec<u8>) -> Bytes {
        match self {
            Self::Plain => bytes.into(),
            Self::Events => {
                event(&json!({ "type": "speech.audio.delta", "audio": STANDARD.encode(bytes) }))
            }
        }
    }

    /// Returns the end of a complete audio.
    pub fn end(self, usage: Usage) -> Bytes {
        let Usage { input_tokens, output_tokens } = usage;
        let total_tokens = input_tokens + output_tokens;
        match self {
            Self::Plain => Bytes::new(),
            Self::Events => event(&json!({
                "type": "speech.audio.done",
                "usage": {
                    "input_tokens": input_tokens,
                    "output_tokens": output_tokens,
                    "total_tokens": total_tokens,
                },
            })),
        }
    }

    /// Returns the end of audio that failed. Plain audio breaks off, since it cannot say so.
    ///
    /// # Errors
    /// Returns the failure that breaks the answer off.
    pub fn failure(self, error: &ApiError) -> io::Result<Bytes> {
        match self {
            Self::Plain => Err(io::Error::other(error.message.clone())),
            Self::Events => {
                let mut body = serde_json::to_value(error.body()).unwrap_or_default();
                body["type"] = "error".into();
                Ok(event(&body))
            }
        }
    }
}

fn event(data: &serde_json::Value) -> Bytes {
    format!("data: {data}\n\n").into()
}
