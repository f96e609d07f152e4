//! The web pages at `/` and `/docs`: static files that are part of the program.
//!
//! They load nothing from elsewhere, and their Content-Security-Policy allows nothing else. Their
//! addresses are relative, so they work behind a proxy that serves them under a path.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Scripts, styles and requests of this service only. Recordings are previewed from `blob:` addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; media-src blob:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// A file of the pages.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const fn asset(path: &'static str, content_type: &'static str, content: &'static str) -> Asset {
    Asset { path, content_type, content }
}

static ASSETS: [Asset; 17] = [
    asset("/", HTML, include_str!("index.html")),
    asset("/docs", HTML, include_str!("docs.html")),
    asset("/assets/style.css", CSS, include_str!("style.css")),
    asset("/assets/icon.svg", SVG, include_str!("icon.svg")),
    asset("/assets/api.js", SCRIPT, include_str!("api.js")),
    asset("/assets/app.js", SCRIPT, include_str!("app.js")),
    asset("/assets/docs.js", SCRIPT, include_str!("docs.js")),
    asset("/assets/errors.js", SCRIPT, include_str!("errors.js")),
    asset("/assets/form.js", SCRIPT, include_str!("form.js")),
    asset("/assets/keeping.js", SCRIPT, include_str!("keeping.js")),
    asset("/assets/page.js", SCRIPT, include_str!("page.js")),
    asset("/assets/player.js", SCRIPT, include_str!("player.js")),
    asset("/assets/recording.js", SCRIPT, include_str!("recording.js")),
    asset("/assets/sound.js", SCRIPT, include_str!("sound.js")),
    asset("/assets/speaking.js", SCRIPT, include_str!("speaking.js")),
    asset("/assets/take.js", SCRIPT, include_str!("take.js")),
    asset("/assets/waveform.js", SCRIPT, include_str!("waveform.js")),
];

/// Returns the routes of the pages. They need no key: LiveKit opens its connection with `GET /`.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let serve = |router: Router<S>, asset: &'static Asset| {
        router.route(
            asset.path,
            get(move |headers: HeaderMap| async move { asset.respond(&headers) }),
        )
    };
    ASSETS.iter().fold(Router::new(), serve)
}

impl Asset {
    /// Answers a request; a browser that has this version gets 304 without a body.
    fn respond(&self, request: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = request
            .get(header::IF_NONE_MATCH)
            .is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::new(Body::from(self.content))
        };
        let headers = response.headers_mut();
        for (name, value) in self.fixed_headers() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    fn fixed_headers(&self) -> [(header::HeaderName, &'static str); 6] {
        [
            (header::CONTENT_TYPE, self.content_type),
            // Browsers keep the file and ask each time whether it has changed.
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::HeaderName::from_static("permissions-policy"), "microphone=(self)"),
        ]
    }

    fn tag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.content.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files that the page names but the service does not have would be 404s in the browser.
    #[test]
    fn every_file_that_the_page_names_is_served() {
        let quoted = ASSETS.iter().flat_map(|asset| asset.content.split('"'));
        let names =
            quoted.filter_map(|text| text.strip_prefix("assets/").or(text.strip_prefix("./")));
        let mut count = 0;
        // `./` alone is the page itself.
        for name in names.filter(|name| !name.is_empty()) {
            assert!(ASSETS.iter().any(|asset| asset.path == format!("/assets/{name}")), "{name}");
            count += 1;
        }
        assert!(count > 10);
    }

    #[test]
    fn nothing_is_inline_or_from_elsewhere() {
        for Asset { path, content, .. } in &ASSETS {
            let content = content.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
            for forbidden in ["http:", "https:", "style=\"", "<style", "<script>", " onclick="] {
                assert!(!content.contains(forbidden), "{path} has {forbidden}");
            }
        }
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        let page = &ASSETS[0];
        let fresh = page.respond(&HeaderMap::new());
        assert_eq!(fresh.status(), StatusCode::OK);
        assert_eq!(fresh.headers()[header::CONTENT_SECURITY_POLICY], POLICY);

        let mut request = HeaderMap::new();
        request.insert(header::IF_NONE_MATCH, fresh.headers()[header::ETAG].clone());
        assert_eq!(page.respond(&request).status(), StatusCode::NOT_MODIFIED);
        request.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert_eq!(page.respond(&request).status(), StatusCode::OK);
    }
}
