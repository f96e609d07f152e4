//! Recordings: reading and resampling.

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

pub use error::AudioError;
pub use limits::{AudioLimits, AudioWarning};
pub use reference::ReferenceAudio;
