//! Audio files: decoding and resampling of recordings, encoding of output.

mod decode;
mod error;
mod examine;
mod reference;
mod resample;
mod wav;

pub use error::AudioError;
pub use reference::{AudioLimits, AudioWarning, ReferenceAudio};
pub use wav::{WavFormat, encode_samples, encode_wav, wav_header};
