//! Voices and recordings for tests.

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

/// Returns a WAV file with a tone.
pub fn tone(seconds: usize) -> Vec<u8> {
    let samples = (0..seconds * 24_000).map(|n| {
        let value = (n as f32 * 0.05).sin() * (n as f32 * 0.0003).sin();
        (value * 20_000.0) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let size = data.len() as u32;
    let mut wav = Vec::from(*b"RIFF");
    wav.extend((36 + size).to_le_bytes());
    wav.extend(*b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(24_000_u32.to_le_bytes());
    wav.extend(48_000_u32.to_le_bytes());
    wav.extend(*b"\x02\0\x10\0data");
    wav.extend(size.to_le_bytes());
    wav.extend(data);
    wav
}
