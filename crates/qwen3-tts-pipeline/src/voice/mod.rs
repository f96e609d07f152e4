//! Cloned voices: the encoder that makes them and the file that keeps them.

mod encoder;
mod file;

pub use encoder::{VoiceEncoder, VoiceTimings};
pub use file::{ClonedVoice, VoiceFileError, VoiceReference, VoiceSummary};
