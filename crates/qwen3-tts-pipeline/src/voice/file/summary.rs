//! What there is to know of a voice.

use std::fmt;

use serde::Serialize;

use super::ClonedVoice;
use super::write::VERSION;

/// Seconds of a frame of codes.
const FRAME_SECONDS: f64 = 0.08;

/// A voice without its numbers, for people and, through serde, for programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VoiceSummary {
    /// The version of the file format.
    pub version: u32,
    /// The size of the models that it fits, as in their `config.json`.
    pub tts_model_size: &'static str,
    /// The values of its speaker vector.
    pub hidden_size: usize,
    /// Frames of the recording, of a voice in context.
    pub frames: Option<usize>,
    /// Seconds of the recording, of a voice in context.
    pub seconds: Option<f64>,
    /// What is said in the recording, of a voice in context.
    pub transcript: Option<String>,
    /// The program that made it.
    pub created_with: String,
}

impl VoiceSummary {
    pub(super) fn of(voice: &ClonedVoice) -> Self {
        let reference = voice.reference.as_ref();
        let frames = reference.map(|reference| reference.codes.len());
        Self {
            version: VERSION,
            tts_model_size: voice.tts_model_size.name(),
            hidden_size: voice.speaker_embedding.len(),
            frames,
            // Frames are a multiple of 80 ms: rounded to that, not to a sum of binary fractions.
            seconds: frames.map(|frames| (frames as f64 * FRAME_SECONDS * 100.0).round() / 100.0),
            transcript: reference.map(|reference| reference.transcript.clone()),
            created_with: voice.created_with.clone(),
        }
    }
}

impl fmt::Display for VoiceSummary {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "model size    {}", self.tts_model_size)?;
        writeln!(f, "speaker       {} values", self.hidden_size)?;
        match (self.frames, self.seconds, &self.transcript) {
            (Some(frames), Some(seconds), Some(transcript)) => {
                writeln!(f, "recording     {seconds:.2} s, {frames} frames")?;
                writeln!(f, "transcript    {transcript:?}")?;
            }
            _ => writeln!(f, "recording     none: the voice is its vector only")?,
        }
        writeln!(f, "version       {}", self.version)?;
        write!(f, "made with     {}", self.created_with)
    }
}
