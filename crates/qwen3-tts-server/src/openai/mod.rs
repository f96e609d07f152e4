//! OpenAI's speech API.

mod input;
mod models;
mod name;
mod speech;
mod voice_form;
mod voices;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Service;

/// Returns the routes of OpenAI's API.
pub fn router() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(speech::speech))
        .routes(routes!(models::models))
        .routes(routes!(models::model))
        .routes(routes!(models::audio_models))
        .routes(routes!(voices::voices, voices::add))
        .routes(routes!(voices::voice, voices::remove))
}
