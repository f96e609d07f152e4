//! All models by name, loaded when they are needed.

use std::sync::Arc;
use std::time::Duration;

use qwen3_tts_config::ModelConfig;
use qwen3_tts_pipeline::{LoadOptions, Result};
use tokio::sync::Mutex;

use super::loaded::LoadedModel;
use super::memory;
use super::need::Need;
use crate::error::{ApiError, ApiResult};
use crate::metrics::Metrics;
use crate::settings::{ModelSetting, Settings};

/// Names of OpenAI's models, any of which stands for the first model that can honour a request.
pub const ALIASES: [&str; 4] = ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "qwen3-tts"];

/// Memory in bytes that is left to the rest of the machine when a model is loaded.
const MARGIN: u64 = 256 << 20;

/// All models by name.
pub struct Models {
    entries: Vec<Arc<Entry>>,
    options: LoadOptions,
    metrics: Arc<Metrics>,
    /// Held while a model is loaded or freed, so that memory is counted once.
    loading: Mutex<()>,
}

/// A model that is loaded or not.
struct Entry {
    setting: ModelSetting,
    config: ModelConfig,
    /// Size of the files in bytes.
    bytes: u64,
    loaded: Mutex<Option<Arc<LoadedModel>>>,
}

/// Properties of a model, loaded or not.
#[derive(Debug, Clone, Copy)]
pub struct ModelFacts<'a> {
    pub name: &'a str,
    pub config: &'a ModelConfig,
}

impl ModelFacts<'_> {
    /// Returns the kind of the model as vllm-omni names it.
    pub fn task_type(&self) -> &'static str {
        if self.config.clones_voices() {
            "Base"
        } else if self.config.designs_voices() {
            "VoiceDesign"
        } else {
            "CustomVoice"
        }
    }
}

impl Models {
    /// Reads the configurations of the models. Nothing is loaded.
    ///
    /// # Errors
    /// Returns an error if a configuration is missing or damaged.
    pub fn new(settings: &Settings, metrics: Arc<Metrics>) -> Result<Arc<Self>> {
        let entries = settings.models.iter().map(|setting| Entry::new(setting).map(Arc::new));
        Ok(Arc::new(Self {
            entries: entries.collect::<Result<_>>()?,
            options: settings.load.max_waiting(settings.limits.max_requests),
            metrics,
            loading: Mutex::default(),
        }))
    }

    /// Returns the models in order.
    pub fn facts(&self) -> impl Iterator<Item = ModelFacts<'_>> {
        self.entries.iter().map(|entry| entry.facts())
    }

    /// Returns the model that a request is for: the one that it names, or the first that fits.
    ///
    /// # Errors
    /// Returns an error if there is no such model, or none that fits.
    pub fn choose(&self, name: Option<&str>, need: &Need) -> ApiResult<ModelFacts<'_>> {
        self.choose_for(name, need, need.field())
    }

    /// Returns the model that a request is for, as [`Self::choose`] does, for a need that comes from
    /// another field.
    ///
    /// # Errors
    /// Returns an error as [`Self::choose`] does.
    pub fn choose_for(
        &self,
        name: Option<&str>,
        need: &Need,
        field: &'static str,
    ) -> ApiResult<ModelFacts<'_>> {
        self.entry(name, need, field).map(|entry| entry.facts())
    }

    /// Returns the model that a request is for, as [`Self::choose`] does, loaded.
    ///
    /// # Errors
    /// Returns an error as [`Self::choose`] does, the status 503 if there is not enough memory, and
    /// 500 if the model cannot be loaded.
    pub async fn get(
        self: &Arc<Self>,
        name: Option<&str>,
        need: &Need,
    ) -> ApiResult<Arc<LoadedModel>> {
        let entry = Arc::clone(self.entry(name, need, need.field())?);
        if let Some(model) = &*entry.loaded.lock().await {
            model.touch();
            return Ok(Arc::clone(model));
        }
        let models = Arc::clone(self);
        // A task of its own: the model is loaded to the end even if the client leaves.
        let loading = tokio::spawn(async move { models.load(&entry).await });
        loading.await.map_err(|_| ApiError::internal("loading the model was given up"))?
    }

    /// Returns the names and handles of the models that are loaded and not being loaded now.
    pub fn loaded(&self) -> Vec<Arc<LoadedModel>> {
        let models = self.entries.iter().map(|entry| entry.loaded.try_lock().ok()?.clone());
        models.flatten().collect()
    }

    /// Frees the models that were not used for `idle`.
    pub async fn unload_idle(&self, idle: Duration) {
        for entry in &self.entries {
            entry.unload(|model| model.idle_time() >= idle).await;
        }
    }

    fn entry(
        &self,
        name: Option<&str>,
        need: &Need,
        field: &'static str,
    ) -> ApiResult<&Arc<Entry>> {
        let name = name.filter(|name| !name.is_empty());
        let named = name.and_then(|name| self.entries.iter().find(|entry| entry.is_named(name)));
        if let Some(entry) = named {
            return Ok(entry);
        }
        if let Some(name) = name.filter(|name| !is_alias(name)) {
            let names: Vec<_> = self.facts().map(|facts| facts.name).collect();
            let message = format!("there is no model \"{name}\": expected {}", names.join(", "));
            return Err(ApiError::not_found("model_not_found", message).param("model"));
        }
        let fitting = self.entries.iter().find(|entry| need.fits(&entry.config));
        fitting.ok_or_else(|| ApiError::invalid(need.unmet()).param(field))
    }

    async fn load(&self, entry: &Entry) -> ApiResult<Arc<LoadedModel>> {
        let _alone = self.loading.lock().await;
        // Another request may have loaded it meanwhile.
        if let Some(model) = &*entry.loaded.lock().await {
            model.touch();
            return Ok(Arc::clone(model));
        }
        self.make_room(entry).await?;
        tracing::info!(model = entry.setting.name, "loading");
        let (setting, options) = (entry.setting.clone(), self.options);
        let metrics = self.metrics.model(&setting.name);
        let loading =
            tokio::task::spawn_blocking(move || LoadedModel::load(&setting, &options, metrics));
        let loaded = loading.await.map_err(|_| ApiError::internal("loading the model failed"))?;
        let model = Arc::new(loaded?);
        let seconds = model.tts.load_time().as_secs_f64();
        tracing::info!(model = entry.setting.name, seconds, "loaded");
        *entry.loaded.lock().await = Some(Arc::clone(&model));
        Ok(model)
    }

    /// Frees unused models, the least recently used first, until `wanted` fits into memory.
    async fn make_room(&self, wanted: &Entry) -> ApiResult<()> {
        let needed = wanted.bytes.saturating_add(MARGIN);
        loop {
            if memory::available().is_none_or(|available| available >= needed) {
                return Ok(());
            }
            if !self.unload_longest_unused().await {
                let message = format!(
                    "there is not enough memory to load the model \"{}\" beside those in use",
                    wanted.setting.name
                );
                return Err(ApiError::unavailable(message, 30));
            }
        }
    }

    /// Frees the least recently used model that is not in use. Returns false if all are in use.
    async fn unload_longest_unused(&self) -> bool {
        let mut longest: Option<(Duration, &Arc<Entry>)> = None;
        for entry in &self.entries {
            let Some(idle) = entry.unused_time().await else { continue };
            if longest.is_none_or(|(other, _)| idle > other) {
                longest = Some((idle, entry));
            }
        }
        match longest {
            Some((_, entry)) => entry.unload(|_| true).await,
            None => false,
        }
    }
}

impl Entry {
    fn new(setting: &ModelSetting) -> Result<Self> {
        let bytes = setting.files.sizes().iter().map(|(_, bytes)| bytes).sum();
        let config = setting.files.model_config()?;
        Ok(Self { setting: setting.clone(), config, bytes, loaded: Mutex::default() })
    }

    fn facts(&self) -> ModelFacts<'_> {
        ModelFacts { name: &self.setting.name, config: &self.config }
    }

    fn is_named(&self, name: &str) -> bool {
        self.setting.name.eq_ignore_ascii_case(name)
    }

    /// Returns the time since the last use of the model; `None` if it is in use or not loaded.
    async fn unused_time(&self) -> Option<Duration> {
        let loaded = self.loaded.lock().await;
        let model = loaded.as_ref().filter(|model| Arc::strong_count(model) == 1);
        model.map(|model| model.idle_time())
    }

    /// Frees the model if it is not in use and `may` returns true. Returns true if it was freed.
    async fn unload(&self, may: impl FnOnce(&LoadedModel) -> bool) -> bool {
        let mut loaded = self.loaded.lock().await;
        let Some(model) = loaded.take_if(|model| Arc::strong_count(model) == 1 && may(model))
        else {
            return false;
        };
        tracing::info!(model = self.setting.name, "unloading");
        // Waits for the model's thread.
        let _ = tokio::task::spawn_blocking(move || drop(model)).await;
        true
    }
}

/// Returns true if a name is one of OpenAI's, such as `gpt-4o-mini-tts-2025-12-15`.
fn is_alias(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_dated = |alias: &str| {
        let date = name.strip_prefix(alias).and_then(|rest| rest.strip_prefix('-'));
        date.is_some_and(|date| date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
    };
    ALIASES.iter().any(|alias| name == *alias || is_dated(alias))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_openai_stand_for_any_model() {
        for name in
            ["tts-1", "TTS-1-HD", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1-1106"]
        {
            assert!(is_alias(name), "{name}");
        }
        for name in ["", "tts", "tts-2", "gpt-4o-mini-tts-new", "demo"] {
            assert!(!is_alias(name), "{name}");
        }
    }
}
