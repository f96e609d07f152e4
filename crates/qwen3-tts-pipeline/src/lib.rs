//! Qwen3-TTS from a model directory to speech.
//!
//! [`Synthesizer`] loads a checkpoint and speaks [`SpeechRequest`]s; [`SpeechResult`] has the audio
//! and everything that is worth knowing of how it was made. A request is checked as a whole before
//! anything is computed: what the model cannot honour is an [`Error`] that says why.
//!
//! The parts are of use alone: [`TextTokenizer`], [`SpeechTokenizer`] (codes to audio), `hub`
//! (models by name), [`encode_wav`] and [`OutputFile`] (files that are whole or not there).
//!
//! ```no_run
//! use qwen3_tts_pipeline::{
//!     LoadOptions, OutputFile, SpeechRequest, Synthesizer, WavFormat, encode_wav,
//! };
//!
//! # fn main() -> qwen3_tts_pipeline::Result<()> {
//! let output = OutputFile::check("hello.wav")?;
//! let model = Synthesizer::load("Qwen3-TTS-12Hz-0.6B-CustomVoice", &LoadOptions::default())?;
//! let request = SpeechRequest::new("Hello there!").speaker("Ryan").language("English");
//! let speech = model.synthesize(&request)?;
//! output.write(&encode_wav(&speech.audio, speech.sample_rate, WavFormat::S16))?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod audio;
mod batch;
mod checkpoint;
mod codec;
mod codes;
mod engine;
mod error;
mod narration;
mod output;
mod request;
mod result;
mod speaking;
mod stream;
mod synthesizer;
mod text;
mod text_stream;
mod voice;

pub use audio::{
    AudioError, AudioLimits, AudioWarning, ReferenceAudio, WavFormat, encode_samples, encode_wav,
    wav_header,
};
pub use batch::{Batch, BatchEvent};
#[cfg(feature = "hub")]
pub use checkpoint::hub;
pub use checkpoint::{CheckpointInfo, ModelFiles, Quantize, WeightsInfo};
pub use codec::{SpeechEncoder, SpeechTokenizer};
pub use codes::{SpeechCodes, stop_reason_name};
pub use engine::{Engine, EngineOptions, EngineStream};
pub use error::{Error, ErrorKind};
pub use narration::{
    NarratedPiece, Narration, NarrationOptions, Narrator, NarratorEvent, Pauses, Script,
};
pub use output::{OutputFile, OutputStream};
pub use qwen3_tts_nn::Bits;
pub use qwen3_tts_talker::{StopReason, TextMode};
pub use request::{Sampling, SpeechRequest, Voice};
pub use result::{AudioRate, PromptRate, SpeechResult, StageTimings, peak_memory_bytes};
pub use stream::{AudioChunk, ChunkSchedule, SpeechStream};
pub use synthesizer::{DeviceKind, FrameProgress, LoadOptions, Synthesizer};
pub use text::{IncrementalTokenizer, PieceEnd, TextPiece, TextTokenizer};
pub use text_stream::TextStream;
pub use voice::{
    ClonedVoice, VoiceEncoder, VoiceFileError, VoiceReference, VoiceSummary, VoiceTimings,
};

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
