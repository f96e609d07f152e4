//! The demo voice, which the command speaks with if no model is named.

use qwen3_tts_pipeline::{ModelFiles, TextMode};

/// A task of the demo voice; each has its checkpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Speaking as one of its own speakers, or a task that needs none.
    Preset,
    /// Speaking as a recording or a voice file does.
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

    /// Returns the text mode to use if none is requested. After a recording, this voice loses its
    /// place in the text unless it has all of the text ahead.
    pub fn text_mode(self) -> Option<TextMode> {
        (self == Self::Cloning).then_some(TextMode::NonStreaming)
    }

    /// Returns the note that is printed when it speaks.
    pub fn note(self) -> &'static str {
        match self {
            Self::Preset => {
                "speaking with the built-in demo voice, small and trained on synthetic speech; \
                 --model Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice or --model DIR names a real one"
            }
            Self::Cloning => {
                "cloning with the built-in demo voice, which knows two speakers and takes the one \
                 that the recording is more like; --model Qwen/Qwen3-TTS-12Hz-0.6B-Base or \
                 --model DIR names a real one"
            }
        }
    }
}
