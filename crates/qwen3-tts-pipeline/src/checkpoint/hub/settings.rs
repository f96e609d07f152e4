//! Settings of the hub, read from environment variables.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::certificates::Certificates;
use super::error::HubError;
use super::proxy::Proxies;

/// The hub and the cache on disk, where models are found by name.
///
/// A model is named `owner/name`, `owner/name@revision`, by the URL of its page, or by its folder
/// `models--owner--name` in a cache. The cache is the one that all Hugging Face libraries share:
/// `$HF_HUB_CACHE`, else `$HF_HOME/hub`, else `~/.cache/huggingface/hub`. [`Hub::resolve`] uses a
/// complete snapshot in it as it is, without a request to the network; [`Hub::download`] checks it
/// against the hub.
///
/// [`Hub::from_env`] gives the usual settings; each field can then be changed. These environment
/// variables have the same meaning as in those libraries: `HF_ENDPOINT`, `HF_TOKEN`,
/// `HF_TOKEN_PATH`, `HF_HUB_OFFLINE`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_ETAG_TIMEOUT`,
/// `HF_HUB_DOWNLOAD_TIMEOUT` and `HF_HUB_DISABLE_PROGRESS_BARS`; for proxies `HTTPS_PROXY`,
/// `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`; for certificates `REQUESTS_CA_BUNDLE`,
/// `CURL_CA_BUNDLE`, `SSL_CERT_FILE` and `SSL_CERT_DIR`.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hub {
    /// Cache directory, which holds the snapshots.
    pub cache: PathBuf,
    /// URL of the server, without a slash at its end.
    pub endpoint: String,
    /// Access token, for models that are not open to everyone. It is sent to the server only.
    pub token: Option<String>,
    /// True if the network must not be used.
    pub offline: bool,
    /// True if progress should be shown. This is for callers that show it; the library does not
    /// read it.
    pub show_progress: bool,
    /// Longest wait for the server's answer about a model.
    pub metadata_timeout: Duration,
    /// Longest wait for a connection, and for the next bytes of a file.
    pub download_timeout: Duration,
    /// Maximum number of consecutive retries after transient failures of the network or the server.
    pub retries: u32,
    pub(super) proxies: Proxies,
    pub(super) certificates: Certificates,
    /// The first variable with an invalid value.
    invalid: Option<Invalid>,
}

#[derive(Clone)]
struct Invalid {
    variable: &'static str,
    value: String,
    expected: &'static str,
}

/// Default of both timeouts.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Default of [`Hub::retries`].
const RETRIES: u32 = 5;

impl Hub {
    /// Reads the environment variables that all Hugging Face libraries share, those that name
    /// proxies, and those that name certificates.
    pub fn from_env() -> Self {
        Self::from_variables(|name| match name {
            "HOME" => env::home_dir()?.into_os_string().into_string().ok(),
            _ => env::var(name).ok(),
        })
    }

    /// Does the same with the variables that `get` returns. `HOME` is the user's directory on every
    /// system.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Self {
        let variables = Variables { get: &get };
        let mut invalid = None;
        let mut seconds = |variable| {
            variables.seconds(variable).unwrap_or_else(|error| {
                invalid.get_or_insert(error);
                TIMEOUT
            })
        };
        let metadata_timeout = seconds("HF_HUB_ETAG_TIMEOUT");
        let download_timeout = seconds("HF_HUB_DOWNLOAD_TIMEOUT");
        let home = variables.home();
        let cache = variables.path("HF_HUB_CACHE").or(variables.path("HUGGINGFACE_HUB_CACHE"));
        let offline =
            variables.text("HF_HUB_OFFLINE").or_else(|| variables.text("TRANSFORMERS_OFFLINE"));
        let endpoint = variables.text("HF_ENDPOINT").unwrap_or("https://huggingface.co".to_owned());
        Self {
            cache: cache.unwrap_or_else(|| home.join("hub")),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: variables.token(&home),
            offline: is_true(offline),
            show_progress: !is_true(variables.text("HF_HUB_DISABLE_PROGRESS_BARS")),
            metadata_timeout,
            download_timeout,
            retries: RETRIES,
            proxies: Proxies::from_variables(&get),
            certificates: Certificates::from_variables(&get),
            invalid,
        }
    }

    /// Returns an error if a variable that matters to downloads has an invalid value.
    pub(super) fn check(&self) -> Result<(), HubError> {
        match &self.invalid {
            None => Ok(()),
            Some(Invalid { variable, value, expected }) => Err(HubError::Setting {
                variable,
                value: value.clone(),
                expected: (*expected).to_owned(),
            }),
        }
    }
}

/// Shows that there is a token, but not the token.
impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

/// Hub variables. An empty one counts as not set.
struct Variables<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
}

impl Variables<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// Returns a path with `~`, `$NAME` and `${NAME}` expanded. Names that are not set stay.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let path = self.text(name)?;
        let expanded = shellexpand::full_with_context_no_errors(
            &path,
            || self.text("HOME"),
            |variable| (self.get)(variable),
        );
        Some(PathBuf::from(&*expanded))
    }

    fn seconds(&self, variable: &'static str) -> Result<Duration, Invalid> {
        let Some(value) = self.text(variable) else { return Ok(TIMEOUT) };
        match value.parse::<u64>() {
            // Zero stands for the default in the other libraries.
            Ok(0) => Ok(TIMEOUT),
            Ok(seconds) => Ok(Duration::from_secs(seconds)),
            Err(_) => Err(Invalid { variable, value, expected: "a whole number of seconds" }),
        }
    }

    fn home(&self) -> PathBuf {
        let user = || self.text("HOME").map(|home| Path::new(&home).join(".cache"));
        self.path("HF_HOME").unwrap_or_else(|| {
            self.path("XDG_CACHE_HOME").or_else(user).unwrap_or_default().join("huggingface")
        })
    }

    /// Returns the token of the variables, else that which `hf auth login` has stored.
    fn token(&self, home: &Path) -> Option<String> {
        if is_true(self.text("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
            return None;
        }
        self.text("HF_TOKEN").or_else(|| self.text("HUGGING_FACE_HUB_TOKEN")).or_else(|| {
            let path = self.path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
            let token = std::fs::read_to_string(path).ok()?.trim().to_owned();
            (!token.is_empty()).then_some(token)
        })
    }
}

fn is_true(value: Option<String>) -> bool {
    value.is_some_and(|value| ["1", "on", "yes", "true"].contains(&&*value.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings that variables give.
    fn settings(variables: &[(&str, &str)]) -> Hub {
        Hub::from_variables(|name| {
            let variable = variables.iter().find(|(variable, _)| *variable == name);
            variable.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_token_is_not_shown() {
        let shown = format!("{:?}", settings(&[("HF_TOKEN", "secret")]));
        assert!(shown.contains("https://huggingface.co") && !shown.contains("secret"), "{shown}");
    }

    // The order and the expansion are those of huggingface_hub's `constants.py`.
    #[test]
    fn the_cache_is_where_other_libraries_have_it() {
        let home = ("HOME", "/users/ann");
        for (variables, cache) in [
            (&[home][..], "/users/ann/.cache/huggingface/hub"),
            (&[home, ("XDG_CACHE_HOME", "/cache")], "/cache/huggingface/hub"),
            (&[home, ("XDG_CACHE_HOME", "~/cache")], "/users/ann/cache/huggingface/hub"),
            (&[home, ("HF_HOME", "/models"), ("XDG_CACHE_HOME", "/cache")], "/models/hub"),
            (&[home, ("HF_HOME", "~/x")], "/users/ann/x/hub"),
            (&[home, ("HF_HOME", "~")], "/users/ann/hub"),
            (&[home, ("HF_HOME", "$HOME/x")], "/users/ann/x/hub"),
            (&[home, ("HF_HOME", "${HOME}/x")], "/users/ann/x/hub"),
            (&[home, ("HF_HOME", "/$A/${B}/x"), ("A", "a"), ("B", "b")], "/a/b/x/hub"),
            (&[home, ("HF_HOME", "/$NONE/x")], "/$NONE/x/hub"),
            (&[home, ("HF_HOME", "/a~b")], "/a~b/hub"),
            (&[home, ("HF_HOME", "")], "/users/ann/.cache/huggingface/hub"),
            (&[home, ("HUGGINGFACE_HUB_CACHE", "~/old")], "/users/ann/old"),
            (
                &[home, ("HF_HUB_CACHE", "$HOME/new"), ("HUGGINGFACE_HUB_CACHE", "/old")],
                "/users/ann/new",
            ),
        ] {
            assert_eq!(settings(variables).cache, Path::new(cache), "{variables:?}");
        }
    }

    #[test]
    fn the_token_is_that_of_other_libraries() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().to_str().unwrap();
        std::fs::write(home.path().join("token"), "stored\n").unwrap();
        std::fs::write(home.path().join("other"), "other").unwrap();
        let hf_home = ("HF_HOME", folder);
        for (variables, token) in [
            (&[hf_home][..], Some("stored")),
            (&[hf_home, ("HF_TOKEN_PATH", "$HF_HOME/other")], Some("other")),
            (&[hf_home, ("HF_TOKEN_PATH", "$HF_HOME/none")], None),
            (&[hf_home, ("HUGGING_FACE_HUB_TOKEN", "old")], Some("old")),
            (&[hf_home, ("HUGGING_FACE_HUB_TOKEN", "old"), ("HF_TOKEN", " new\n")], Some("new")),
            (&[hf_home, ("HF_TOKEN", "new"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")], None),
        ] {
            assert_eq!(settings(variables).token.as_deref(), token, "{variables:?}");
        }
    }

    #[test]
    fn switches_and_timeouts_are_read() {
        let defaults = settings(&[]);
        assert!(!defaults.offline && defaults.show_progress);
        assert_eq!(defaults.download_timeout, TIMEOUT);
        for value in ["1", "ON", "Yes", "true"] {
            assert!(settings(&[("HF_HUB_OFFLINE", value)]).offline, "{value}");
            assert!(settings(&[("TRANSFORMERS_OFFLINE", value)]).offline, "{value}");
            assert!(!settings(&[("HF_HUB_DISABLE_PROGRESS_BARS", value)]).show_progress, "{value}");
        }
        for value in ["0", "off", "no", ""] {
            assert!(!settings(&[("HF_HUB_OFFLINE", value)]).offline, "{value}");
        }
        assert!(!settings(&[("HF_HUB_OFFLINE", "0"), ("TRANSFORMERS_OFFLINE", "1")]).offline);
        let timeouts = settings(&[("HF_HUB_DOWNLOAD_TIMEOUT", "7"), ("HF_HUB_ETAG_TIMEOUT", "30")]);
        assert_eq!(timeouts.download_timeout, Duration::from_secs(7));
        assert_eq!(timeouts.metadata_timeout, Duration::from_secs(30));
        for value in ["ten", "1.5", "-1"] {
            let error =
                settings(&[("HF_HUB_ETAG_TIMEOUT", value)]).check().unwrap_err().to_string();
            assert!(error.contains("HF_HUB_ETAG_TIMEOUT") && error.contains(value), "{error}");
        }
    }
}
