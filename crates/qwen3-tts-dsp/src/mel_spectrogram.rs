//! The logarithmic mel spectrogram that the speaker encoder hears.

use ndarray::{Array2, ArrayView1};

use crate::error::{Error, Result};
use crate::mel_filters::mel_filters;
use crate::reflect::reflect_pad;
use crate::stft::Stft;
use crate::window::hann_window;

/// What a spectrogram is made of; the default is the model's.
#[derive(Debug, Clone, PartialEq)]
pub struct MelConfig {
    /// Sample rate of the signal in Hz.
    pub sample_rate: u32,
    /// Samples of one transform.
    pub n_fft: usize,
    /// Samples from one frame to the next.
    pub hop_length: usize,
    /// Samples of the Hann window.
    pub win_length: usize,
    /// Mel bands.
    pub n_mels: usize,
    /// The lowest frequency in Hz.
    pub f_min: f64,
    /// The highest frequency in Hz.
    pub f_max: f64,
}

impl Default for MelConfig {
    fn default() -> Self {
        Self {
            sample_rate: 24_000,
            n_fft: 1024,
            hop_length: 256,
            win_length: 1024,
            n_mels: 128,
            f_min: 0.0,
            f_max: 12_000.0,
        }
    }
}

impl MelConfig {
    /// The most mel bands; more is a mistake, or an attempt to exhaust memory.
    pub const MAX_N_MELS: usize = 1 << 12;
    /// The longest transform of a spectrogram, for the same reason.
    pub const MAX_N_FFT: usize = 1 << 16;

    /// The mirrored samples on each side: `(n_fft − hop_length) / 2`.
    pub fn padding(&self) -> usize {
        self.n_fft.saturating_sub(self.hop_length) / 2
    }

    /// The shortest signal that gives a frame: longer than the padding, since mirroring does not
    /// repeat the edge, and with its padding as long as a transform.
    pub fn min_samples(&self) -> usize {
        let padding = self.padding();
        self.n_fft.saturating_sub(2 * padding).max(padding + 1)
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let within = |field, value: usize, high: usize| {
            Error::config((1..=high).contains(&value), field, format!("1 to {high}"), value)
        };
        within("n_fft", self.n_fft, Self::MAX_N_FFT)?;
        within("hop_length", self.hop_length, self.n_fft)?;
        within("win_length", self.win_length, self.n_fft)?;
        within("n_mels", self.n_mels, Self::MAX_N_MELS)?;
        Error::config(self.sample_rate > 0, "sample_rate", "at least 1 Hz", self.sample_rate)?;
        let nyquist = f64::from(self.sample_rate) / 2.0;
        let holds = self.f_max > 0.0 && self.f_max <= nyquist;
        let expected = format!("above 0 Hz and at most half the sample rate ({nyquist} Hz)");
        Error::config(holds, "f_max", expected, self.f_max)?;
        let holds = self.f_min >= 0.0 && self.f_min < self.f_max;
        let expected = format!("at least 0 Hz and below f_max ({} Hz)", self.f_max);
        Error::config(holds, "f_min", expected, self.f_min)
    }
}

/// Computes ln(max(F·√(|STFT|² + 1e-9), 1e-5)) of signals, F the
/// [mel filters](crate::mel_filters): the reference's `mel_spectrogram`.
///
/// It is built once and used for any number of signals.
#[derive(Debug, Clone)]
pub struct MelSpectrogram {
    config: MelConfig,
    stft: Stft,
    bands: Vec<Band>,
}

/// A mel filter where it is not zero.
#[derive(Debug, Clone)]
struct Band {
    first_bin: usize,
    weights: Vec<f32>,
}

impl MelSpectrogram {
    /// Added to the squared magnitude.
    const MAGNITUDE_EPS: f64 = 1e-9;
    /// What counts as silence.
    const FLOOR: f64 = 1e-5;

    /// Plans the transform and computes the filters.
    ///
    /// # Errors
    /// [`Error::Config`] when a parameter gives no spectrogram.
    pub fn new(config: MelConfig) -> Result<Self> {
        let filters = mel_filters(&config)?;
        let window = hann_window(config.win_length);
        let stft = Stft::new(config.n_fft, config.hop_length, &window)?;
        let bands = filters.rows().into_iter().map(Band::new).collect();
        Ok(Self { config, stft, bands })
    }

    /// What it was built from.
    pub fn config(&self) -> &MelConfig {
        &self.config
    }

    /// The number of frames of a signal, 0 where it is too short.
    pub fn n_frames(&self, n_samples: usize) -> usize {
        if n_samples < self.config.min_samples() {
            return 0;
        }
        self.stft.n_frames(n_samples.saturating_add(2 * self.config.padding()))
    }

    /// The spectrogram `[n_frames, n_mels]` of a signal, whose samples are in −1..=1 by custom.
    ///
    /// # Errors
    /// [`Error::TooShort`] below [`MelConfig::min_samples`], [`Error::NonFinite`] where a sample
    /// is no number.
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
