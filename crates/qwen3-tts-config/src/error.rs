//! What can be wrong with a configuration, or with a name looked up in one.

use std::path::PathBuf;

/// Why a configuration was refused, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}; every file of the checkpoint must be there")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// The file was read, and something in it is wrong.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<ConfigError>,
    },

    /// The text is not JSON.
    #[error("not valid JSON ({reason}); download the file again")]
    Syntax {
        /// Where and how the syntax breaks.
        reason: String,
    },

    /// A field is missing, or its value has another type.
    #[error("`{field}`: {reason}; is this a configuration of Qwen3-TTS?")]
    Type {
        /// The path of the field, as `talker_config.hidden_size`.
        field: String,
        /// What was expected and found.
        reason: String,
    },

    /// A field has a value that no Qwen3-TTS model can have.
    #[error("`{field}`: expected {expected}, found {found}")]
    Value {
        /// The path of the field, as `talker_config.num_attention_heads`.
        field: String,
        /// What would be valid.
        expected: String,
        /// What the file says.
        found: String,
    },

    /// The model has no such speaker.
    #[error("unknown speaker \"{name}\"; this model has {}", list(supported))]
    UnknownSpeaker {
        /// The name asked for.
        name: String,
        /// The names that exist.
        supported: Vec<String>,
    },

    /// The model has no such language.
    #[error("unknown language \"{name}\"; this model has {}", list(supported))]
    UnknownLanguage {
        /// The name asked for.
        name: String,
        /// The names that exist, `auto` among them.
        supported: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
