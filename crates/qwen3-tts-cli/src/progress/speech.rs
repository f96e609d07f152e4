//! Progress of one speech.

use std::time::Instant;

use qwen3_tts_pipeline::SpeechControl;

use super::drawing::Drawing;
use super::line::Status;

/// Frames, pieces, speed and remaining time of a speech, until it is dropped.
pub struct SpeechBar {
    _drawing: Drawing,
}

impl SpeechBar {
    /// Shows a speech of `n_pieces` pieces, of which an earlier run has completed `kept`.
    pub fn new(
        shown: bool,
        frame_rate: f64,
        speech: SpeechControl,
        n_pieces: usize,
        kept: usize,
    ) -> Self {
        let begin = Instant::now();
        let status = move || {
            let progress = speech.progress();
            Status {
                done: kept + progress.ended_pieces,
                active: progress.active_pieces,
                parts: n_pieces,
                unit: "pieces",
                frames: progress.frames,
                // The length is an estimate; once it is passed, the end moves with the frames.
                expected: progress
                    .expected_frames
                    .max(progress.frames + 1)
                    .min(progress.max_frames.max(progress.frames)),
                elapsed: begin.elapsed(),
                frame_rate,
            }
        };
        Self { _drawing: Drawing::new(shown, status) }
    }
}
