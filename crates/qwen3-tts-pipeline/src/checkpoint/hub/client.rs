//! Requests to the hub: redirects, the token, proxies, certificates, and what failures mean.

use std::cell::OnceCell;
use std::error::Error as _;
use std::io::Read;
use std::time::{Duration, SystemTime};

use iri_string::types::{UriAbsoluteStr, UriReferenceStr};
use ureq::http::{HeaderName, Response, StatusCode, Uri, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use super::content::Expected;
use super::error::HubError;
use super::name::{self, ModelName};
use super::pace::Paced;
use super::retry::{Failure, requested_wait};
use super::settings::Hub;

const MAX_REDIRECTS: usize = 10;
/// Longest wait for a connection. The timeout for downloads may be shorter.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// The hub's server, on behalf of one model.
pub(super) struct Client<'a> {
    agent: Agent,
    tls: OnceCell<TlsConfig>,
    hub: &'a Hub,
    endpoint: Uri,
    model: &'a ModelName,
}

/// A response with a status of success, or 416 (range not satisfiable).
pub(super) struct Answer {
    pub response: Response<Body>,
    /// URL that it came from, for messages.
    pub url: String,
    /// Size and hash of the file, if the hub's own server told them.
    pub expected: Expected,
}

impl Answer {
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }
}

impl<'a> Client<'a> {
    pub fn new(hub: &'a Hub, model: &'a ModelName) -> Result<Self, HubError> {
        hub.check()?;
        let endpoint = hub.endpoint.parse().ok().filter(is_web).ok_or_else(|| {
            let expected = "the URL of a server, such as https://huggingface.co".to_owned();
            let value = hub.endpoint.rsplit('@').next().unwrap_or_default().to_owned();
            HubError::Setting { variable: "HF_ENDPOINT", value, expected }
        })?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .accept_encoding("identity")
            .timeout_connect(Some(hub.download_timeout.min(CONNECT_TIMEOUT)))
            .timeout_per_read(Some(hub.download_timeout))
            .user_agent(concat!("qwen3-tts/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.new_agent(), tls: OnceCell::new(), hub, endpoint, model })
    }

    /// Returns the body of a response. Reading it fails if it arrives too slowly.
    pub fn body(&self, response: Response<Body>) -> impl Read + use<> {
        Paced::new(response.into_body().into_reader(), self.hub.download_timeout)
    }

    /// Requests what the hub has at `path`, with these headers, and follows redirects.
    pub fn get(&self, path: &str, headers: &[(HeaderName, String)]) -> Result<Answer, Failure> {
        let url = format!("{}/{path}", self.hub.endpoint);
        let mut uri: Uri = url.parse().map_err(|_| self.unavailable(&self.endpoint, "no URL"))?;
        let mut expected = Expected::default();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.request(&uri, headers)?;
            if self.is_hub(&uri) {
                expected = expected.or(Expected::from_headers(response.headers()));
            }
            if !is_redirect(response.status()) {
                self.check(&uri, &response)?;
                return Ok(Answer { response, url: shown(&uri), expected });
            }
            uri = self.redirected(&uri, &response)?;
        }
        Err(self.unavailable(&uri, format!("more than {MAX_REDIRECTS} redirects")).into())
    }

    pub fn unavailable(&self, uri: &Uri, reason: impl Into<String>) -> HubError {
        self.unavailable_at(&shown(uri), reason)
    }

    pub fn unavailable_at(&self, url: &str, reason: impl Into<String>) -> HubError {
        let model = self.model.to_string();
        HubError::Unavailable { model, url: url.to_owned(), reason: reason.into() }
    }

    /// Returns the failure of a connection at `url`.
    pub fn broken(&self, url: &str, error: &ureq::Error) -> Failure {
        let reason = describe(error);
        let error_of_model = self.unavailable_at(url, reason.clone());
        match is_transient(error) {
            true => Failure::Transient { error: error_of_model, reason, wait: None },
            false => error_of_model.into(),
        }
    }

    /// Sends one request. The token goes to the hub's own server only.
    fn request(
        &self,
        uri: &Uri,
        headers: &[(HeaderName, String)],
    ) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.get(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(token) = self.hub.token.as_ref().filter(|_| self.is_hub(uri)) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let proxy = self.hub.proxies.of(uri)?;
        let through = proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        let mut config =
            request.config().proxy(proxy).timeout_recv_response(Some(self.hub.metadata_timeout));
        if uri.scheme_str() == Some("https") {
            config = config.tls_config(self.tls()?.clone());
        }
        config.build().call().map_err(|error| match through {
            Some(proxy) => {
                self.broken(&format!("{} through the proxy {proxy}", shown(uri)), &error)
            }
            None => self.broken(&shown(uri), &error),
        })
    }

    /// Reads the certificates when they are first needed.
    fn tls(&self) -> Result<&TlsConfig, HubError> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let roots = self.hub.certificates.load()?;
        Ok(self.tls.get_or_init(|| TlsConfig::builder().root_certs(roots).build()))
    }

    /// Returns true if `uri` has the scheme, host and port of the hub's own server.
    fn is_hub(&self, uri: &Uri) -> bool {
        origin(uri) == origin(&self.endpoint)
    }

    fn redirected(&self, uri: &Uri, response: &Response<Body>) -> Result<Uri, HubError> {
        let location = response.headers().get(header::LOCATION);
        let location = location.and_then(|location| location.to_str().ok()).unwrap_or_default();
        let target = resolve(uri, location).filter(is_web).ok_or_else(|| {
            self.unavailable(uri, format!("redirects to \"{location}\", which is no URL"))
        })?;
        if uri.scheme_str() == Some("https") && target.scheme_str() != Some("https") {
            let reason = format!("redirects to {}, which is not encrypted", shown(&target));
            return Err(self.unavailable(uri, reason));
        }
        Ok(target)
    }

    /// Returns the failure that the status of a response means.
    fn check(&self, uri: &Uri, response: &Response<Body>) -> Result<(), Failure> {
        let status = response.status();
        let wait = requested_wait(response.headers(), SystemTime::now());
        let mut reason = format!("the server answers {status}");
        match status.as_u16() {
            200..=299 | 416 => return self.check_encoding(uri, response),
            429 | 503 => {
                if let Some(wait) = wait {
                    reason += &format!(", and asks to wait for {} s", wait.as_secs());
                }
            }
            408 | 500 | 502 | 504 => {}
            // The signature of a URL of the storage has expired. The hub gives a new one.
            401 | 403 if !self.is_hub(uri) => {}
            401 | 403 | 404 if self.is_hub(uri) => {
                let (model, url) = (self.model.to_string(), shown(uri));
                return Err(HubError::Refused { model, url, reason: self.refusal(response) }.into());
            }
            _ => return Err(self.unavailable(uri, reason).into()),
        }
        let error = self.unavailable(uri, reason.clone());
        Err(Failure::Transient { error, reason, wait })
    }

    fn check_encoding(&self, uri: &Uri, response: &Response<Body>) -> Result<(), Failure> {
        let encodings = response.headers().get_all(header::CONTENT_ENCODING);
        match encodings
            .iter()
            .find(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            None => Ok(()),
            Some(encoding) => {
                let encoding = String::from_utf8_lossy(encoding.as_bytes());
                let reason =
                    format!("the answer is compressed ({encoding}), which was not asked for");
                Err(self.unavailable(uri, reason).into())
            }
        }
    }

    /// Returns why the hub refuses, and what to do about it.
    fn refusal(&self, response: &Response<Body>) -> String {
        let code = response.headers().get("x-error-code");
        let code = code.and_then(|code| code.to_str().ok()).unwrap_or_default();
        let (ModelName { id, revision }, endpoint) = (self.model, shown(&self.endpoint));
        match (code, response.status()) {
            ("GatedRepo", _) => format!(
                "its terms must be accepted at {}/{id}; then set HF_TOKEN to a token of that account",
                endpoint.trim_end_matches('/')
            ),
            ("RevisionNotFound", _) => format!("it has no revision \"{revision}\""),
            ("EntryNotFound", _) => "there is no such file in it".to_owned(),
            ("RepoNotFound", _) | (_, StatusCode::NOT_FOUND) => {
                let hint = name::hint(id, &[]);
                format!(
                    "there is no such model; check the name ({hint}), and if the model is not \
                         public, set HF_TOKEN"
                )
            }
            _ => "no permission; check the name, set HF_TOKEN, and accept the model's terms if it \
                  has any"
                .to_owned(),
        }
    }
}

fn is_web(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Returns scheme, host and port.
fn origin(uri: &Uri) -> (Option<&str>, Option<String>, u16) {
    let scheme = uri.scheme_str();
    let port = uri.port_u16().unwrap_or(if scheme == Some("https") { 443 } else { 80 });
    (scheme, uri.host().map(str::to_lowercase), port)
}

/// Resolves the target of a redirect.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let base = base.to_string();
    let base = UriAbsoluteStr::new(&base).ok()?;
    let location = UriReferenceStr::new(location.trim()).ok().filter(|_| !location.is_empty())?;
    let target = location.resolve_against(base).to_string();
    target.split('#').next()?.parse().ok()
}

/// Returns a URL without credentials and without the query, which may hold a signature.
fn shown(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}{}", uri.scheme_str().unwrap_or_default(), uri.path())
}

/// Describes a failure in a few words, with what to do about it.
fn describe(error: &ureq::Error) -> String {
    if let Some(error @ rustls::Error::InvalidCertificate(_)) = tls_error(error) {
        return format!(
            "{error}; if a proxy of your network signs its connections, set SSL_CERT_FILE to its \
             certificate"
        );
    }
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::HostNotFound => "host not found; is there a network?".to_owned(),
        error => error.to_string(),
    }
}

/// Returns true for a connection that broke, false for one that could not be made.
fn is_transient(error: &ureq::Error) -> bool {
    use std::io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, TimedOut, UnexpectedEof,
    };
    match error {
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => false,
        ureq::Error::Timeout(_) | ureq::Error::Protocol(_) | ureq::Error::BodyStalled => true,
        ureq::Error::Io(error) => matches!(
            error.kind(),
            BrokenPipe
                | ConnectionAborted
                | ConnectionReset
                | Interrupted
                | TimedOut
                | UnexpectedEof
        ),
        _ => false,
    }
}

fn tls_error(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        error => error.source()?.downcast_ref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    // Expectations: urllib.parse.urljoin().
    #[test]
    fn redirects_are_resolved_against_the_request() {
        let base = uri("https://hub.example:8443/a/b/c?x=1");
        for (location, target) in [
            ("https://cdn.example/f?sig=1", "https://cdn.example/f?sig=1"),
            (
                "/api/resolve-cache/f?etag=%22a%22",
                "https://hub.example:8443/api/resolve-cache/f?etag=%22a%22",
            ),
            ("//cdn.example/f", "https://cdn.example/f"),
            ("d", "https://hub.example:8443/a/b/d"),
            ("../d", "https://hub.example:8443/a/d"),
            ("?y=2", "https://hub.example:8443/a/b/c?y=2"),
            ("/f#part", "https://hub.example:8443/f"),
        ] {
            assert_eq!(resolve(&base, location), Some(uri(target)), "{location}");
        }
        for location in ["", "http://", "a b"] {
            assert_eq!(resolve(&base, location).filter(is_web), None, "{location}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let hub = uri("https://hub.example");
        assert_eq!(origin(&hub), origin(&uri("https://HUB.example:443/x?y")));
        for other in ["http://hub.example", "https://hub.example:8443", "https://a.hub.example"] {
            assert_ne!(origin(&hub), origin(&uri(other)), "{other}");
        }
    }

    #[test]
    fn urls_are_shown_without_secrets() {
        let url = uri("https://user:secret@hub.example:8443/a?Signature=secret");
        assert_eq!(shown(&url), "https://hub.example:8443/a");
    }
}
