//! The state that the parts of `speak` share.

use std::time::Instant;

use qwen3_tts_pipeline::Synthesizer;

use crate::args::SpeakArgs;
use crate::demo;

/// A request that is being spoken.
pub struct Job<'a> {
    pub args: &'a SpeakArgs,
    pub model: &'a Synthesizer,
    /// Task of the demo voice, if it speaks.
    pub demo_use: demo::Use,
    pub show_progress: bool,
    pub begin: Instant,
}
