//! Errors of reading a configuration, or of looking up a name in one.

use std::path::PathBuf;

use qwen3_tts_files::WrongFile;

/// Result of every fallible function of this crate.
pub type Result<T> = std::result::Result<T, ConfigError>;

/// Reason why a configuration or a name was refused, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}; every file of the checkpoint must be there")]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },

    /// The contents of the file were refused.
    #[error("{path}: {source}")]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Reason of the refusal.
        source: Box<ConfigError>,
    },

    /// The file is not what its name says.
    #[error(transparent)]
    WrongFile(#[from] WrongFile),

    /// The text is not JSON.
    #[error("not valid JSON ({reason}); download the file again")]
    Syntax {
        /// Position and kind of the syntax error.
        reason: String,
    },

    /// A field is missing, or its value has the wrong type.
    #[error("`{field}`: {reason}; is this a configuration of Qwen3-TTS?")]
    Type {
        /// Path of the field, such as `talker_config.hidden_size`.
        field: String,
        /// Expected and found type.
        reason: String,
    },

    /// A field has a value that no Qwen3-TTS model can have.
    #[error("`{field}`: expected {expected}, found {found}")]
    Value {
        /// Path of the field, such as `talker_config.num_attention_heads`.
        field: String,
        /// Valid values.
        expected: String,
        /// Value in the file.
        found: String,
    },

    /// The model has no speaker of this name.
    #[error("unknown speaker \"{name}\"{}; this model has {}", hint(suggestion), list(supported))]
    UnknownSpeaker {
        /// Requested name.
        name: String,
        /// Name that the requested one may be a misspelling of.
        suggestion: Option<String>,
        /// Names of the model's speakers.
        supported: Vec<String>,
    },

    /// The model has no language of this name.
    #[error("unknown language \"{name}\"{}; this model has {}", hint(suggestion), list(supported))]
    UnknownLanguage {
        /// Requested name.
        name: String,
        /// Name that the requested one may be a misspelling of.
        suggestion: Option<String>,
        /// Names of the model's languages, and `auto`.
        supported: Vec<String>,
    },
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or(String::new(), |name| format!(" (did you mean \"{name}\"?)"))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
