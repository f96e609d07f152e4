//! Loudness of the whole, as EBU R 128 measures it.

use ebur128::{EbuR128, Mode};

use super::limiter::limit;

/// Number of corrections after the limiter has lowered the loudness.
const CORRECTIONS: usize = 4;
/// Difference in LU that needs no correction.
const TOLERANCE: f64 = 0.05;

/// Audio that waits for its end to get its loudness.
#[derive(Debug)]
pub struct Loudness {
    sample_rate: u32,
    /// In LUFS.
    target: f64,
    samples: Vec<f32>,
}

impl Loudness {
    pub fn new(sample_rate: u32, target: f64) -> Self {
        Self { sample_rate, target, samples: Vec::new() }
    }

    pub fn push(&mut self, samples: &[f32]) {
        self.samples.extend(samples);
    }

    /// Returns all samples. Silence, and audio too short to be measured, stay as they are.
    pub fn finish(&mut self) -> Vec<f32> {
        let samples = std::mem::take(&mut self.samples);
        let Some(measured) = measure(&samples, self.sample_rate) else { return samples };
        let mut gain = self.target - measured;
        let mut output = self.amplified(&samples, gain);
        for _ in 0..CORRECTIONS {
            let missing = measure(&output, self.sample_rate).map_or(0.0, |now| self.target - now);
            if missing.abs() < TOLERANCE {
                break;
            }
            gain += missing;
            output = self.amplified(&samples, gain);
        }
        output
    }

    /// Amplifies samples by a gain in dB, and limits their peaks.
    fn amplified(&self, samples: &[f32], gain: f64) -> Vec<f32> {
        let factor = 10_f64.powf(gain / 20.0) as f32;
        let mut output: Vec<f32> = samples.iter().map(|sample| sample * factor).collect();
        limit(&mut output, self.sample_rate);
        output
    }
}

/// Returns the integrated loudness in LUFS, or `None` of silence.
pub fn measure(samples: &[f32], sample_rate: u32) -> Option<f64> {
    let mut meter = EbuR128::new(1, sample_rate, Mode::I).ok()?;
    meter.add_frames_f32(samples).ok()?;
    meter.loudness_global().ok().filter(|loudness| loudness.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sine of 1 kHz at −20 dBFS has −23.0 LUFS in one channel (EBU Tech 3341 has −20 dBFS in two
    /// channels as −20 LUFS).
    #[test]
    fn the_meter_reads_a_sine() {
        let sine = |n: i32| 0.1 * (std::f32::consts::TAU * 1000.0 * n as f32 / 24_000.0).sin();
        let samples: Vec<f32> = (0..72_000).map(sine).collect();
        let found = measure(&samples, 24_000).unwrap();
        assert!((found + 23.0).abs() < 0.1, "{found}");
        assert_eq!(measure(&vec![0.0; 72_000], 24_000), None);
        assert_eq!(measure(&samples[..1000], 24_000), None);
    }
}
