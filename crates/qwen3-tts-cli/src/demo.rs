//! The demo voice, which speaks if no model is named.

use qwen3_tts_pipeline::{ModelFiles, TextMode};

/// A task of the demo voice, with a checkpoint of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Speech of one of its own speakers, or a task that needs no speaker.
    Preset,
    /// Speech with the voice of a recording or a voice file.
    Cloning,
}

impl Use {
    /// Returns `Cloning` if `is_cloned`, else `Preset`.
    pub fn new(is_cloned: bool) -> Self {
        if is_cloned { Self::Cloning } else { Self::Preset }
    }

    /// Returns the files of its checkpoint.
    pub fn files(self) -> ModelFiles {
        match self {
            Self::Preset => ModelFiles::embedded(qwen3_tts_demo::custom_voice()),
            Self::Cloning => ModelFiles::embedded(qwen3_tts_demo::base()),
        }
    }

    /// Returns the text mode to use if none is requested. When cloning, the demo voice loses its
    /// place in the text unless it gets the whole text first.
    pub fn text_mode(self) -> Option<TextMode> {
        (self == Self::Cloning).then_some(TextMode::NonStreaming)
    }

    /// Returns the note that is printed when the demo voice speaks.
    pub fn note(self) -> &'static str {
        match self {
            Self::Preset => "demo voice; a real one: --model Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice",
            Self::Cloning => {
                "closer of two demo voices; a clone: --model Qwen/Qwen3-TTS-12Hz-0.6B-Base"
            }
        }
    }
}
