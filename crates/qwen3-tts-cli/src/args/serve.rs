//! Flags of `serve`, each of which is a key of its file of settings too.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use qwen3_tts_pipeline::Quantize;
use serde::de::{Deserialize, Deserializer, Error as _};

use super::compute::{Device, KvCache};
use super::usage;

/// Flags of `serve`. One that is missing is taken from the file of settings.
#[derive(Args, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServeArgs {
    /// File of settings in TOML: the names of these flags without the hyphens in front, such as
    /// port = 8000, and lists for flags that may be repeated
    #[arg(long, value_name = "FILE.toml", env = "QWEN3_TTS_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Model to serve, with the name that requests use; may be repeated. A request that names none
    /// is spoken by the first that can honour it [default: the built-in demo voice]
    #[arg(
        long,
        value_name = "[NAME=]DIR_OR_HUB_ID",
        env = "QWEN3_TTS_MODEL",
        value_delimiter = ','
    )]
    #[serde(default)]
    pub model: Option<Vec<NamedModel>>,

    /// Name or address of the interface to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "HOST", env = "QWEN3_TTS_HOST")]
    pub host: Option<String>,

    /// Port to listen on; 0 for a free one [default: 8000]
    #[arg(long, value_name = "PORT", env = "QWEN3_TTS_PORT", value_parser = port)]
    pub port: Option<u16>,

    /// Key that clients have to send; may be repeated. Other users of the machine see it: prefer the
    /// variable or --api-keys
    #[arg(
        long,
        value_name = "KEY",
        env = "QWEN3_TTS_API_KEY",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub api_key: Option<Vec<String>>,

    /// File with a key per line; lines that begin with # are ignored
    #[arg(long, value_name = "FILE", env = "QWEN3_TTS_API_KEYS")]
    pub api_keys: Option<PathBuf>,

    /// Certificates for TLS, in PEM
    #[arg(long, value_name = "FILE.pem", env = "QWEN3_TTS_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,

    /// Private key for TLS, in PEM
    #[arg(long, value_name = "FILE.pem", env = "QWEN3_TTS_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Origin whose pages may use the service, a scheme and a host, or * for all; may be repeated
    #[arg(long, value_name = "ORIGIN", env = "QWEN3_TTS_CORS", value_delimiter = ',')]
    pub cors: Option<Vec<String>>,

    /// Speak Wyoming, Home Assistant's protocol, at this address, such as 0.0.0.0:10200
    #[arg(long, value_name = "HOST:PORT", env = "QWEN3_TTS_WYOMING")]
    pub wyoming: Option<String>,

    /// Directory of registered voices, which may be shared by several services
    #[arg(long, value_name = "DIR", env = "QWEN3_TTS_VOICES")]
    pub voices: Option<PathBuf>,

    /// Another name of a voice: a speaker, a blend or a registered voice; may be repeated
    #[arg(long, value_name = "NAME=VOICE")]
    pub alias: Option<Vec<Alias>>,

    /// Maximum number of registered voices [default: 1000]
    #[arg(long, value_name = "N", value_parser = usage::positive)]
    pub max_voices: Option<usize>,

    /// Bits to quantise weights to at load: 8, 6, 4 or none; or by part, such as
    /// talker=4,code-predictor=4. With 4, the code predictor has 8 [default: none]
    #[arg(long, value_name = "BITS", env = "QWEN3_TTS_QUANTIZE")]
    #[serde(default, deserialize_with = "scalar")]
    pub quantize: Option<Quantize>,

    /// Type of the keys and values of earlier positions on the CPU [default: i16]
    #[arg(long, value_name = "TYPE")]
    pub kv_cache: Option<KvCache>,

    /// Device to compute on; mlx needs a build with the feature `mlx` [default: cpu]
    #[arg(long, value_enum)]
    pub device: Option<Device>,

    /// Number of compute threads of each model [default: one per available core]
    #[arg(long, value_name = "N", env = "QWEN3_TTS_THREADS", value_parser = usage::positive)]
    pub threads: Option<usize>,

    /// Maximum number of requests, or pieces of long ones, that a model speaks together [default: 8]
    #[arg(long, value_name = "N", env = "QWEN3_TTS_BATCH_SIZE", value_parser = usage::positive)]
    pub batch_size: Option<usize>,

    /// Time without a request after which a model is freed, such as 10m [default: never]
    #[arg(long, value_name = "TIME")]
    pub idle_unload: Option<Time>,

    /// Maximum number of requests that are spoken or waiting; one more is refused [default: 64]
    #[arg(long, value_name = "N", env = "QWEN3_TTS_MAX_REQUESTS", value_parser = usage::positive)]
    pub max_requests: Option<usize>,

    /// Maximum number of requests of one key [default: that of --max-requests]
    #[arg(long, value_name = "N", value_parser = usage::positive)]
    pub max_requests_per_key: Option<usize>,

    /// Maximum number of characters of a text [default: 100000]
    #[arg(long, value_name = "N", value_parser = usage::positive)]
    pub max_text: Option<usize>,

    /// Maximum size of an uploaded recording in MiB [default: 10]
    #[arg(long, value_name = "MIB", value_parser = usage::positive)]
    pub max_recording: Option<usize>,

    /// Maximum number of WebSocket sessions, and of Wyoming sessions [default: 64]
    #[arg(long, value_name = "N", value_parser = usage::positive)]
    pub max_sessions: Option<usize>,

    /// Time that a client may leave audio unread before it is cut [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub slow_reader: Option<Time>,

    /// Time that a session may be silent before it is closed [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub idle_session: Option<Time>,

    /// Time in which requests are finished when the service is stopped [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub drain: Option<Time>,

    /// Time that a stopped service goes on answering 503, until its balancer has noticed
    /// [default: 0s]
    #[arg(long, value_name = "TIME")]
    pub drain_delay: Option<Time>,

    /// Form of the log on standard error [default: text]
    #[arg(long, value_enum, value_name = "FORM", env = "QWEN3_TTS_LOG")]
    pub log: Option<LogForm>,

    /// Least important lines of the log: error, warn, info, debug or trace; or by part, such as
    /// warn,qwen3_tts_server=debug [default: info]
    #[arg(long, value_name = "LEVEL", env = "QWEN3_TTS_LOG_LEVEL")]
    pub log_level: Option<String>,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogForm {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object per line
    Json,
}

macro_rules! fill {
    ($args:ident from $file:ident: $($field:ident)*) => {
        $($args.$field = $args.$field.take().or($file.$field);)*
    };
}

impl ServeArgs {
    /// Takes what is missing from the file of settings.
    pub fn or(mut self, file: Self) -> Self {
        fill!(self from file: model host port api_key api_keys tls_certificate tls_key cors wyoming
            voices alias max_voices quantize kv_cache device threads batch_size idle_unload
            max_requests max_requests_per_key max_text max_recording max_sessions slow_reader
            idle_session drain drain_delay log log_level);
        self
    }
}

/// A model with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedModel {
    pub name: String,
    /// Directory or hub id.
    pub source: String,
}

/// Another name of a voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub name: String,
    pub voice: String,
}

/// A time, such as 500ms, 30s, 10m or 2h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl FromStr for NamedModel {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, String> {
        let (name, source) = match argument.split_once('=') {
            Some((name, source)) => (name.trim(), source.trim()),
            None => (last_part(argument), argument),
        };
        if name.is_empty() || source.is_empty() {
            return Err("expected NAME=DIR_OR_HUB_ID".to_owned());
        }
        Ok(Self { name: name.to_owned(), source: source.to_owned() })
    }
}

/// Returns the last part of a path or a hub id, without its revision.
fn last_part(source: &str) -> &str {
    let path = source.trim_end_matches(['/', '\\']);
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.split('@').next().unwrap_or(name)
}

impl FromStr for Alias {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, String> {
        let parts = argument.split_once('=').map(|(name, voice)| (name.trim(), voice.trim()));
        let parts = parts.filter(|(name, voice)| !name.is_empty() && !voice.is_empty());
        let (name, voice) = parts.ok_or("expected NAME=VOICE, such as alloy=ryan")?;
        Ok(Self { name: name.to_owned(), voice: voice.to_owned() })
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, String> {
        let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("", 1.0)];
        let seconds = units.iter().find_map(|(unit, seconds)| {
            let number = argument.strip_suffix(unit)?.trim().parse::<f64>().ok()?;
            Some(number * seconds)
        });
        let time = seconds.filter(|seconds| (0.0..=1e6).contains(seconds));
        let time = time.map(|seconds| Duration::from_millis((1000.0 * seconds).round() as u64));
        time.map(Self).ok_or_else(|| "expected a time such as 500ms, 30s or 10m".to_owned())
    }
}

fn port(argument: &str) -> Result<u16, String> {
    argument.parse().map_err(|_| "expected a port, 0 to 65535".to_owned())
}

/// Reads a value as the flag would read it: text, or a number without quotes.
fn scalar<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    parsed(deserializer).map(Some)
}

fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        value @ (toml::Value::Integer(_) | toml::Value::Float(_)) => value.to_string(),
        _ => return Err(D::Error::custom("expected a text or a number")),
    };
    text.parse().map_err(D::Error::custom)
}

macro_rules! deserialize_as_flag {
    ($($name:ident)*) => {
        $(impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                parsed(deserializer)
            }
        })*
    };
}
deserialize_as_flag!(NamedModel Alias Time);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn flags(line: &str) -> ServeArgs {
        Command::parse_from(line.split_whitespace()).args
    }

    /// Every key of the file has its flag, and the flag wins.
    #[test]
    fn files_say_what_flags_say() {
        let file = r#"
            model = ["small=/models/0.6B", "Qwen/Qwen3-TTS-12Hz-1.7B-Base@main"]
            host = "0.0.0.0"
            port = 80
            api-key = ["one", "two"]
            api-keys = "keys"
            tls-certificate = "cert.pem"
            tls-key = "key.pem"
            cors = ["*"]
            wyoming = "0.0.0.0:10200"
            voices = "voices"
            alias = ["alloy=ryan:0.7,vivian:0.3"]
            max-voices = 5
            quantize = 8
            kv-cache = "f32"
            device = "cpu"
            threads = 4
            batch-size = 16
            idle-unload = "10m"
            max-requests = 9
            max-requests-per-key = 3
            max-text = 5000
            max-recording = 2
            max-sessions = 7
            slow-reader = 5
            idle-session = "2.5s"
            drain = "1h"
            drain-delay = "500ms"
            log = "json"
            log-level = "debug"
        "#;
        let file: ServeArgs = toml::from_str(file).unwrap();
        let same = flags(
            "serve --model small=/models/0.6B --model Qwen/Qwen3-TTS-12Hz-1.7B-Base@main \
             --host 0.0.0.0 --port 80 --api-key one,two --api-keys keys --tls-certificate cert.pem \
             --tls-key key.pem --cors * --wyoming 0.0.0.0:10200 --voices voices \
             --alias alloy=ryan:0.7,vivian:0.3 --max-voices 5 --quantize 8 --kv-cache f32 \
             --device cpu --threads 4 --batch-size 16 --idle-unload 10m --max-requests 9 \
             --max-requests-per-key 3 --max-text 5000 --max-recording 2 --max-sessions 7 \
             --slow-reader 5 --idle-session 2500ms --drain 60m --drain-delay 0.5s --log json \
             --log-level debug",
        );
        assert_eq!(file, same);
        assert_eq!(ServeArgs::default().or(file), same);
        let flags = flags("serve --port 81 --alias echo=ryan").or(same);
        assert_eq!((flags.port, flags.host.as_deref()), (Some(81), Some("0.0.0.0")));
        assert_eq!(flags.alias.unwrap().len(), 1);
    }

    #[test]
    fn models_have_names() {
        let of = |argument: &str| {
            argument.parse().map(|NamedModel { name, source }| format!("{name} is {source}"))
        };
        assert_eq!(of("a=/m/b").unwrap(), "a is /m/b");
        assert_eq!(of("/m/b/").unwrap(), "b is /m/b/");
        assert_eq!(of("Qwen/X@v1").unwrap(), "X is Qwen/X@v1");
        for wrong in ["", "=b", "a=", "/"] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_errors() {
        for (file, expected) in [
            ("prot = 80", "unknown field `prot`"),
            ("port = 80000", "80000"),
            ("slow-reader = \"soon\"", "expected a time"),
            ("model = [\"a=\"]", "expected NAME=DIR_OR_HUB_ID"),
            ("quantize = 3", "3"),
        ] {
            let error = toml::from_str::<ServeArgs>(file).unwrap_err().to_string();
            assert!(error.contains(expected), "{file}: {error}");
        }
    }
}
