//! The voice that is built into the command, for a first word without a download.
//!
//! `cargo xtask train-demo` makes what lies in `demo/`; docs/demo-voice.md tells how.

use qwen3_tts_pipeline::ModelFiles;

macro_rules! demo_files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../demo/", $name)))),*]
    };
}

const FILES: &[(&str, &[u8])] = demo_files![
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "model.safetensors",
    "speech_tokenizer/config.json",
    "speech_tokenizer/model.safetensors",
];

/// What is to be said when it speaks.
pub const NOTE: &str = "speaking with the built-in demo voice, small and trained on synthetic \
     speech; --model Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice or --model DIR names a real one";

/// Its files.
pub fn files() -> ModelFiles {
    ModelFiles::embedded(FILES)
}
