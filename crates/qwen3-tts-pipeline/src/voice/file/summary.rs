//! Summaries of voices.

use std::fmt;

use serde::Serialize;

use super::super::cloned::ClonedVoice;
use super::format::VERSION;

/// Length of a frame of codes in seconds.
const FRAME_SECONDS: f64 = 0.08;

/// A voice without its values: readable through `Display`, and by programs through serde.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VoiceSummary {
    /// Version of the file format.
    pub version: u32,
    /// Size of the models that the voice fits, as in their `config.json`.
    pub tts_model_size: &'static str,
    /// Number of values of the speaker embedding.
    pub hidden_size: usize,
    /// Number of frames of the recording, for a voice in context.
    pub frames: Option<usize>,
    /// Length of the recording in seconds, for a voice in context.
    pub seconds: Option<f64>,
    /// Transcript of the recording, for a voice in context.
    pub transcript: Option<String>,
    /// Name and version of the program that made the voice.
    pub created_with: String,
}

impl ClonedVoice {
    /// Returns a summary of the voice.
    pub fn summary(&self) -> VoiceSummary {
        VoiceSummary::of(self)
    }
}

impl VoiceSummary {
    fn of(voice: &ClonedVoice) -> Self {
        let reference = voice.reference.as_ref();
        let frames = reference.map(|reference| reference.codes.len());
        Self {
            version: VERSION,
            tts_model_size: voice.tts_model_size.name(),
            hidden_size: voice.speaker_embedding.len(),
            frames,
            // A multiple of 80 ms has two decimals; the product of floats may have more.
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
            _ => writeln!(f, "recording     none: the voice is its speaker embedding only")?,
        }
        writeln!(f, "version       {}", self.version)?;
        write!(f, "made with     {}", self.created_with)
    }
}
