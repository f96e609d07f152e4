//! JSON files as typed values; every error has the path of the field.

use std::path::Path;

use qwen3_tts_files::{WrongFile, strip_bom};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{ConfigError, Result};

/// Parses `text`. A `model_type` in it is checked first, so that a configuration of another model
/// is refused for its type, not for its first missing field.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, model_type: Option<&str>) -> Result<T> {
    let text = strip_bom(text);
    let head: Head = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
    if let (Some(expected), Some(found)) = (model_type, head.model_type)
        && found != expected
    {
        return Err(ConfigError::Value {
            field: "model_type".to_owned(),
            expected: format!("\"{expected}\""),
            found: found.to_string(),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        type_error(&path, &error.into_inner().to_string())
    })
}

/// The field that identifies a section, if the section has it.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    model_type: Option<Value>,
}

/// Returns the `model_type` of a configuration.
pub(crate) fn model_type(text: &str) -> Option<String> {
    let head: Head = serde_json::from_str(strip_bom(text)).ok()?;
    head.model_type?.as_str().map(str::to_owned)
}

/// Reads and parses `path`; every error names the file.
pub(crate) fn read<T>(path: &Path, from_json: impl Fn(&str) -> Result<T>) -> Result<T> {
    let bytes = qwen3_tts_files::read(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    qwen3_tts_files::text(bytes)
        .map_err(ConfigError::from)
        .and_then(|text| from_json(&text))
        .map_err(|source| ConfigError::File { path: path.to_owned(), source: Box::new(source) })
}

/// Returns the error of a text that is not JSON: the file that it is if it is known, else the
/// place of the first mistake.
fn not_json(text: &str, error: &serde_json::Error) -> ConfigError {
    match WrongFile::recognise(text.as_bytes()) {
        Some(wrong) => wrong.into(),
        None => ConfigError::Syntax { reason: error.to_string() },
    }
}

/// Completes the path of a missing field, which serde reports at its parent, and of a field that
/// a message begins with.
fn type_error(parent: &str, message: &str) -> ConfigError {
    let inner = message.strip_prefix('`').and_then(|rest| rest.split_once("`: "));
    if let Some((field, reason)) = inner {
        return type_error(&format!("{parent}.{field}"), reason);
    }
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let (field, reason) = match missing {
        Some(field) if parent == "." => (field.to_owned(), "missing".to_owned()),
        Some(field) => (format!("{parent}.{field}"), "missing".to_owned()),
        None => (parent.to_owned(), message.to_owned()),
    };
    ConfigError::Type { field, reason }
}
