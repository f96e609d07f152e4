//! Audio files: reading and resampling of recordings, encoding of output.

mod aac;
mod decode;
mod decoder;
mod error;
mod examine;
mod levels;
mod limits;
mod mp4;
mod ogg;
mod opus;
mod pcm;
mod reference;
mod sniff;
mod source;
mod timeline;
mod wav;

pub use error::AudioError;
pub use limits::{AudioLimits, AudioWarning};
pub use reference::ReferenceAudio;
pub use wav::WavFormat;
