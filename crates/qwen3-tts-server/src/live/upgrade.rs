//! `GET /v1/audio/speech/stream`: the beginning of a session.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;

use super::session::Session;
use crate::access::{Caller, check_origin};
use crate::error::{ApiError, ApiResult};
use crate::service::Service;

/// Subprotocol that the service speaks.
const PROTOCOL: &str = "qwen3-tts";

/// Beginning of a subprotocol that is a key, in base64url. Pages cannot set headers, and a key in an
/// address would be logged.
const KEY_PROTOCOL: &str = "qwen3-tts.key.";

/// Returns the route of the WebSocket protocol, for this number of sessions at a time.
pub fn router(max_sessions: usize) -> OpenApiRouter<Arc<Service>> {
    let places = Arc::new(Semaphore::new(max_sessions.min(Semaphore::MAX_PERMITS)));
    OpenApiRouter::new().route("/v1/audio/speech/stream", get(stream)).layer(Extension(places))
}

async fn stream(
    State(service): State<Arc<Service>>,
    Extension(places): Extension<Arc<Semaphore>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> ApiResult<Response> {
    let upgrade = upgrade.map_err(|error| {
        let message = format!("this address is for WebSocket connections: {error}");
        ApiError::new(StatusCode::UPGRADE_REQUIRED, message).code("upgrade_required")
    })?;
    if service.draining.is_cancelled() {
        return Err(ApiError::unavailable("the service is being stopped", 5));
    }
    // Browsers open WebSocket connections for any page without asking the service.
    check_origin(&headers, &service.settings.cors)?;
    let caller = caller(&service, &headers)?;
    let place = places.try_acquire_owned().map_err(|_| {
        service.metrics.refused.increment(1);
        ApiError::busy("too many sessions are open: try again later", 5)
    })?;
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(service.max_speech_bytes());
    Ok(upgrade.on_upgrade(async move |socket| {
        let session = Session::new(Arc::clone(&service), caller).run(socket);
        service.sessions.track_future(session).await;
        drop(place);
    }))
}

/// Returns the caller by a header, or by a subprotocol.
fn caller(service: &Service, headers: &HeaderMap) -> ApiResult<Caller> {
    let of_headers = Caller::from_headers(&service.keys, headers);
    match (&of_headers, protocol_key(headers)) {
        (Err(_), Some(key)) => Caller::with_key(&service.keys, Some(&key)),
        _ => of_headers,
    }
}

/// Returns the key in the subprotocols that a client offers.
fn protocol_key(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut names = offered.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let key = names.find_map(|name| name.trim().strip_prefix(KEY_PROTOCOL))?;
    String::from_utf8(URL_SAFE_NO_PAD.decode(key).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_key_may_come_as_a_subprotocol() {
        let protocols = |value| headers(&[("sec-websocket-protocol", value)]);
        let offered = protocols("qwen3-tts, qwen3-tts.key.c2VjcmV0IMOkIQ");
        assert_eq!(protocol_key(&offered).as_deref(), Some("secret ä!"));
        for none in ["qwen3-tts", "qwen3-tts.key.!!", "qwen3-tts.key._w", "key.c2VjcmV0"] {
            assert_eq!(protocol_key(&protocols(none)), None, "{none}");
        }
        assert_eq!(protocol_key(&HeaderMap::new()), None);
    }
}
