//! Sample rate conversion, equal to the official package's.

mod kernel;
mod plan;
mod stage;

use crate::error::{Error, Result};

/// Highest sample rate of a conversion in Hz.
const MAX_RATE: u32 = 1_000_000;

/// Converts samples from one rate in Hz to another, without a delay.
///
/// The result is that of `librosa.resample`, which the official package calls: soxr's high quality
/// within 1e-6 of full scale at all usual rates, and librosa's length, `samples.len() · to / from`
/// rounded up. The soxr library rounds to the nearest; if its output is a sample shorter, librosa
/// appends a zero. It computes the length in floating point: 44 100 samples at 44.1 kHz become
/// 24 001 at 24 kHz.
/// Rates above four times the input's are filtered as well, but not by soxr's filters (2e-3).
///
/// ```
/// # fn main() -> qwen3_tts_dsp::Result<()> {
/// let recording = vec![0.1; 48_000];
/// assert_eq!(qwen3_tts_dsp::resample(&recording, 48_000, 24_000)?.len(), 24_000);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Returns [`Error::Config`] if a rate is not between 1 Hz and 1 MHz.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>> {
    for (field, rate) in [("from", from), ("to", to)] {
        Error::config((1..=MAX_RATE).contains(&rate), field, format!("1 to {MAX_RATE} Hz"), rate)?;
    }
    let mut output = samples.to_vec();
    if from == to {
        return Ok(output);
    }
    for stage in plan::stages(from, to) {
        output = stage.run(&output);
    }
    output.truncate(rounded_length(samples.len(), from, to));
    output.resize(official_length(samples.len(), from, to), 0.0);
    Ok(output)
}

/// Returns the length of soxr's output, in its own arithmetic.
fn rounded_length(samples: usize, from: u32, to: u32) -> usize {
    (samples as f64 / (f64::from(from) / f64::from(to)) + 0.5) as usize
}

/// Returns the length of librosa's output, in its own arithmetic: rounding can add a sample.
fn official_length(samples: usize, from: u32, to: u32) -> usize {
    (samples as f64 * (f64::from(to) / f64::from(from))).ceil() as usize
}
