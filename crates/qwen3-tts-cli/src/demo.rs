//! The voice that is built into the command, for a first word without a download.
//!
//! `cargo xtask train-demo` makes what lies in `demo/`; docs/demo-voice.md tells how.

use qwen3_tts_pipeline::{ModelFiles, TextMode};

type Files = &'static [(&'static str, &'static [u8])];

static MODEL: &[u8] = include_bytes!("../demo/model.safetensors");
static SPEECH_TOKENIZER: &[u8] = include_bytes!("../demo/speech_tokenizer/model.safetensors");

/// Two checkpoints with the same weights.
macro_rules! checkpoint {
    ($config:literal) => {
        &[
            ("config.json", include_bytes!($config)),
            ("generation_config.json", include_bytes!("../demo/generation_config.json")),
            ("tokenizer_config.json", include_bytes!("../demo/tokenizer_config.json")),
            ("vocab.json", include_bytes!("../demo/vocab.json")),
            ("merges.txt", include_bytes!("../demo/merges.txt")),
            ("model.safetensors", MODEL),
            (
                "speech_tokenizer/config.json",
                include_bytes!("../demo/speech_tokenizer/config.json"),
            ),
            ("speech_tokenizer/model.safetensors", SPEECH_TOKENIZER),
        ]
    };
}

static PRESET: Files = checkpoint!("../demo/config.json");
static BASE: Files = checkpoint!("../demo/base/config.json");

/// What is to be asked of the built-in voice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// One of its own speakers, or anything that needs none.
    Preset,
    /// A speaker that a recording or a voice file has.
    Cloning,
}

impl Use {
    /// What clones if `is_cloned`.
    pub fn new(is_cloned: bool) -> Self {
        if is_cloned { Self::Cloning } else { Self::Preset }
    }

    /// The files of the checkpoint for it.
    pub fn files(self) -> ModelFiles {
        ModelFiles::embedded(match self {
            Self::Preset => PRESET,
            Self::Cloning => BASE,
        })
    }

    /// How it takes its text where nobody asks for a way: after a recording it has to know all of it
    /// ahead, otherwise it loses its place.
    pub fn text_mode(self) -> Option<TextMode> {
        (self == Self::Cloning).then_some(TextMode::NonStreaming)
    }

    /// What is to be said when it speaks.
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
