//! Settings of the service.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use qwen3_tts_pipeline::{LoadOptions, ModelFiles, TextMode};

/// Settings of the service. [`Settings::default`] has no model yet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Name or address of the interface to listen on.
    pub host: String,
    /// Port; 0 for any free one.
    pub port: u16,
    /// Certificate and key for TLS. Without them the service speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// `HOST:PORT` of the Wyoming protocol, which is off without it.
    pub wyoming: Option<String>,
    /// Origins whose pages may use the service, or `*` for all.
    pub cors: Vec<String>,
    /// Keys, one of which a client has to send. Without any, everybody can speak.
    pub api_keys: Vec<String>,
    /// The models in order. The first that can honour a request speaks it, unless it names one.
    pub models: Vec<ModelSetting>,
    /// Options of loading a model.
    pub load: LoadOptions,
    /// Time without a request after which a model is freed. `None` keeps models.
    pub idle_unload: Option<Duration>,
    /// Voices.
    pub voices: VoiceSettings,
    /// Limits.
    pub limits: Limits,
}

/// A model under a name.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelSetting {
    /// Name that requests use.
    pub name: String,
    /// Files of the checkpoint.
    pub files: ModelFiles,
    /// Text mode of requests that ask for none, if it is not the published default.
    pub text_mode: Option<TextMode>,
}

/// Files for TLS, in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Chain of certificates.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Settings of the voices.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VoiceSettings {
    /// Directory of registered voices. Without it there are none, and uploads are refused.
    pub directory: Option<PathBuf>,
    /// Other names of voices: a speaker, a blend of speakers, or a registered voice.
    pub aliases: BTreeMap<String, String>,
    /// Maximum number of registered voices.
    pub max_voices: usize,
    /// Maximum size of an uploaded recording in bytes.
    pub max_recording_bytes: usize,
    /// Memory for voices that are ready to be used, in bytes.
    pub cache_bytes: usize,
}

/// Limits of requests.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum number of requests that are spoken or waiting.
    pub max_requests: usize,
    /// Maximum number of requests of one key, or of all clients without one.
    pub max_requests_per_key: usize,
    /// Maximum number of characters of a text.
    pub max_text_chars: usize,
    /// Maximum size of a body in bytes, without that of a recording in it.
    pub max_body_bytes: usize,
    /// Maximum number of WebSocket and Wyoming sessions, each.
    pub max_sessions: usize,
    /// Time that a client may leave audio unread.
    pub slow_reader: Duration,
    /// Time that a session may be silent while it has nothing to be spoken.
    pub idle_session: Duration,
    /// Time in which a client has to send the head of a request, and its body.
    pub receive: Duration,
    /// Time that the service goes on refusing requests, rather than connections, when it ends: as
    /// long as a balancer takes to notice.
    pub drain_delay: Duration,
    /// Time in which requests are finished when the service ends.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8000,
            tls: None,
            wyoming: None,
            cors: Vec::new(),
            api_keys: Vec::new(),
            models: Vec::new(),
            load: LoadOptions::default(),
            idle_unload: None,
            voices: VoiceSettings::default(),
            limits: Limits::default(),
        }
    }
}

impl ModelSetting {
    /// Gives a model a name.
    pub fn new(name: impl Into<String>, files: ModelFiles) -> Self {
        Self { name: name.into(), files, text_mode: None }
    }

    /// Sets the text mode of requests that ask for none.
    pub fn text_mode(self, text_mode: Option<TextMode>) -> Self {
        Self { text_mode, ..self }
    }
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self {
            directory: None,
            aliases: BTreeMap::new(),
            max_voices: 1000,
            max_recording_bytes: 10 << 20,
            cache_bytes: 64 << 20,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_requests: 64,
            max_requests_per_key: 64,
            max_text_chars: 100_000,
            max_body_bytes: 1 << 20,
            max_sessions: 64,
            slow_reader: Duration::from_secs(30),
            idle_session: Duration::from_secs(30),
            receive: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            drain: Duration::from_secs(60),
        }
    }
}
