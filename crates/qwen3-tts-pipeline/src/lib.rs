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
mod checkpoint;
mod error;
mod output;
mod speech;
mod text;
mod voice;

pub use audio::{
    AudioError, AudioLimits, AudioWarning, ReferenceAudio, WavFormat, encode_samples, encode_wav,
    wav_header,
};
#[cfg(feature = "hub")]
pub use checkpoint::hub;
pub use checkpoint::{CheckpointInfo, ModelFiles, Quantize, WeightsInfo};
pub use error::{Error, ErrorKind, Result};
pub use output::{OutputFile, OutputStream};
pub use qwen3_tts_nn::{Bits, Dtype};
pub use qwen3_tts_talker::{Sampling, TextMode};
pub use speech::{
    AudioChunk, ChunkSchedule, DeviceKind, IncrementalText, LoadOptions, LongText, Pauses,
    PieceOutput, Progress, Speech, SpeechCodes, SpeechControl, SpeechEvent, SpeechOutput,
    SpeechRequest, StageTimings, StopReason, Synthesizer, Voice, VoiceTimings, WeightTypes,
};
pub use text::{IncrementalTokenizer, PieceEnd, TextPiece, TextTokenizer};
pub use voice::{ClonedVoice, VoiceFileError, VoiceReference, VoiceSummary};
