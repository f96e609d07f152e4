//! The name at the end of a path.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::error::ApiError;

/// The name of a model or of a voice in a path.
pub struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let name = Path::from_request_parts(parts, state).await;
        name.map(|Path(name)| Self(name)).map_err(refused)
    }
}

fn refused(rejection: PathRejection) -> ApiError {
    if rejection.status().is_server_error() {
        return ApiError::internal("internal error; please report it");
    }
    let message = format!("the path is not valid: {}", rejection.body_text());
    ApiError::invalid(message).code("invalid_url")
}
