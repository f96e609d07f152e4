//! The parameters of a mel spectrogram.

use crate::error::{Error, Result};

/// Parameters of a mel spectrogram; the default is the model's.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MelConfig {
    /// Sample rate of the signal in Hz.
    pub sample_rate: u32,
    /// Length of a transform in samples.
    pub n_fft: usize,
    /// Distance between frames in samples.
    pub hop_length: usize,
    /// Length of the Hann window in samples.
    pub win_length: usize,
    /// Number of mel bands.
    pub n_mels: usize,
    /// Lowest frequency in Hz.
    pub f_min: f64,
    /// Highest frequency in Hz.
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
    /// Maximum number of mel bands. A larger number is a mistake, or an attempt to exhaust memory.
    pub const MAX_N_MELS: usize = 1 << 12;
    /// Maximum length of a transform, for the same reason.
    pub const MAX_N_FFT: usize = 1 << 16;

    /// Sets the sample rate of the signal in Hz.
    pub fn sample_rate(self, sample_rate: u32) -> Self {
        Self { sample_rate, ..self }
    }

    /// Sets the length of a transform in samples.
    pub fn n_fft(self, n_fft: usize) -> Self {
        Self { n_fft, ..self }
    }

    /// Sets the distance between frames in samples.
    pub fn hop_length(self, hop_length: usize) -> Self {
        Self { hop_length, ..self }
    }

    /// Sets the length of the Hann window in samples.
    pub fn win_length(self, win_length: usize) -> Self {
        Self { win_length, ..self }
    }

    /// Sets the number of mel bands.
    pub fn n_mels(self, n_mels: usize) -> Self {
        Self { n_mels, ..self }
    }

    /// Sets the lowest frequency in Hz.
    pub fn f_min(self, f_min: f64) -> Self {
        Self { f_min, ..self }
    }

    /// Sets the highest frequency in Hz.
    pub fn f_max(self, f_max: f64) -> Self {
        Self { f_max, ..self }
    }

    /// Returns the number of mirrored samples on each side: `(n_fft − hop_length) / 2`.
    pub fn padding(&self) -> usize {
        self.n_fft.saturating_sub(self.hop_length) / 2
    }

    /// Returns the length in samples of the shortest signal that gives a frame: longer than the
    /// padding, since mirroring does not repeat the edge, and with its padding as long as a
    /// transform.
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
