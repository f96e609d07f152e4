//! Voices for tests.

use qwen3_tts_config::ModelSize;
use qwen3_tts_pipeline::{ClonedVoice, VoiceReference};

/// Returns a voice in context whose values are `value`.
pub fn voice(value: f32) -> ClonedVoice {
    let reference = VoiceReference::new(vec![vec![1; 16]; 25], "Hello.");
    ClonedVoice::new(vec![value; 1024], Some(reference), ModelSize::B0_6)
}

/// Returns the file of that voice.
pub fn bytes(value: f32) -> Vec<u8> {
    voice(value).to_bytes("sample").unwrap()
}
