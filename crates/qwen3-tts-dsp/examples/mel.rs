//! Draws the spectrogram of a sweep: `cargo run --release -p qwen3-tts-dsp --example mel`.

use std::f32::consts::TAU;

use qwen3_tts_dsp::{Error, MelConfig, MelSpectrogram};

fn main() -> Result<(), Error> {
    let mel_spectrogram = MelSpectrogram::new(MelConfig::default())?;
    // From 100 Hz to 4100 Hz in a second.
    let sweep = |t: f32| 0.5 * (TAU * (100.0 + 2000.0 * t) * t).sin();
    let samples: Vec<f32> = (0..24_000).map(|n| sweep(n as f32 / 24_000.0)).collect();
    let mel = mel_spectrogram.compute(&samples)?;
    for band in (0..mel.ncols()).rev().step_by(4) {
        let loudness = mel.column(band).to_vec();
        println!("{}", loudness.iter().map(|&level| shade(level)).collect::<String>());
    }
    Ok(())
}

fn shade(level: f32) -> char {
    match level {
        level if level > 0.0 => '#',
        level if level > -3.0 => '+',
        level if level > -6.0 => '.',
        _ => ' ',
    }
}
