//! Compares the speaker embeddings of synthetic voices:
//! `cargo run --release --example compare -- DIR`.

use std::error::Error;
use std::f32::consts::TAU;
use std::path::PathBuf;

use qwen3_tts_speaker::{Device, ModelConfig, SpeakerEncoder, Weights};

fn main() -> Result<(), Box<dyn Error>> {
    let dir: PathBuf = std::env::args().nth(1).ok_or("name a checkpoint directory")?.into();
    let config = ModelConfig::from_file(dir.join("config.json"))?;
    let config = config.speaker_encoder_config.ok_or("not a base model: no speaker encoder")?;
    let encoder = SpeakerEncoder::load(&config, &Weights::open(&dir)?, &Device::default_cpu())?;
    let pitches = [90.0, 100.0, 200.0, 210.0];
    let voices = pitches.map(|pitch| encoder.embed(&buzz(pitch)));
    let [first, ..] = &voices;
    let first = first.as_ref().map_err(ToString::to_string)?;
    for (pitch, voice) in pitches.iter().zip(&voices) {
        let voice = voice.as_ref().map_err(ToString::to_string)?;
        println!("{pitch} Hz: {:.4} like {} Hz", cosine(first, voice), pitches[0]);
    }
    Ok(())
}

/// Returns two seconds of harmonics of this pitch, in place of a voice.
fn buzz(pitch: f32) -> Vec<f32> {
    let harmonic = |n: usize, t: f32| (TAU * pitch * n as f32 * t).sin() / n as f32;
    let sample = |t: f32| 0.1 * (1..30).map(|n| harmonic(n, t)).sum::<f32>();
    (0..48_000).map(|n| sample(n as f32 / 24_000.0)).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
