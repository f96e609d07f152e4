//! Pages of other sites.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::error::{ApiError, ApiResult};

/// Refuses requests of pages of other sites, except those that only read and those of `allowed` origins.
///
/// Browsers ask the service before they send JSON for a page of another site, but not before a form:
/// such a page could register voices with a service on the machine of its visitor.
pub async fn check_page(
    State(allowed): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> ApiResult<Response> {
    if !request.method().is_safe() {
        check_origin(request.headers(), &allowed)?;
    }
    Ok(next.run(request).await)
}

/// Checks that a request does not come from a page of another site, or that its origin is among the
/// `allowed` ones. Programs send no origin.
///
/// # Errors
/// Returns the status 403 for other pages.
pub fn check_origin(headers: &HeaderMap, allowed: &[String]) -> ApiResult<()> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(origin) = text(header::ORIGIN.as_str()) else { return Ok(()) };
    // Proxies may change the host; on HTTPS and on localhost the browser itself tells.
    let is_own = match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => is_own(origin, text(header::HOST.as_str())),
    };
    if is_own || allowed.iter().any(|allowed| allowed == "*" || allowed == origin) {
        return Ok(());
    }
    let message = "pages of this origin may not use the service: it is not among those of --cors";
    Err(ApiError::new(StatusCode::FORBIDDEN, message).code("origin_not_allowed"))
}

fn is_own(origin: &str, host: Option<&str>) -> bool {
    let own = origin.split_once("://").map(|(_, host)| host);
    own.is_some_and(|own| host.is_some_and(|host| own.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(pairs: &[(&'static str, &str)], cors: &[&str]) -> bool {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let cors: Vec<_> = cors.iter().map(|&origin| origin.to_owned()).collect();
        check_origin(&headers, &cors).is_ok()
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let of = |origin, cors: &[&str]| {
            is_allowed(&[("origin", origin), ("host", "localhost:8000")], cors)
        };
        assert!(is_allowed(&[("host", "localhost:8000")], &[]), "no browser");
        assert!(of("http://localhost:8000", &[]));
        assert!(of("https://app.example", &["https://app.example"]));
        assert!(of("https://any.example", &["*"]));
        for other in ["http://localhost:9000", "https://evil.example", "null", "", "localhost:8000"]
        {
            assert!(!of(other, &["https://app.example"]), "{other}");
        }
    }

    #[test]
    fn browsers_tell_where_a_proxy_hides_it() {
        let of = |site| {
            let headers = [
                ("origin", "https://tts.example"),
                ("host", "127.0.0.1:8000"),
                ("sec-fetch-site", site),
            ];
            is_allowed(&headers, &[])
        };
        assert!(of("same-origin"));
        for site in ["same-site", "cross-site", "none", ""] {
            assert!(!of(site), "{site}");
        }
    }
}
