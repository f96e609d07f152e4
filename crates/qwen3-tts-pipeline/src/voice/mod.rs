//! Cloned voices: the encoder that makes them, and the files that keep them; and blends of preset
//! speakers.

mod blend;
mod cloned;
mod encoder;
mod file;

pub(crate) use blend::{Blend, names as blended_names};
pub use cloned::{ClonedVoice, VoiceReference};
pub(crate) use encoder::VoiceEncoder;
pub use file::VoiceFileError;
