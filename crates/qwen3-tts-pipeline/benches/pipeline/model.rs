//! The checkpoint that is timed.

use std::path::PathBuf;

use qwen3_tts_pipeline::{LoadOptions, Quantize, SpeechRequest, Synthesizer};
use qwen3_tts_testkit::checkpoint;

/// Text of every request.
pub const TEXT: &str = "The quick brown fox jumps over the lazy dog near the river bank.";

/// Returns the directory of the full-size checkpoint, if there is one.
pub fn directory() -> Option<PathBuf> {
    std::env::var_os("QWEN3_TTS_BENCH_MODEL").map(PathBuf::from)
}

/// Returns the directory of the full-size checkpoint, or that of a tiny one.
pub fn directory_or_tiny() -> PathBuf {
    directory().unwrap_or_else(|| checkpoint("custom_voice_0b6"))
}

/// Loads a checkpoint.
pub fn load(directory: PathBuf) -> Synthesizer {
    let quantize = std::env::var("QWEN3_TTS_BENCH_QUANTIZE").unwrap_or_else(|_| "none".to_owned());
    let quantize: Quantize = quantize.parse().expect("QWEN3_TTS_BENCH_QUANTIZE as --quantize");
    let mut options = LoadOptions::default().quantize(quantize);
    options.threads = std::env::var("QWEN3_TTS_THREADS").ok().and_then(|n| n.parse().ok());
    Synthesizer::load(directory, &options).expect("the checkpoint")
}

/// Returns a greedy request that the model takes.
pub fn request(model: &Synthesizer, frames: usize) -> SpeechRequest {
    let request = SpeechRequest::new(TEXT).max_frames(frames).greedy();
    match model.config().is_some_and(|config| config.takes_instruct()) {
        true => request.instruct("A calm voice."),
        false => request,
    }
}
