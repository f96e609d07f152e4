//! Checks that a recording can serve as reference audio.

use super::decode::Recording;
use super::error::AudioError;
use super::limits::{AudioLimits, AudioWarning};

/// Peak below which a recording is silent: −60 dBFS.
const SILENCE: f32 = 1e-3;
/// Share of clipped samples above which clipping is audible.
const CLIPPED_SHARE: f64 = 1e-3;
/// Mean of the samples, as a share of full scale, above which a recording has an offset.
const OFFSET: f64 = 0.05;

/// Checks a recording against `limits`, and returns warnings about its levels.
pub fn examine(
    recording: &Recording,
    limits: &AudioLimits,
) -> Result<Vec<AudioWarning>, AudioError> {
    let (samples, levels) = (&recording.samples, &recording.levels);
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
    if levels.peak() < SILENCE && !limits.allow_silence {
        return Err(AudioError::Silent { peak_dbfs: 20.0 * f64::from(levels.peak()).log10() });
    }
    let (share, offset) = (levels.clipped(), levels.offset());
    let mut warnings = Vec::new();
    if share > CLIPPED_SHARE {
        warnings.push(AudioWarning::Clipped { share });
    }
    if offset.abs() > OFFSET {
        warnings.push(AudioWarning::Offset { share: offset });
    }
    Ok(warnings)
}
