//! Reading: from a file to a typed value, with the path of the field in every error.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{ConfigError, Result};

/// Parses `text` and, if it carries a `model_type`, first checks that it is `model_type`: a
/// configuration of another model is then refused by its name, not by its first missing field.
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

/// What every section may say of itself.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    model_type: Option<Value>,
}

/// Reads `path` and parses it, naming the file in whatever goes wrong.
pub(crate) fn read<T>(path: &Path, from_json: impl Fn(&str) -> Result<T>) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    from_json(&text)
        .map_err(|source| ConfigError::File { path: path.to_owned(), source: Box::new(source) })
}

/// Serde reports a missing field at its parent; the full path is what a reader looks for.
fn type_error(parent: &str, message: &str) -> ConfigError {
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let (field, reason) = match missing {
        Some(field) if parent == "." => (field.to_owned(), "missing".to_owned()),
        Some(field) => (format!("{parent}.{field}"), "missing".to_owned()),
        None => (parent.to_owned(), message.to_owned()),
    };
    ConfigError::Type { field, reason }
}
