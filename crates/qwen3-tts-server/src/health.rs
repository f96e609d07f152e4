//! Health, readiness and measurements.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Service;

/// Returns the routes for operators of the service.
pub fn router() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready)).routes(routes!(metrics))
}

/// Tell that the process lives
#[utoipa::path(
    get, path = "/health", tag = "operation",
    responses((status = 200, description = "The process lives", body = String)),
)]
async fn health() -> &'static str {
    "ok\n"
}

/// Tell whether requests are welcome
#[utoipa::path(
    get, path = "/ready", tag = "operation",
    responses(
        (status = 200, description = "The first model is loaded", body = String),
        (status = 503, description = "A model is being loaded, or the service ends", body = String),
    ),
)]
async fn ready(State(service): State<Arc<Service>>) -> (StatusCode, &'static str) {
    if service.draining.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "the service is being stopped\n")
    } else if !service.is_ready() {
        (StatusCode::SERVICE_UNAVAILABLE, "the model is being loaded\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// Show measurements for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Measurements", content_type = "text/plain", body = String)),
)]
async fn metrics(State(service): State<Arc<Service>>) -> impl IntoResponse {
    for model in service.models.loaded() {
        model.metrics.running.set(model.tts.active_requests() as f64);
        model.metrics.waiting.set(model.tts.waiting_requests() as f64);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], service.metrics.render())
}
