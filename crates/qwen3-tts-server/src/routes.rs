//! All routes, and what holds for each of them.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, Any as AnyOrigin, CorsLayer};
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;
use tracing::Span;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::access::check_page;
use crate::error::ApiError;
use crate::openapi::ApiDoc;
use crate::service::Service;
use crate::{health, live, openai, web};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Returns all routes of the service.
pub fn router(service: Arc<Service>) -> Router {
    let origins: Arc<[String]> = service.settings.cors.as_slice().into();
    let cors = cors(&origins);
    let (router, document) = OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(openai::router())
        .merge(health::router())
        .merge(live::router(service.settings.limits.max_sessions))
        .split_for_parts();
    let router = router
        .merge(web::routes())
        .route("/openapi.json", get(async move || Json(document.clone())))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(service)
        .layer(from_fn_with_state(origins, check_page))
        .layer(CatchPanicLayer::custom(panicked));
    let router = match cors {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router
        .layer(
            TraceLayer::new_for_http().make_span_with(span).on_response(log_answer).on_failure(()),
        )
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

async fn unknown_path(request: Request) -> ApiError {
    let message = format!("there is nothing at {}", request.uri().path());
    ApiError::not_found("unknown_url", message)
}

async fn unknown_method(request: Request) -> ApiError {
    let message = format!("{} does not take {}", request.uri().path(), request.method());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).code("method_not_allowed")
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::internal("internal error; please report it").into_response()
}

/// Paths that machines ask every few seconds, which would fill the log.
const PROBES: [&str; 3] = ["/health", "/ready", "/metrics"];

/// Returns the span of a request, which all its log lines have. Its text and its key are not in it.
fn span(request: &Request) -> Span {
    if PROBES.contains(&request.uri().path()) {
        return Span::none();
    }
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

fn log_answer(response: &Response, latency: Duration, span: &Span) {
    if !span.is_none() {
        let (status, ms) = (response.status().as_u16(), latency.as_millis() as u64);
        tracing::info!(status, ms, "answered");
    }
}

fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]);
    Some(match origins.iter().any(|origin| origin == "*") {
        true => layer.allow_origin(AnyOrigin),
        false => {
            let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
            layer.allow_origin(AllowOrigin::list(origins))
        }
    })
}
