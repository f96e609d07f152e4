//! Summaries of voice files, as text and as JSON.

use std::fmt;

use qwen3_tts_pipeline::ClonedVoice;
use serde::Serialize;

use crate::terminal;

/// Length of a frame of codes in seconds.
const FRAME_SECONDS: f64 = 0.08;

/// A voice without its values, as text through `Display` and as JSON through serde.
#[derive(Serialize)]
pub struct VoiceSummary {
    /// Version of the file format.
    version: u32,
    /// Size of the models that the voice fits, as in their `config.json`.
    tts_model_size: &'static str,
    /// Number of values of the speaker embedding.
    hidden_size: usize,
    /// Number of frames of the recording, for a voice in context.
    frames: Option<usize>,
    /// Length of the recording in seconds, for a voice in context.
    seconds: Option<f64>,
    /// Transcript of the recording, for a voice in context.
    transcript: Option<String>,
    /// Name and version of the program that made the voice.
    created_with: String,
}

impl VoiceSummary {
    pub fn of(voice: &ClonedVoice) -> Self {
        let reference = voice.reference.as_ref();
        let frames = reference.map(|reference| reference.codes.len());
        Self {
            version: ClonedVoice::FORMAT_VERSION,
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
        write!(f, "made with     {}", terminal::message(&self.created_with))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_and_json_agree() {
        let mut summary = VoiceSummary {
            version: 1,
            tts_model_size: "0b6",
            hidden_size: 1024,
            frames: Some(25),
            seconds: Some(2.0),
            transcript: Some("Hello, \"Ann\"!".to_owned()),
            created_with: "qwen3-tts 0.1.0".to_owned(),
        };
        let told = summary.to_string();
        assert!(told.contains("2.00 s, 25 frames") && told.contains("0b6"), "{told}");
        assert!(told.contains("1024 values") && told.contains("Ann"), "{told}");
        let expected = json!({
            "version": 1, "tts_model_size": "0b6", "hidden_size": 1024, "frames": 25,
            "seconds": 2.0, "transcript": "Hello, \"Ann\"!", "created_with": "qwen3-tts 0.1.0",
        });
        assert_eq!(serde_json::to_value(&summary).unwrap(), expected);
        (summary.frames, summary.seconds, summary.transcript) = (None, None, None);
        assert!(summary.to_string().contains("none"), "{summary}");
        assert!(serde_json::to_value(&summary).unwrap()["frames"].is_null());
    }
}
