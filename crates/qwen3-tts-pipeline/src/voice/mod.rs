//! Cloned voices: the encoder that makes them and the file that keeps them.

mod encoder;
mod file;

pub(crate) use encoder::VoiceEncoder;
pub use file::{ClonedVoice, VoiceFileError, VoiceReference, VoiceSummary};
