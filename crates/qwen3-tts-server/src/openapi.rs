//! The OpenAPI document.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// Head of the document. The paths come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Qwen3-TTS",
        description = "Speech of Qwen3-TTS behind OpenAI's API. Text in and audio out over a \
                       WebSocket is at `/v1/audio/speech/stream`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    modifiers(&Key),
)]
pub struct ApiDoc;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("key", scheme);
    }
}
