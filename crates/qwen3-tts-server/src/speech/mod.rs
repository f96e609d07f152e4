//! A request to speak, from its fields to the bytes of the answer.

mod body;
mod encoder;
mod fields;
mod format;
mod frames;
mod prepare;
mod utterance;

pub use body::{audio_body, whole_audio};
pub use encoder::BlockEncoder;
pub use fields::{SpeechFields, StreamFormat, VoiceField, parse};
pub use format::OutputFormat;
pub use frames::Frames;
pub use prepare::{Prepared, instructions, text};
pub use utterance::Utterance;
