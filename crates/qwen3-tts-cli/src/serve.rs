//! `serve`: a speech service.

mod log;
mod signals;

use std::io::Write;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;

use qwen3_tts_files::strip_bom;
use qwen3_tts_pipeline::{DeviceKind, LoadOptions, ModelFiles};
use qwen3_tts_server::{ModelSetting, Server, ServerError, Settings, TlsFiles};

use crate::args::{Device, KvCache, ServeArgs, Time};
use crate::demo;
use crate::failure::{Failure, Result};
use crate::model;
use crate::note::{is_quiet, note, warn};

pub fn run(args: ServeArgs) -> Result {
    let args = with_file(args)?;
    log::start(args.log.unwrap_or_default(), args.log_level.as_deref())?;
    let is_demo = args.model.is_none();
    let settings = settings(args)?;
    warn_if_public(&settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Other(format!("no threads: {error}")))?;
    runtime.block_on(async {
        let stop = signals::stop()?;
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        let server = Server::bind(settings).await?;
        // The one line on standard output, for programs that start the service.
        let address = format!("{scheme}://{}", server.address());
        println(&address)?;
        note(&format!("serving {address}, which has a page to try; Ctrl-C stops"));
        if is_demo {
            note(demo::Use::Preset.note());
        }
        Ok(server.serve(stop).await?)
    })
}

fn println(line: &str) -> Result {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    match written.map_err(|error| Failure::stdout(&error)) {
        // The service does not need a reader.
        Err(Failure::ReaderGone) => Ok(()),
        written => written,
    }
}

/// Adds the file of settings.
fn with_file(args: ServeArgs) -> Result<ServeArgs> {
    let Some(path) = &args.config else { return Ok(args) };
    let content = read_text(path)?;
    let file = toml::from_str(&content).map_err(|error| {
        let place = error.span().map(|span| line_of(&content, span.start));
        let place = place.map_or(String::new(), |line| format!(", line {line}"));
        Failure::request(format!("{}{place}: {}", path.display(), error.message()))
    })?;
    Ok(args.or(file))
}

fn line_of(content: &str, position: usize) -> usize {
    content.bytes().take(position).filter(|&byte| byte == b'\n').count() + 1
}

fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| Failure::reading(path, &error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::request(format!("{}: expected UTF-8", path.display())))?;
    Ok(strip_bom(&text).to_owned())
}

fn settings(args: ServeArgs) -> Result<Settings> {
    let mut settings = Settings::default();
    settings.load = load_options(&args);
    settings.models = models(&args)?;
    settings.api_keys = api_keys(&args)?;
    settings.tls = tls(&args)?;
    set(&mut settings.host, args.host);
    set(&mut settings.port, args.port);
    settings.wyoming = args.wyoming;
    settings.cors = args.cors.unwrap_or_default();
    settings.idle_unload = args.idle_unload.map(|Time(time)| time);

    let voices = &mut settings.voices;
    voices.directory = args.voices;
    let aliases = args.alias.unwrap_or_default().into_iter();
    voices.aliases = aliases.map(|alias| (alias.name.to_lowercase(), alias.voice)).collect();
    set(&mut voices.max_voices, args.max_voices);
    set(&mut voices.max_recording_bytes, args.max_recording.map(|mib| mib.saturating_mul(1 << 20)));

    let limits = &mut settings.limits;
    set(&mut limits.max_requests, args.max_requests);
    limits.max_requests_per_key = args.max_requests_per_key.unwrap_or(limits.max_requests);
    set(&mut limits.max_text_chars, args.max_text);
    // A character has at most four bytes, or twelve in JSON if it is escaped.
    let text_bytes = limits.max_text_chars.saturating_mul(12);
    limits.max_body_bytes = limits.max_body_bytes.max(text_bytes);
    set(&mut limits.max_sessions, args.max_sessions);
    set(&mut limits.slow_reader, args.slow_reader.map(|Time(time)| time));
    set(&mut limits.idle_session, args.idle_session.map(|Time(time)| time));
    set(&mut limits.drain, args.drain.map(|Time(time)| time));
    set(&mut limits.drain_delay, args.drain_delay.map(|Time(time)| time));
    Ok(settings)
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

fn load_options(args: &ServeArgs) -> LoadOptions {
    let device = match args.device {
        Some(Device::Mlx) => DeviceKind::Mlx,
        Some(Device::Cpu) | None => DeviceKind::Cpu,
    };
    let mut options = LoadOptions::default().device(device);
    options.threads = args.threads;
    set(&mut options.quantize, args.quantize);
    set(&mut options.max_active, args.batch_size);
    model::with_cache(options, args.kv_cache.unwrap_or(KvCache::I16))
}

/// Returns the models, downloaded if necessary; without any, the two checkpoints of the demo voice.
fn models(args: &ServeArgs) -> Result<Vec<ModelSetting>> {
    let Some(models) = &args.model else {
        let uses = [("demo", demo::Use::Preset), ("demo-base", demo::Use::Cloning)];
        let setting = |(name, wanted): (&str, demo::Use)| {
            ModelSetting::new(name, wanted.files()).text_mode(wanted.text_mode())
        };
        return Ok(uses.map(setting).into());
    };
    let named = models.iter().map(|model| {
        let directory = model::directory(&model.source, !is_quiet())?;
        Ok(ModelSetting::new(&model.name, ModelFiles::directory(directory)))
    });
    named.collect()
}

fn api_keys(args: &ServeArgs) -> Result<Vec<String>> {
    let mut keys = args.api_key.clone().unwrap_or_default();
    if let Some(path) = &args.api_keys {
        let content = read_text(path)?;
        let lines = content.lines().map(str::trim);
        keys.extend(
            lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned),
        );
        if keys.is_empty() {
            let message =
                format!("{}: there is no key in it, and everybody could speak", path.display());
            return Err(Failure::request(message));
        }
    }
    Ok(keys)
}

fn tls(args: &ServeArgs) -> Result<Option<TlsFiles>> {
    match (args.tls_certificate.clone(), args.tls_key.clone()) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        _ => Err(Failure::request("TLS needs both --tls-certificate and --tls-key")),
    }
}

/// Warns if machines elsewhere can use the service without a key.
fn warn_if_public(settings: &Settings) {
    if settings.api_keys.is_empty() && !is_loopback(&settings.host) {
        warn(&format!(
            "everybody who reaches {} can use this service: set keys with --api-keys FILE",
            settings.host
        ));
    }
    let wyoming = settings.wyoming.as_deref().and_then(|address| address.rsplit_once(':'));
    if let Some((host, _)) = wyoming.filter(|(host, _)| !is_loopback(host)) {
        warn(&format!("Wyoming has no keys: everybody who reaches {host} can use it"));
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let addresses = (host, 0).to_socket_addrs().map(|found| found.map(|found| found.ip()));
    addresses.is_ok_and(|mut addresses| addresses.all(|address: IpAddr| address.is_loopback()))
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Model(error) => error.into(),
            ServerError::Setting(reason) => Self::Request(reason),
            ServerError::WarmUp(reason) => Self::Model(reason),
            error => Self::Io(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_known() {
        for host in ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["0.0.0.0", "::", "192.168.1.5", "no such host"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn keys_come_from_flags_and_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        std::fs::write(&path, "\u{feff}# for tests\n\n first \nsecond\n").unwrap();
        let api_key = Some(vec!["flag".to_owned()]);
        let args = ServeArgs { api_key, api_keys: Some(path.clone()), ..Default::default() };
        assert_eq!(api_keys(&args).unwrap(), ["flag", "first", "second"]);
        std::fs::write(&path, "# none\n").unwrap();
        let args = ServeArgs { api_keys: Some(path), ..Default::default() };
        assert!(api_keys(&args).unwrap_err().reason().contains("no key"));
    }
}
