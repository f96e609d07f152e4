//! The client of a request.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use super::keys::Keys;
use crate::error::ApiError;

/// A client that may speak: an extractor that refuses others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caller {
    /// Index of its key, if keys are needed.
    pub key: Option<usize>,
}

impl Caller {
    /// Finds the caller that sends these headers.
    ///
    /// # Errors
    /// Returns the status 401 without a valid key.
    pub fn from_headers(keys: &Keys, headers: &HeaderMap) -> Result<Self, ApiError> {
        Self::with_key(keys, key(headers))
    }

    /// Finds the caller that sends this key.
    ///
    /// # Errors
    /// Returns the status 401 without a valid key.
    pub fn with_key(keys: &Keys, key: Option<&str>) -> Result<Self, ApiError> {
        if keys.is_open() {
            return Ok(Self::default());
        }
        let reason = match key {
            None => "an API key is needed: send it as \"Authorization: Bearer KEY\"",
            Some(_) => "the API key is wrong",
        };
        let found = key.and_then(|key| keys.find(key));
        let refused = || ApiError::new(StatusCode::UNAUTHORIZED, reason).code("invalid_api_key");
        found.map(|index| Self { key: Some(index) }).ok_or_else(refused)
    }
}

/// Returns the key in the headers. Some clients send an empty key, which counts as a missing one.
fn key(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = text(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        let is_known = ["bearer", "api-key"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        is_known.then_some(key)
    });
    let named =
        || ["api-key", "x-api-key"].iter().find_map(|name| headers.get(*name)?.to_str().ok());
    authorization.or_else(named).map(str::trim).filter(|key| !key.is_empty())
}

impl<S> FromRequestParts<S> for Caller
where
    Keys: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Self::from_headers(&Keys::from_ref(state), &parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_four_headers() {
        let cases = [
            ("authorization", "Bearer one", Some("one")),
            ("authorization", "bearer one", Some("one")),
            ("authorization", "Api-Key one", Some("one")),
            ("api-key", "one", Some("one")),
            ("x-api-key", " one ", Some("one")),
            ("authorization", "Bearer ", None),
            ("authorization", "Bearer", None),
            ("authorization", "Basic b25l", None),
            ("x-key", "one", None),
        ];
        for (name, value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(key(&headers), expected, "{name}: {value}");
        }
    }
}
