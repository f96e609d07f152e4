//! What the process environment says about the hub.

use std::env;
use std::path::PathBuf;

/// Where the hub and its cache are.
#[derive(Clone)]
pub struct Environment {
    /// The cache that snapshots are in.
    pub cache: PathBuf,
    /// The server, without a slash at its end.
    pub endpoint: String,
    /// Sent to the server, for models that ask for it.
    pub token: Option<String>,
    /// Whether the network is off limits.
    pub offline: bool,
}

impl Environment {
    /// Reads the variables that Hugging Face libraries agree on.
    pub fn from_process() -> Self {
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

/// What `huggingface-cli login` stored.
fn stored_token(home: &std::path::Path) -> Option<String> {
    let path = variable("HF_TOKEN_PATH").map_or_else(|| home.join("token"), PathBuf::from);
    let token = std::fs::read_to_string(path).ok()?.trim().to_owned();
    (!token.is_empty()).then_some(token)
}
