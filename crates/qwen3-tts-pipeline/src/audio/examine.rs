//! Checks that a recording can serve as reference audio.

use super::decode::Recording;
use super::error::AudioError;
use super::limits::{AudioLimits, AudioWarning};

/// Peak below which a recording is silent: −60 dBFS.
const SILENCE: f32 = 1e-3;
/// Share of clipped samples above which clipping is audible.
const CLIPPED_SHARE: f64 = 1e-3;
/// Level from which the flat top of a wave counts as cut off.
const CLIPPED_LEVEL: f32 = 0.9;
/// Number of equal samples in a row that make a flat top.
const FLAT_TOP: usize = 3;

/// Checks the samples against `limits`, and returns a warning if the recording is clipped.
pub fn examine(
    recording: &Recording,
    limits: &AudioLimits,
) -> Result<Option<AudioWarning>, AudioError> {
    let samples = &recording.samples;
    if samples.is_empty() {
        return Err(AudioError::Empty);
    }
    let seconds = |samples: usize| samples as f64 / f64::from(recording.sample_rate);
    if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
        return Err(AudioError::NonFinite { seconds: seconds(index), value: samples[index] });
    }
    let (found, needed) = (seconds(samples.len()), limits.min_seconds);
    if found < needed {
        return Err(AudioError::TooShort { found, needed });
    }
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak < SILENCE && !limits.allow_silence {
        return Err(AudioError::Silent { peak_dbfs: 20.0 * f64::from(peak).log10() });
    }
    let share = clipped(samples) as f64 / samples.len() as f64;
    Ok((share > CLIPPED_SHARE).then_some(AudioWarning::Clipped { share }))
}

/// Counts the samples in flat tops, and those beyond full scale, which a lossy codec leaves there.
fn clipped(samples: &[f32]) -> usize {
    let runs = samples.chunk_by(|a, b| a == b);
    let clipped = runs.filter(|run| {
        let level = run[0].abs();
        level > 1.0 || (level >= CLIPPED_LEVEL && run.len() >= FLAT_TOP)
    });
    clipped.map(<[f32]>::len).sum()
}
