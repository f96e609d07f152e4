//! The short-time Fourier transform.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array2, ArrayView1};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::error::{Error, Result};

/// The transform of a signal to the spectra of overlapping windows: `torch.stft` with
/// `center=False` and `onesided=True`.
///
/// Windowed samples are float32, as in the reference; the transform is float64. It differs from the
/// reference only by the rounding of the reference. It is `Send` and `Sync`.
#[derive(Clone)]
pub struct Stft {
    fft: Arc<dyn RealToComplex<f64>>,
    /// Window, centred in as many samples as the transform has.
    window: Vec<f32>,
    hop_length: usize,
}

impl Stft {
    /// Maximum length of a transform. A larger one is a mistake, or an attempt to exhaust memory.
    pub const MAX_N_FFT: usize = 1 << 20;

    /// Plans a transform of `n_fft` samples every `hop_length` samples. A window shorter than
    /// `n_fft` is centred between zeros.
    ///
    /// # Errors
    /// Returns [`Error::Config`] if a length is 0 or too large, or the window is longer than
    /// `n_fft`.
    pub fn new<'a>(
        n_fft: usize,
        hop_length: usize,
        window: impl Into<ArrayView1<'a, f32>>,
    ) -> Result<Self> {
        let window = window.into();
        let lengths = format!("1 to {}", Self::MAX_N_FFT);
        Error::config((1..=Self::MAX_N_FFT).contains(&n_fft), "n_fft", lengths, n_fft)?;
        Error::config(hop_length > 0, "hop_length", "at least 1", hop_length)?;
        let fits = (1..=n_fft).contains(&window.len());
        Error::config(fits, "win_length", format!("1 to n_fft ({n_fft})"), window.len())?;
        let mut centered = vec![0.0; n_fft];
        let start = (n_fft - window.len()) / 2;
        centered[start..].iter_mut().zip(window).for_each(|(to, from)| *to = *from);
        let fft = RealFftPlanner::new().plan_fft_forward(n_fft);
        Ok(Self { fft, window: centered, hop_length })
    }

    /// Returns the length of the transform in samples.
    pub fn n_fft(&self) -> usize {
        self.window.len()
    }

    /// Returns the number of frequencies, from 0 to half the sample rate: `n_fft / 2 + 1`.
    pub fn n_bins(&self) -> usize {
        self.n_fft() / 2 + 1
    }

    /// Returns the number of whole windows in a signal.
    pub fn n_frames(&self, n_samples: usize) -> usize {
        match n_samples.checked_sub(self.n_fft()) {
            None => 0,
            Some(rest) => rest / self.hop_length + 1,
        }
    }

    /// Computes the spectrum of each window, `[n_frames, n_bins]`. The signal is not padded.
    pub fn forward<'a>(&self, signal: impl Into<ArrayView1<'a, f32>>) -> Array2<Complex<f64>> {
        let signal = signal.into();
        let mut spectra = Array2::zeros((self.n_frames(signal.len()), self.n_bins()));
        self.for_each_frame(signal, |frame, spectrum| {
            spectra.row_mut(frame).iter_mut().zip(spectrum).for_each(|(to, from)| *to = *from);
        });
        spectra
    }

    /// Calls `visit` with the index and the spectrum of each window in turn.
    pub(crate) fn for_each_frame(
        &self,
        signal: ArrayView1<'_, f32>,
        mut visit: impl FnMut(usize, &[Complex<f64>]),
    ) {
        let mut samples = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        for frame in 0..self.n_frames(signal.len()) {
            let start = frame * self.hop_length;
            let under = signal.iter().skip(start).zip(&self.window);
            samples.iter_mut().zip(under).for_each(|(to, (x, w))| *to = f64::from(x * w));
            self.fft
                .process_with_scratch(&mut samples, &mut spectrum, &mut scratch)
                .expect("the buffers are the transform's own");
            visit(frame, &spectrum);
        }
    }
}

impl fmt::Debug for Stft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n_fft, hop_length) = (self.n_fft(), self.hop_length);
        f.debug_struct("Stft").field("n_fft", &n_fft).field("hop_length", &hop_length).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    /// Computes one bin by the definition, term by term.
    fn naive(frame: &[f32], window: &[f32], bin: usize) -> Complex<f64> {
        let n_fft = frame.len();
        let terms = frame.iter().zip(window).enumerate().map(|(n, (x, w))| {
            let angle = -TAU * (bin * n % n_fft) as f64 / n_fft as f64;
            Complex::from_polar(f64::from(x * w), angle)
        });
        terms.sum()
    }

    #[test]
    fn it_is_its_definition_for_even_and_odd_lengths() {
        for (n_fft, win_length, hop_length) in [(16, 16, 4), (15, 15, 7), (16, 9, 5), (1, 1, 1)] {
            let window: Vec<f32> = (1..=win_length).map(|n| n as f32).collect();
            let signal: Vec<f32> = (0..61).map(|n| ((n * n) as f32).sin()).collect();
            let stft = Stft::new(n_fft, hop_length, &window).unwrap();
            let spectra = stft.forward(&signal);
            assert_eq!(spectra.dim(), ((61 - n_fft) / hop_length + 1, n_fft / 2 + 1));
            let mut centered = vec![0.0; n_fft];
            let start = (n_fft - win_length) / 2;
            centered[start..start + win_length].copy_from_slice(&window);
            for ((frame, bin), found) in spectra.indexed_iter() {
                let samples = &signal[frame * hop_length..][..n_fft];
                assert!((found - naive(samples, &centered, bin)).norm() < 1e-10);
            }
        }
    }

    #[test]
    fn a_signal_shorter_than_the_window_has_no_frame() {
        let stft = Stft::new(8, 2, &[1.0; 8]).unwrap();
        assert_eq!(stft.forward(&[0.0; 7]).dim(), (0, 5));
        assert_eq!(stft.forward(&[0.0; 8]).dim(), (1, 5));
        assert_eq!(stft.forward(&[0.0; 9]).dim(), (1, 5));
        assert_eq!(stft.forward(&[0.0; 10]).dim(), (2, 5));
    }

    #[test]
    fn lengths_that_give_no_transform_are_named() {
        for (n_fft, hop_length, win_length, field) in [
            (0, 1, 1, "n_fft"),
            (usize::MAX, 1, 1, "n_fft"),
            (8, 0, 8, "hop_length"),
            (8, 1, 0, "win_length"),
            (8, 1, 9, "win_length"),
        ] {
            let error = Stft::new(n_fft, hop_length, &vec![1.0; win_length]).unwrap_err();
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }
}
