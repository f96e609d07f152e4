#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod mel_config;
mod mel_filters;
mod mel_spectrogram;
mod reflect;
mod resample;
mod stft;
mod window;

pub use error::{Error, Result};
pub use mel_config::MelConfig;
pub use mel_filters::mel_filters;
pub use mel_spectrogram::MelSpectrogram;
pub use ndarray;
pub use realfft::num_complex::Complex;
pub use reflect::reflect_pad;
pub use resample::{Resampler, resample};
pub use stft::Stft;
pub use window::hann_window;
