//! Errors as OpenAI's API has them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use qwen3_tts_pipeline::{Error, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

/// A refusal or a failure, for a client.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    pub status: StatusCode,
    pub message: String,
    /// Field of the request that is to blame.
    pub param: Option<String>,
    /// Code for programs.
    pub code: Option<&'static str>,
    /// Time in seconds after which the request may succeed.
    pub retry_after: Option<u64>,
}

/// Body of an answer with an error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorDetails,
}

/// Details of an error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetails {
    /// Reason, for people.
    message: String,
    /// Class of the error.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Field of the request that is to blame.
    #[schema(required)]
    param: Option<String>,
    /// Code for programs.
    #[schema(required)]
    code: Option<&'static str>,
}

/// Result of the handlers.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None, retry_after: None }
    }

    /// Returns the error of a request that is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Returns the error of something that is not there.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message).code(code)
    }

    /// Returns the error of too many requests.
    pub fn busy(message: impl Into<String>, retry_after: u64) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, message).code("rate_limit_exceeded");
        Self { retry_after: Some(retry_after), ..error }
    }

    /// Returns the error of a service that cannot speak now.
    pub fn unavailable(message: impl Into<String>, retry_after: u64) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, message).code("unavailable");
        Self { retry_after: Some(retry_after), ..error }
    }

    /// Returns the error of a defect.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// Names the field that is to blame.
    pub fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// Sets the code.
    pub fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Returns the body of the answer.
    pub fn body(&self) -> ErrorBody {
        let (message, param, code) = (self.message.clone(), self.param.clone(), self.code);
        ErrorBody { error: ErrorDetails { message, kind: kind(self.status), param, code } }
    }
}

fn kind(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let answer = match error.kind() {
            ErrorKind::InvalidRequest | ErrorKind::Unsupported => Self::invalid(message),
            ErrorKind::NotFound => Self::not_found("not_found", message),
            ErrorKind::Busy => Self::busy(message, 2),
            ErrorKind::Cancelled => Self::unavailable(message, 2),
            _ => Self::internal(message),
        };
        match error.field() {
            Some(field) => answer.param(param_of(field)),
            None => answer,
        }
    }
}

/// Returns the field of a request to this service that a field of the pipeline's request comes from.
fn param_of(field: &'static str) -> &'static str {
    match field {
        "text" => "input",
        "instruct" => "instructions",
        "max_frames" => "max_new_tokens",
        "text_mode" => "non_streaming_mode",
        // The others have one name.
        _ => field,
    }
}

impl From<qwen3_tts_audio::Error> for ApiError {
    fn from(error: qwen3_tts_audio::Error) -> Self {
        use qwen3_tts_audio::Error;
        let param = match error {
            Error::SampleRate { .. } => Some("sample_rate"),
            Error::Speed { .. } => Some("speed"),
            Error::UnknownFormat { .. } => Some("response_format"),
            _ => None,
        };
        let message = match param {
            Some(param) => format!("`{param}`: {error}"),
            None => error.to_string(),
        };
        Self { param: param.map(str::to_owned), ..Self::invalid(message).code("invalid_value") }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!(status = self.status.as_u16(), error = %self.message, "request failed");
        }
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_all_four_fields() {
        let error = ApiError::invalid("no such voice").param("voice").code("voice_not_found");
        let body = serde_json::to_value(error.body()).unwrap();
        let expected = serde_json::json!({ "error": {
            "message": "no such voice", "type": "invalid_request_error", "param": "voice",
            "code": "voice_not_found",
        }});
        assert_eq!(body, expected);
        let body = serde_json::to_value(ApiError::internal("a defect").body()).unwrap();
        assert_eq!(body["error"]["type"], "server_error");
        assert!(body["error"]["param"].is_null() && body["error"]["code"].is_null());
    }

    #[test]
    fn limits_say_when_to_come_back() {
        let response = ApiError::busy("full", 7).into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
        let busy = ApiError::from(Error::Busy { present: 3 });
        assert_eq!((busy.status.as_u16(), busy.retry_after), (429, Some(2)));
    }
}
