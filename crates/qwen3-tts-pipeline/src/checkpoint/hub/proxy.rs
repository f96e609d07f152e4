//! The proxy of a request, from the environment variables that curl and Python share.

use std::net::IpAddr;

use ureq::Proxy;
use ureq::http::Uri;

use super::error::HubError;

/// The proxies of `http` and `https`, and the hosts that need none.
///
/// A configured proxy is never bypassed: an invalid value is an error.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies {
    http: Option<Setting>,
    https: Option<Setting>,
    direct: Vec<Pattern>,
}

/// An environment variable and its value.
#[derive(Clone, Debug)]
struct Setting {
    variable: &'static str,
    value: String,
}

/// Hosts of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq)]
enum Pattern {
    All,
    /// A host and its subdomains, at one port or at all.
    Domain {
        name: String,
        port: Option<u16>,
    },
    /// Addresses that share the first bits with this one.
    Network {
        address: IpAddr,
        bits: u32,
    },
}

impl Proxies {
    /// Reads `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, each also in capitals. A
    /// lowercase one overrides the other even if it is empty.
    pub fn from_variables(get: &dyn Fn(&str) -> Option<String>) -> Self {
        let all = first(get, ["all_proxy", "ALL_PROXY"]);
        let direct = first(get, ["no_proxy", "NO_PROXY"]).map_or(String::new(), |list| list.value);
        Self {
            http: first(get, ["http_proxy", "HTTP_PROXY"]).or_else(|| all.clone()),
            https: first(get, ["https_proxy", "HTTPS_PROXY"]).or(all),
            direct: direct.split([',', ' ']).filter_map(Pattern::parse).collect(),
        }
    }

    /// Returns the proxy for a request to `uri`; `None` if it goes there directly.
    pub fn of(&self, uri: &Uri) -> Result<Option<Proxy>, HubError> {
        let is_https = uri.scheme_str() == Some("https");
        let Some(setting) = (if is_https { &self.https } else { &self.http }) else {
            return Ok(None);
        };
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if self.direct.iter().any(|pattern| pattern.matches(host, port)) {
            return Ok(None);
        }
        Proxy::new(&setting.value).map(Some).map_err(|_| HubError::Setting {
            variable: setting.variable,
            value: without_credentials(&setting.value).to_owned(),
            expected: "the URL of a proxy: http://, https://, socks5://, socks5h://, socks4:// or \
                       socks4a://HOST:PORT"
                .to_owned(),
        })
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address = address.parse().ok()?;
            return Some(Self::Network { address, bits: bits.parse().ok()? });
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Some(Self::Network { address, bits: 128 });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let name = name.trim_start_matches('*').trim_matches('.').to_lowercase();
        (!name.is_empty()).then_some(Self::Domain { name, port })
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Domain { name, port: only } => {
                let host = host.to_lowercase();
                let rest = host.strip_suffix(&**name);
                let is_within = rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                is_within && only.is_none_or(|only| only == port)
            }
            Self::Network { address, bits } => {
                let host = host.trim_matches(['[', ']']).parse();
                host.is_ok_and(|host| share_bits(*address, host, *bits))
            }
        }
    }
}

/// Returns true if two addresses of the same family share their first `bits`, or all of them.
fn share_bits(a: IpAddr, b: IpAddr, bits: u32) -> bool {
    let (differing, width) = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits() ^ b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits(), 128),
        _ => return false,
    };
    differing.checked_shr(width - bits.min(width)).unwrap_or(0) == 0
}

fn first(get: &dyn Fn(&str) -> Option<String>, names: [&'static str; 2]) -> Option<Setting> {
    let (variable, value) = names
        .into_iter()
        .find_map(|name| get(name).map(|value| (name, value.trim().to_owned())))?;
    (!value.is_empty()).then_some(Setting { variable, value })
}

/// Returns a proxy's URL from its host on.
fn without_credentials(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxies = Proxies::from_variables(&|name| {
            let variable = variables.iter().find(|(variable, _)| *variable == name);
            variable.map(|(_, value)| (*value).to_owned())
        });
        let proxy = proxies.of(&url.parse().unwrap()).unwrap()?;
        Some(format!("{}://{}:{}", proxy.uri().scheme_str()?, proxy.host(), proxy.port()))
    }

    // Expectations: urllib.request.getproxies_hub() and proxy_bypass_hub().
    #[test]
    fn the_proxy_is_that_of_the_scheme() {
        let http = ("HTTP_PROXY", "http://plain:1");
        let https = ("HTTPS_PROXY", "secure:2");
        let all = ("ALL_PROXY", "socks5h://all:3");
        for (variables, of_http, of_https) in [
            (&[][..], None, None),
            (&[http], Some("http://plain:1"), None),
            (&[https], None, Some("http://secure:2")),
            (&[all], Some("socks5h://all:3"), Some("socks5h://all:3")),
            (&[all, http], Some("http://plain:1"), Some("socks5h://all:3")),
            (&[https, ("https_proxy", "http://lower:4")], None, Some("http://lower:4")),
            (&[https, ("https_proxy", "")], None, None),
        ] {
            assert_eq!(proxy_of(variables, "http://hub/x").as_deref(), of_http, "{variables:?}");
            assert_eq!(proxy_of(variables, "https://hub/x").as_deref(), of_https, "{variables:?}");
        }
    }

    #[test]
    fn hosts_of_no_proxy_are_reached_directly() {
        for (list, url, direct) in [
            ("example.com", "https://example.com/x", true),
            ("example.com", "https://hub.EXAMPLE.com/x", true),
            ("example.com", "https://badexample.com/x", false),
            (".example.com", "https://hub.example.com/x", true),
            ("*.example.com", "https://hub.example.com/x", true),
            ("other, example.com", "https://example.com/x", true),
            ("example.com:8443", "https://example.com:8443/x", true),
            ("example.com:8443", "https://example.com/x", false),
            ("example.com:443", "https://example.com/x", true),
            ("*", "https://example.com/x", true),
            ("", "https://example.com/x", false),
            ("10.1.0.0/16", "https://10.1.2.3/x", true),
            ("10.1.0.0/16", "https://10.2.2.3/x", false),
            ("0.0.0.0/0", "https://10.2.2.3/x", true),
            ("127.0.0.1", "https://127.0.0.1:80/x", true),
            ("127.0.0.1", "https://127.0.0.2/x", false),
            ("fd00::/8", "https://[fd12::1]/x", true),
            ("[::1]", "https://[::1]/x", true),
            ("10.1.0.0/99", "https://10.1.2.3/x", false),
        ] {
            let variables = [("https_proxy", "http://proxy:1"), ("no_proxy", list)];
            assert_eq!(proxy_of(&variables, url).is_none(), direct, "{list}: {url}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_an_error_without_the_password() {
        for value in ["ftp://user:secret@proxy:1", "http://user:secret@", "user:secret@bad host"] {
            let get = |name: &str| (name == "ALL_PROXY").then(|| value.to_owned());
            let proxies = Proxies::from_variables(&get);
            let error = proxies.of(&"https://hub/x".parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains("ALL_PROXY") && !error.contains("secret"), "{error}");
        }
    }
}
