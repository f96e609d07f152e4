//! Audio files: reading and resampling of recordings, encoding of output.

mod decode;
mod error;
mod examine;
mod limits;
mod reference;
mod wav;

pub use error::AudioError;
pub use limits::{AudioLimits, AudioWarning};
pub use reference::ReferenceAudio;
pub use wav::WavFormat;
