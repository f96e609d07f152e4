//! Results of a request: chunks of audio, finished pieces, the whole speech.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::codes::SpeechCodes;
use super::stop_reason::StopReason;

/// A part of the audio of a speech.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AudioChunk {
    /// Mono samples in [−1, 1]. The samples of all chunks, joined, are the audio of the speech.
    pub samples: Vec<f32>,
    /// Sample rate in Hz.
    pub sample_rate: u32,
    /// Index of the piece of the text that the chunk belongs to.
    pub piece: usize,
    /// Index, within the piece, of the first 80 ms frame of the chunk.
    pub first_frame: usize,
    /// Number of frames. 0 for the silence after a piece, or before the first one.
    pub n_frames: usize,
}

/// A report of a [`Speech`](crate::Speech).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SpeechEvent {
    /// Audio.
    Chunk(AudioChunk),
    /// A piece of the text is complete: all its chunks came before, the silence after it follows.
    /// Pieces come in the order of the text, unless they are
    /// [unordered](crate::LongText::unordered).
    Piece(Arc<PieceOutput>),
}

/// Progress of a speech, in 80 ms frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Number of frames generated so far, heard or not.
    pub frames: usize,
    /// Number of frames that the text is expected to take: estimated from its length, at the pace of
    /// the pieces that have ended, or before that at the usual one.
    pub expected_frames: usize,
    /// Maximum number of frames.
    pub max_frames: usize,
    /// Number of pieces that have ended.
    pub ended_pieces: usize,
    /// Number of pieces that are being spoken.
    pub active_pieces: usize,
}

/// A complete speech.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SpeechOutput {
    /// Mono samples in [−1, 1]. Empty if the audio was taken in chunks.
    pub audio: Vec<f32>,
    /// Sample rate in Hz.
    pub sample_rate: u32,
    /// Number of samples, silence between pieces included.
    pub n_samples: usize,
    /// Codes of all pieces.
    pub codes: SpeechCodes,
    /// Reason why the speech ended: [`StopReason::MaxFrames`] if any piece reached its limit.
    pub stop_reason: StopReason,
    /// Seed of the speech, from which the seeds of its pieces count.
    pub seed: u64,
    /// Pieces of the text, in order.
    pub pieces: Vec<Arc<PieceOutput>>,
    /// Number of prompt tokens (text and instruction) of all pieces.
    pub prompt_tokens: usize,
    /// Time spent in each stage, summed over the pieces.
    pub timings: StageTimings,
    /// Time from the request to the end of the speech.
    pub processing_time: Duration,
}

/// A complete piece of a speech.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PieceOutput {
    /// Index of the piece.
    pub index: usize,
    /// Byte range of the piece in the text of the request; empty if the text was incremental.
    pub range: Range<usize>,
    /// Codes of the piece.
    pub codes: SpeechCodes,
    /// Reason why the piece ended.
    pub stop_reason: StopReason,
    /// Seed of the piece.
    pub seed: u64,
    /// Number of times that the piece was spoken, at least 1.
    pub attempts: usize,
    /// True if the last attempt too did not end within its expected span and was cut there.
    pub is_runaway: bool,
    /// Silence after the piece; zero after the last one.
    pub pause: Duration,
    /// Number of prompt tokens (text and instruction).
    pub prompt_tokens: usize,
    /// Time spent in each stage by the last attempt.
    pub timings: StageTimings,
}

/// Time spent in each stage of a speech, or of cloning a voice. The time of a step for several
/// requests is divided among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StageTimings {
    /// Embedding the voice of a recording to clone.
    pub speaker_encoder: Duration,
    /// Encoding a recording to codes; `None` if the voice has no transcript.
    pub speech_encoder: Option<Duration>,
    /// Embedding the prompt and the first pass over it.
    pub prefill: Duration,
    /// Generating codebook 0.
    pub talker: Duration,
    /// Generating the other codebooks.
    pub code_predictor: Duration,
    /// Decoding codes to audio.
    pub codec: Duration,
    /// Time from the request to the first decoded samples.
    pub time_to_first_audio: Duration,
}

impl SpeechOutput {
    /// Returns the number of 80 ms frames, without the silence between pieces.
    pub fn n_frames(&self) -> usize {
        self.codes.codes.len()
    }

    /// Returns the duration of the audio.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.n_samples as f64 / f64::from(self.sample_rate))
    }

    /// Returns processing time ÷ duration: less than 1 is faster than real time.
    pub fn real_time_factor(&self) -> f64 {
        self.processing_time.as_secs_f64() / self.duration().as_secs_f64()
    }
}

impl AudioChunk {
    /// Returns true for silence between pieces, before the first or after the last.
    pub fn is_pause(&self) -> bool {
        self.n_frames == 0
    }
}

impl StageTimings {
    pub(super) fn sum(pieces: &[Arc<PieceOutput>]) -> Self {
        let first = pieces.first().map_or(Duration::ZERO, |p| p.timings.time_to_first_audio);
        pieces.iter().fold(Self { time_to_first_audio: first, ..Self::default() }, |sum, piece| {
            Self {
                prefill: sum.prefill + piece.timings.prefill,
                talker: sum.talker + piece.timings.talker,
                code_predictor: sum.code_predictor + piece.timings.code_predictor,
                codec: sum.codec + piece.timings.codec,
                ..sum
            }
        })
    }
}
