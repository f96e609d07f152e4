//! Tiny models and a request of every kind.

// Each test file uses a part of this.
#![allow(dead_code)]

use std::sync::Arc;

use qwen3_tts_pipeline::{
    AudioLimits, ClonedVoice, LoadOptions, ModelFiles, ReferenceAudio, SpeechRequest, Synthesizer,
    VoiceEncoder,
};
use qwen3_tts_testkit::{checkpoint, signal};

/// A tiny model on two threads.
pub fn load(name: &str) -> Synthesizer {
    Synthesizer::load(checkpoint(name), &options()).unwrap()
}

fn options() -> LoadOptions {
    LoadOptions { threads: Some(2), ..LoadOptions::default() }
}

/// A voice of the tiny base model: with a transcript in context, without one by its vector.
pub fn voice(transcript: Option<&str>) -> Arc<ClonedVoice> {
    let limits = AudioLimits::default();
    let audio = ReferenceAudio::from_samples(signal(36_000), 24_000, "signal", &limits).unwrap();
    let files = ModelFiles::directory(checkpoint("base_0b6"));
    let encoder = VoiceEncoder::load(&files, &options()).unwrap();
    Arc::new(encoder.encode(&audio, transcript).unwrap())
}

/// The name of a tiny model, and a request that it can honour.
pub struct Kind {
    pub model: &'static str,
    pub request: SpeechRequest,
}

/// A preset, a described, and both kinds of cloned voices.
pub fn kinds() -> [Kind; 4] {
    let text = || SpeechRequest::new("One two three.").seed(3);
    [
        Kind { model: "custom_voice_0b6", request: text().speaker("ryan").language("english") },
        Kind { model: "voice_design_1b7", request: text().instruct("A deep voice.") },
        Kind { model: "base_0b6", request: text().cloned(voice(None)) },
        Kind { model: "base_0b6", request: text().cloned(voice(Some("Slowly she said."))) },
    ]
}
