//! A model that is ready to speak.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use qwen3_tts_pipeline::{
    ChunkSchedule, LoadOptions, Result, SpeechRequest, Synthesizer, TextMode, Voice,
};

use crate::metrics::ModelMetrics;
use crate::settings::ModelSetting;

/// A model that is ready to speak.
pub struct LoadedModel {
    /// Its name in requests.
    pub name: String,
    pub tts: Synthesizer,
    /// Text mode of requests that ask for none, if it is not the published default.
    pub text_mode: Option<TextMode>,
    pub metrics: ModelMetrics,
    last_use: Mutex<Instant>,
}

impl LoadedModel {
    /// Loads a model and speaks a word as warm-up, so that the first request is as fast as
    /// later ones. The calling thread waits.
    ///
    /// # Errors
    /// Returns an error if the checkpoint cannot be loaded.
    pub fn load(
        setting: &ModelSetting,
        options: &LoadOptions,
        metrics: ModelMetrics,
    ) -> Result<Self> {
        let tts = Synthesizer::from_files(&setting.files, options)?;
        warm_up(&tts)?;
        let last_use = Mutex::new(Instant::now());
        Ok(Self {
            name: setting.name.clone(),
            tts,
            text_mode: setting.text_mode,
            metrics,
            last_use,
        })
    }

    /// Notes that the model is used now.
    pub fn touch(&self) {
        *self.last_use.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Returns the time since the model was used.
    pub fn idle_time(&self) -> Duration {
        self.last_use.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

fn warm_up(tts: &Synthesizer) -> Result<()> {
    let Some(config) = tts.config() else { return Ok(()) };
    // A voice that is still to be recorded cannot speak a word.
    if config.clones_voices() {
        return Ok(());
    }
    let mut request = SpeechRequest::new("One.").voice(Voice::Default).max_frames(2).seed(0);
    if config.designs_voices() {
        request = request.instruct("A calm voice.");
    }
    tts.speak(request.chunks(ChunkSchedule::every(2)))?.collect_audio().map(drop)
}
