//! Sample rate conversion, equal to the official package's.

mod kernel;
mod plan;
mod stage;

use self::stage::Filter;
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
    let mut resampler = Resampler::new(from, to)?;
    let mut output = resampler.push(samples);
    output.extend(resampler.finish());
    Ok(output)
}

/// A conversion of samples that arrive block by block. The output does not depend on the blocks: it
/// is that of [`resample`], sample for sample.
#[derive(Debug, Clone)]
pub struct Resampler {
    from: u32,
    to: u32,
    filters: Vec<Filter>,
    n_inputs: usize,
    n_outputs: usize,
}

impl Resampler {
    /// Starts a conversion from one rate in Hz to another.
    ///
    /// # Errors
    /// Returns [`Error::Config`] if a rate is not between 1 Hz and 1 MHz.
    pub fn new(from: u32, to: u32) -> Result<Self> {
        for (field, rate) in [("from", from), ("to", to)] {
            let valid = format!("1 to {MAX_RATE} Hz");
            Error::config((1..=MAX_RATE).contains(&rate), field, valid, rate)?;
        }
        let stages = if from == to { Vec::new() } else { plan::stages(from, to) };
        let filters = stages.into_iter().map(Filter::new).collect();
        Ok(Self { from, to, filters, n_inputs: 0, n_outputs: 0 })
    }

    /// Adds samples, and returns the outputs that depend on no later ones.
    pub fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        self.n_inputs += samples.len();
        let mut output = samples.to_vec();
        for filter in &mut self.filters {
            output = filter.push(&output);
        }
        self.n_outputs += output.len();
        output
    }

    /// Returns the rest of the output.
    pub fn finish(self) -> Vec<f32> {
        let mut output = Vec::new();
        for mut filter in self.filters {
            let mut end = filter.push(&output);
            end.extend(filter.finish());
            output = end;
        }
        if self.from != self.to {
            let rest = |length: usize| length - self.n_outputs;
            output.truncate(rest(rounded_length(self.n_inputs, self.from, self.to)));
            output.resize(rest(official_length(self.n_inputs, self.from, self.to)), 0.0);
        }
        output
    }
}

/// Returns the length of soxr's output, in its own arithmetic.
fn rounded_length(samples: usize, from: u32, to: u32) -> usize {
    (samples as f64 / (f64::from(from) / f64::from(to)) + 0.5) as usize
}

/// Returns the length of librosa's output, in its own arithmetic: rounding can add a sample.
fn official_length(samples: usize, from: u32, to: u32) -> usize {
    (samples as f64 * (f64::from(to) / f64::from(from))).ceil() as usize
}
