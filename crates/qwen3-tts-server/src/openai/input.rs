//! The bodies of requests, within their limits.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};

use crate::error::{ApiError, ApiResult};

/// Reads the body of a request in JSON.
///
/// # Errors
/// Returns the status 415 for another type, 413 for more than `max_bytes`, and 408 if it takes longer
/// than `within`.
pub async fn json_body(request: Request, max_bytes: usize, within: Duration) -> ApiResult<Vec<u8>> {
    check_type(request.headers())?;
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > max_bytes) {
        return Err(too_large(max_bytes));
    }
    read(request.into_body(), max_bytes, within).await
}

async fn read(body: Body, max_bytes: usize, within: Duration) -> ApiResult<Vec<u8>> {
    let bytes = tokio::time::timeout(within, to_bytes(body, max_bytes)).await;
    let slow = |_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body takes too long to arrive");
    match bytes.map_err(slow)? {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) if is_limit(&error) => Err(too_large(max_bytes)),
        Err(error) => Err(ApiError::invalid(format!("the body cannot be read: {error}"))),
    }
}

fn is_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(|source| source.to_string().contains("length limit"))
}

fn too_large(max_bytes: usize) -> ApiError {
    let message = format!("the body is larger than {max_bytes} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("body_too_large")
}

fn check_type(headers: &HeaderMap) -> ApiResult<()> {
    let Some(found) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let found = String::from_utf8_lossy(found.as_bytes());
    let media_type = found.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media_type == "application/json" || media_type.ends_with("+json") {
        return Ok(());
    }
    let message = "the body has to be JSON: send it with \"Content-Type: application/json\"";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).code("unsupported_media_type"))
}
