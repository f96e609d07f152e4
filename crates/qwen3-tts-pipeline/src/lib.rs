#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod audio;
mod checkpoint;
mod error;
mod speech;
mod text;
mod voice;

pub use audio::{AudioError, AudioLimits, AudioWarning, ReferenceAudio};
pub use checkpoint::{CheckpointInfo, ModelFiles, Quantize};
#[cfg(feature = "hub")]
pub use checkpoint::{DownloadProgress, Hub, HubError};
pub use error::{Error, ErrorKind, Result};
pub use qwen3_tts_nn::Bits;
pub use qwen3_tts_talker::{Sampling, TextMode};
pub use speech::{
    AudioChunk, ChunkSchedule, DeviceKind, IncrementalText, LoadOptions, LongText, PieceOutput,
    Progress, Speech, SpeechCodes, SpeechControl, SpeechEvent, SpeechOutput, SpeechRequest,
    StageTimings, StopReason, Synthesizer, Voice,
};
pub use text::{TextPiece, TextTokenizer};
pub use voice::{ClonedVoice, VoiceFileError, VoiceReference};
