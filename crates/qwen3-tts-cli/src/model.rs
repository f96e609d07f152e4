//! Checkpoint and load options from the flags.

use std::path::PathBuf;

use qwen3_tts_pipeline::{DeviceKind, Hub, LoadOptions, ModelFiles};
use serde_json::{Value, json};

use crate::args::{Device, KvCache, ModelArgs};
use crate::demo;
use crate::failure::{Failure, Result};
use crate::identity::{fingerprint, stamp};
use crate::progress::DownloadBar;

/// Returns the files that `--model` names, downloaded if necessary; without it, the built-in files
/// for `wanted`.
pub fn files(model: Option<&str>, wanted: demo::Use, show_progress: bool) -> Result<ModelFiles> {
    let Some(model) = model else { return Ok(wanted.files()) };
    Ok(ModelFiles::directory(directory(model, show_progress)?))
}

/// Returns the directory of `model`, downloaded if necessary.
pub fn directory(model: &str, show_progress: bool) -> Result<PathBuf> {
    let hub = Hub::from_env();
    let mut bar = DownloadBar::new(show_progress && hub.show_progress);
    Ok(hub.resolve(model, &mut |progress| bar.update(progress))?)
}

/// Returns the files that `--model` names, without downloading.
pub fn local_files(model: Option<&str>) -> Result<ModelFiles> {
    let Some(model) = model else { return Ok(demo::Use::Preset.files()) };
    match Hub::from_env().find(model)? {
        Some(directory) => Ok(ModelFiles::directory(directory)),
        None => Err(Failure::NotFound(format!(
            "model {model} is not downloaded: run `qwen3-tts download {model}`"
        ))),
    }
}

/// Returns what a resumed run compares to tell models apart: the directory, and a fingerprint of the
/// sizes and times of change of its files.
pub fn identity(files: &ModelFiles) -> Value {
    let Some(directory) = files.path() else {
        return json!({ "built_in": env!("CARGO_PKG_VERSION") });
    };
    let stamps = files.sizes().into_iter().map(|(name, _)| {
        let stamp = stamp(&directory.join(&name)).unwrap_or_default();
        format!("{name}: {stamp}\n")
    });
    let resolved = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    json!({
        "directory": resolved.to_string_lossy(),
        "files": fingerprint(stamps.collect::<String>().as_bytes()),
    })
}

/// Returns the load options of `--device` and `--threads`.
pub fn options(args: &ModelArgs) -> LoadOptions {
    let device = match args.device {
        Device::Cpu => DeviceKind::Cpu,
        Device::Mlx => DeviceKind::Mlx,
    };
    let mut options = LoadOptions::default().device(device);
    options.threads = args.threads;
    options
}

/// Adds `--kv-cache` to the load options.
pub fn with_cache(options: LoadOptions, cache: KvCache) -> LoadOptions {
    match cache {
        KvCache::I16 => options,
        KvCache::F32 => options.float32_cache(),
    }
}
