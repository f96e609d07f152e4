//! The logarithmic mel spectrogram, the input of the speaker encoder.

use ndarray::{Array2, ArrayView1};

use crate::error::{Error, Result};
use crate::mel_config::MelConfig;
use crate::mel_filters::mel_filters;
use crate::reflect::reflect_pad;
use crate::stft::Stft;
use crate::window::hann_window;

/// The transform ln(max(F·√(|STFT|² + 1e-9), 1e-5)) of signals, with the
/// [mel filters](crate::mel_filters()) F: the reference's `mel_spectrogram`.
///
/// It is built once and used for any number of signals. It is `Send` and `Sync`.
#[derive(Debug, Clone)]
pub struct MelSpectrogram {
    config: MelConfig,
    stft: Stft,
    bands: Vec<Band>,
}

/// The part of a mel filter that is not zero.
#[derive(Debug, Clone)]
struct Band {
    first_bin: usize,
    weights: Vec<f32>,
}

impl MelSpectrogram {
    /// Term added to the squared magnitude.
    const MAGNITUDE_EPS: f64 = 1e-9;
    /// Magnitude of silence.
    const FLOOR: f64 = 1e-5;

    /// Plans the transform and computes the filters.
    ///
    /// # Errors
    /// Returns [`Error::Config`] if a parameter is out of range.
    pub fn new(config: MelConfig) -> Result<Self> {
        let filters = mel_filters(&config)?;
        let window = hann_window(config.win_length);
        let stft = Stft::new(config.n_fft, config.hop_length, &window)?;
        let bands = filters.rows().into_iter().map(Band::new).collect();
        Ok(Self { config, stft, bands })
    }

    /// Returns the parameters that it was built from.
    pub fn config(&self) -> &MelConfig {
        &self.config
    }

    /// Returns the number of frames of a signal, 0 if it is too short.
    pub fn n_frames(&self, n_samples: usize) -> usize {
        if n_samples < self.config.min_samples() {
            return 0;
        }
        self.stft.n_frames(n_samples.saturating_add(2 * self.config.padding()))
    }

    /// Computes the spectrogram `[n_frames, n_mels]` of a signal, whose samples are in −1..=1 by
    /// convention.
    ///
    /// # Errors
    /// Returns [`Error::TooShort`] if the signal is shorter than [`MelConfig::min_samples`], and
    /// [`Error::NonFinite`] if a sample is NaN or infinite.
    pub fn compute<'a>(&self, signal: impl Into<ArrayView1<'a, f32>>) -> Result<Array2<f32>> {
        let signal = signal.into();
        self.check(signal)?;
        let padded = reflect_pad(signal, self.config.padding())?;
        let mut mel = Array2::zeros((self.n_frames(signal.len()), self.bands.len()));
        let mut magnitudes = vec![0.0; self.stft.n_bins()];
        self.stft.for_each_frame(padded.view(), |frame, spectrum| {
            for (magnitude, value) in magnitudes.iter_mut().zip(spectrum) {
                *magnitude = (value.norm_sqr() + Self::MAGNITUDE_EPS).sqrt();
            }
            for (mel, band) in mel.row_mut(frame).iter_mut().zip(&self.bands) {
                *mel = band.sum(&magnitudes).max(Self::FLOOR).ln() as f32;
            }
        });
        Ok(mel)
    }

    fn check(&self, signal: ArrayView1<'_, f32>) -> Result<()> {
        let (found, needed) = (signal.len(), self.config.min_samples());
        if found < needed {
            return Err(Error::TooShort { found, needed });
        }
        match signal.iter().position(|sample| !sample.is_finite()) {
            Some(index) => Err(Error::NonFinite { index, value: signal[index] }),
            None => Ok(()),
        }
    }
}

impl Band {
    fn new(filter: ArrayView1<'_, f32>) -> Self {
        let first_bin = filter.iter().position(|weight| *weight > 0.0).unwrap_or(0);
        let end = filter.iter().rposition(|weight| *weight > 0.0).map_or(0, |last| last + 1);
        Self { first_bin, weights: filter.iter().copied().take(end).skip(first_bin).collect() }
    }

    fn sum(&self, magnitudes: &[f64]) -> f64 {
        let pairs = self.weights.iter().zip(&magnitudes[self.first_bin..]);
        pairs.map(|(weight, magnitude)| f64::from(*weight) * magnitude).sum()
    }
}
