//! Qwen3-TTS from a model directory to speech.

#![forbid(unsafe_code)]

mod codes;
mod error;
mod files;
#[cfg(feature = "hub")]
pub mod hub;
mod output;
mod tokenizer;
mod wav;

pub use codes::{SpeechCodes, stop_reason_name};
pub use error::Error;
pub use files::ModelFiles;
pub use output::OutputFile;
pub use qwen3_tts_talker::StopReason;
pub use tokenizer::TextTokenizer;
pub use wav::{WavFormat, encode_wav};

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
