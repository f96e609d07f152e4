//! JSON files as typed values; every error has the path of the field.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{ConfigError, Result};

/// Parses `text`. A `model_type` in it is checked first, so that a configuration of another model
/// is refused for its type, not for its first missing field.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, model_type: Option<&str>) -> Result<T> {
    let head: Head = serde_json::from_str(text)
        .map_err(|error| ConfigError::Syntax { reason: error.to_string() })?;
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

/// Reads and parses `path`; every error names the file.
pub(crate) fn read<T>(path: &Path, from_json: impl Fn(&str) -> Result<T>) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    from_json(&text)
        .map_err(|source| ConfigError::File { path: path.to_owned(), source: Box::new(source) })
}

/// Completes the path of a missing field, which serde reports at its parent.
fn type_error(parent: &str, message: &str) -> ConfigError {
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let (field, reason) = match missing {
        Some(field) if parent == "." => (field.to_owned(), "missing".to_owned()),
        Some(field) => (format!("{parent}.{field}"), "missing".to_owned()),
        None => (parent.to_owned(), message.to_owned()),
    };
    ConfigError::Type { field, reason }
}
