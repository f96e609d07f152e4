//! Errors of registered voices.

use axum::http::StatusCode;

use crate::error::ApiError;

/// The reason why a registered voice cannot be used, added or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoiceError {
    /// The name of a new voice is not allowed.
    #[error(
        "{:?} is not a name for a voice: expected 1 to 64 letters (a to z), digits, - and _, and not \
         \"default\", \"auto\", \"none\" or the name of a device", shown(.name)
    )]
    InvalidName { name: String },
    /// The name belongs to a speaker of a model or to an alias.
    #[error("the name {name:?} belongs to {owner}: choose another one")]
    Reserved { name: String, owner: &'static str },
    /// There is a voice of this id already.
    #[error(
        "there is a voice {id:?} already: delete it first, send replace=true, or choose another name"
    )]
    Exists { id: String },
    /// The directory has as many voices as allowed.
    #[error("this server keeps {most} voices at most, and has them: delete one first")]
    Full { most: usize },
    /// There is no such voice.
    #[error(
        "there is no voice {:?}{}{}; GET /v1/audio/voices lists all",
        shown(.name), source(.alias.as_deref()), hint(.suggestion.as_deref())
    )]
    NotFound {
        name: String,
        /// The alias that stands for it.
        alias: Option<String>,
        /// A similar name that exists.
        suggestion: Option<String>,
    },
    /// The server was started without a directory of voices.
    #[error("this server keeps no voices: start it with --voices DIR")]
    NoDirectory,
    /// The file of a voice is damaged.
    #[error("the file of the voice {id:?} cannot be used: {reason}; delete or replace this voice")]
    Damaged { id: String, reason: String },
    /// The directory of voices cannot be used at the moment.
    #[error("the voices of this server cannot be {action}: {reason}")]
    Directory {
        /// `read` or `written`.
        action: &'static str,
        reason: String,
    },
}

/// Time in seconds after which a file system may answer again.
const RETRY_AFTER: u64 = 10;

impl VoiceError {
    /// Returns the error of a voice that is not there.
    pub fn missing(name: impl Into<String>) -> Self {
        Self::NotFound { name: name.into(), alias: None, suggestion: None }
    }
}

impl From<VoiceError> for ApiError {
    fn from(error: VoiceError) -> Self {
        let message = error.to_string();
        match error {
            VoiceError::InvalidName { .. } => {
                Self::invalid(message).param("name").code("invalid_voice_name")
            }
            VoiceError::Reserved { .. } => {
                Self::invalid(message).param("name").code("voice_name_reserved")
            }
            VoiceError::Exists { .. } => {
                Self::new(StatusCode::CONFLICT, message).param("name").code("voice_exists")
            }
            VoiceError::Full { .. } => Self::invalid(message).code("too_many_voices"),
            VoiceError::NotFound { .. } => {
                Self::not_found("voice_not_found", message).param("voice")
            }
            VoiceError::NoDirectory => {
                Self::new(StatusCode::FORBIDDEN, message).code("voices_disabled")
            }
            VoiceError::Damaged { .. } => {
                Self::internal(message).param("voice").code("voice_damaged")
            }
            VoiceError::Directory { .. } => Self::unavailable(message, RETRY_AFTER),
        }
    }
}

/// Returns as much of a client's text as a message can show.
pub fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

fn source(alias: Option<&str>) -> String {
    alias.map_or_else(String::new, |alias| format!(", which the alias {alias:?} stands for"))
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_statuses_and_codes() {
        let text = || "x".to_owned();
        let missing = VoiceError::NotFound {
            name: text(),
            alias: Some("z".to_owned()),
            suggestion: Some("y".to_owned()),
        };
        let message = "there is no voice \"x\", which the alias \"z\" stands for; did you mean \
                       \"y\"?; GET /v1/audio/voices lists all";
        assert_eq!(missing.to_string(), message);
        for (error, status, code) in [
            (VoiceError::InvalidName { name: text() }, 400, "invalid_voice_name"),
            (VoiceError::Reserved { name: text(), owner: "x" }, 400, "voice_name_reserved"),
            (VoiceError::Exists { id: text() }, 409, "voice_exists"),
            (VoiceError::Full { most: 1 }, 400, "too_many_voices"),
            (missing, 404, "voice_not_found"),
            (VoiceError::NoDirectory, 403, "voices_disabled"),
            (VoiceError::Damaged { id: text(), reason: text() }, 500, "voice_damaged"),
            (VoiceError::Directory { action: "read", reason: text() }, 503, "unavailable"),
        ] {
            let answer = ApiError::from(error);
            assert_eq!((answer.status.as_u16(), answer.code), (status, Some(code)), "{answer}");
        }
    }

    #[test]
    fn names_of_clients_are_short_and_escaped() {
        let name = format!("a\n{}", "x".repeat(1000));
        let message = VoiceError::InvalidName { name }.to_string();
        assert!(message.starts_with("\"a\\nxxx") && message.len() < 250, "{message}");
    }
}
