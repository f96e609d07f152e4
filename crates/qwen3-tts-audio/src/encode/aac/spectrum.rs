//! Samples to spectra: the modified discrete cosine transform of overlapping blocks.

use std::f32::consts::PI;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// Number of samples that become a spectrum, and of its lines.
pub const BLOCK: usize = 1024;
const HALF: usize = BLOCK / 2;
/// Samples have 16 bits where the standard has its steps, and decoders halve the spectrum.
const SCALE: f32 = 2.0 * 32_768.0;

/// The transform, with the samples that the next spectrum overlaps.
pub struct Spectrum {
    fft: Arc<dyn Fft<f32>>,
    /// Rotations before and after the Fourier transform.
    rotations: [Complex<f32>; HALF],
    /// Rising half of the sine window.
    window: [f32; BLOCK],
    previous: [f32; BLOCK],
}

impl Spectrum {
    pub fn new() -> Self {
        let angle = |part: f32| PI * part / BLOCK as f32;
        Self {
            fft: FftPlanner::new().plan_fft_forward(HALF),
            rotations: std::array::from_fn(|n| Complex::cis(-angle(n as f32 + 0.125))),
            window: std::array::from_fn(|n| (angle(n as f32 + 0.5) / 2.0).sin()),
            previous: [0.0; BLOCK],
        }
    }

    /// Returns the spectrum of the samples before and the next ones.
    pub fn next(&mut self, samples: &[f32; BLOCK]) -> [f32; BLOCK] {
        let rising: [f32; BLOCK] = std::array::from_fn(|n| self.previous[n] * self.window[n]);
        let falling: [f32; BLOCK] =
            std::array::from_fn(|n| samples[n] * self.window[BLOCK - 1 - n]);
        self.previous = *samples;
        self.transform(&std::array::from_fn(|n| match n.checked_sub(HALF) {
            None => -falling[HALF - 1 - n] - falling[HALF + n],
            Some(n) => rising[n] - rising[BLOCK - 1 - n],
        }))
    }

    /// Returns the discrete cosine transform of type IV, in one Fourier transform of half the length.
    fn transform(&self, samples: &[f32; BLOCK]) -> [f32; BLOCK] {
        let mut points: [Complex<f32>; HALF] = std::array::from_fn(|n| {
            Complex::new(samples[2 * n], samples[BLOCK - 1 - 2 * n]) * self.rotations[n]
        });
        self.fft.process(&mut points);
        let mut lines = [0.0; BLOCK];
        for (n, (point, rotation)) in points.iter().zip(&self.rotations).enumerate() {
            let point = point * rotation * SCALE;
            lines[2 * n] = point.re;
            lines[BLOCK - 1 - 2 * n] = -point.im;
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transform is that of the standard, 2 Σ x[n] cos(2π/N (n + n₀)(k + ½)).
    #[test]
    fn lines_are_those_of_the_definition() {
        let samples: [[f32; BLOCK]; 2] =
            [17, 29].map(|step| std::array::from_fn(|n| ((n * step) % 101) as f32 / 101.0 - 0.5));
        let mut spectrum = Spectrum::new();
        spectrum.next(&samples[0]);
        let lines = spectrum.next(&samples[1]);
        let length = 2.0 * BLOCK as f64;
        for line in [0, 1, 2, 511, 512, 700, 1023] {
            let value = |(n, sample): (usize, &f32)| {
                let window = (std::f64::consts::PI / length * (n as f64 + 0.5)).sin();
                let phase = (n as f64 + (length / 2.0 + 1.0) / 2.0) * (line as f64 + 0.5);
                window * f64::from(*sample) * (2.0 * std::f64::consts::PI / length * phase).cos()
            };
            let expected: f64 = samples.as_flattened().iter().enumerate().map(value).sum();
            let expected = 2.0 * 32_768.0 * expected;
            assert!((f64::from(lines[line]) - expected).abs() < 20.0, "{line}: {}", lines[line]);
        }
    }
}
