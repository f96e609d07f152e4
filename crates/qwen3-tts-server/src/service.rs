//! The service behind all protocols.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::extract::FromRef;
use qwen3_tts_audio::Format;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::{Caller, Keys, Permit, Places};
use crate::error::{ApiError, ApiResult};
use crate::metrics::Metrics;
use crate::models::{Models, Need};
use crate::settings::Settings;
use crate::speech::{OutputFormat, Prepared, SpeechFields, Utterance, text};
use crate::voices::Voices;

/// The service behind all protocols.
pub struct Service {
    pub settings: Settings,
    pub keys: Keys,
    pub models: Arc<Models>,
    pub voices: Voices,
    pub metrics: Arc<Metrics>,
    /// Cancelled when the service ends: what was begun is finished, and nothing is begun.
    pub draining: CancellationToken,
    /// Sessions that outlive the connection's handler. The service waits for them when it ends.
    pub sessions: TaskTracker,
    places: Places,
    is_ready: AtomicBool,
}

impl Service {
    pub fn new(
        settings: Settings,
        models: Arc<Models>,
        voices: Voices,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let limits = &settings.limits;
        Arc::new(Self {
            keys: Keys::new(settings.api_keys.clone()),
            places: Places::new(limits.max_requests, limits.max_requests_per_key),
            models,
            voices,
            metrics,
            draining: CancellationToken::new(),
            sessions: TaskTracker::new(),
            is_ready: AtomicBool::new(false),
            settings,
        })
    }

    /// Loads the first model.
    ///
    /// # Errors
    /// Returns an error if it cannot be loaded.
    pub async fn warm_up(&self) -> ApiResult<()> {
        if let Some(first) = self.models.facts().next() {
            self.models.get(Some(first.name), &Need::Any).await?;
        }
        self.is_ready.store(true, Ordering::Release);
        Ok(())
    }

    /// Returns true once the first model is loaded.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// Returns the maximum size in bytes of a request to speak: its text, and a recording in base64.
    pub fn max_speech_bytes(&self) -> usize {
        let recording = self.settings.voices.max_recording_bytes.div_ceil(3) * 4;
        self.settings.limits.max_body_bytes + recording
    }

    /// Takes a place for a request.
    ///
    /// # Errors
    /// Returns the status 503 while the service ends, and 429 if there is no place.
    pub fn admit(&self, caller: &Caller) -> ApiResult<Permit> {
        if self.draining.is_cancelled() {
            return Err(ApiError::unavailable("the service is being stopped", 5));
        }
        self.places.take(caller).inspect_err(|_| self.metrics.refused.increment(1))
    }

    /// Checks the fields of a request, and finds model and voice, which are loaded if necessary.
    /// Without a format in the fields, the audio has `default`.
    ///
    /// # Errors
    /// Returns an error that names the field if the request is wrong.
    pub async fn prepare(&self, fields: &SpeechFields, default: Format) -> ApiResult<Prepared> {
        text(fields, self.settings.limits.max_text_chars)?;
        let format = OutputFormat::of(fields, default)?;
        let (model, voice) = self.voices.choose(&self.models, fields).await?;
        Ok(Prepared::new(fields, model, voice, format))
    }

    /// Speaks a request, which arrived at `begin`.
    ///
    /// # Errors
    /// Returns an error as [`Self::prepare`] does, and if the model cannot honour the request.
    pub async fn speak(
        &self,
        fields: &SpeechFields,
        default: Format,
        permit: Permit,
        begin: Instant,
    ) -> ApiResult<Utterance> {
        let prepared = self.prepare(fields, default).await?;
        // A long text takes its time to be split.
        let beginning = spawn_blocking(move || Utterance::begin(prepared, permit, begin)).await;
        beginning.map_err(|_| ApiError::internal("internal error; please report it"))?
    }
}

impl FromRef<Arc<Service>> for Keys {
    fn from_ref(service: &Arc<Service>) -> Self {
        service.keys.clone()
    }
}
