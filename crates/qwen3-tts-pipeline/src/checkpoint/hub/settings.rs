//! Settings of the hub, read from the environment variables.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// The hub and the cache on disk, where models are found by name.
///
/// [`Hub::from_env`] gives the usual settings; each field can then be changed.
///
/// The cache is the one that all Hugging Face libraries share: `$HF_HUB_CACHE`, else
/// `$HF_HOME/hub`, else `~/.cache/huggingface/hub`. A complete snapshot in it is used as it is,
/// without a request to the network. `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` have the same
/// meaning as in those libraries.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hub {
    /// Cache directory, which holds the snapshots.
    pub cache: PathBuf,
    /// URL of the server, without a slash at its end.
    pub endpoint: String,
    /// Access token, for models that are not open to everyone.
    pub token: Option<String>,
    /// True if the network must not be used.
    pub offline: bool,
}

impl Hub {
    /// Reads the environment variables that all Hugging Face libraries share.
    pub fn from_env() -> Self {
        let home = variable("HF_HOME").map_or_else(default_home, PathBuf::from);
        let token = variable("HF_TOKEN").or_else(|| stored_token(&home));
        let endpoint = variable("HF_ENDPOINT").unwrap_or("https://huggingface.co".to_owned());
        Self {
            cache: variable("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token,
            offline: variable("HF_HUB_OFFLINE").is_some_and(|value| is_true(&value)),
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
            .finish()
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn is_true(value: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str())
}

fn default_home() -> PathBuf {
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| env::home_dir().map(|home| home.join(".cache")));
    cache.unwrap_or_default().join("huggingface")
}

/// Reads the token that `huggingface-cli login` has stored.
fn stored_token(home: &Path) -> Option<String> {
    let path = variable("HF_TOKEN_PATH").map_or_else(|| home.join("token"), PathBuf::from);
    let token = std::fs::read_to_string(path).ok()?.trim().to_owned();
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_shown() {
        let hub = Hub {
            cache: PathBuf::from("cache"),
            endpoint: "https://hub".to_owned(),
            token: Some("secret".to_owned()),
            offline: false,
        };
        let shown = format!("{hub:?}");
        assert!(shown.contains("https://hub") && !shown.contains("secret"), "{shown}");
    }
}
