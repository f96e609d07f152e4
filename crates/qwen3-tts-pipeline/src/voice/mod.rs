//! Cloned voices: the encoder that makes them, and the files that keep them.

mod cloned;
mod encoder;
mod file;

pub use cloned::{ClonedVoice, VoiceReference};
pub(crate) use encoder::VoiceEncoder;
pub use file::VoiceFileError;
