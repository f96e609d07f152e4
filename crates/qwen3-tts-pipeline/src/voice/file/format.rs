//! The constants of the voice file format.

use qwen3_tts_config::ModelSize;

/// Value of the metadata field `format`.
pub const FORMAT: &str = "qwen3-tts-voice";
/// The version that is written, and the newest one that is read.
pub const VERSION: u32 = 1;
/// Size in bytes of the largest voice file. A model in its place is refused before it is read.
pub const MAX_BYTES: u64 = 16 << 20;

/// Returns the name of a model size in `config.json` and in voice files.
pub fn size_name(size: ModelSize) -> &'static str {
    match size {
        ModelSize::B0_6 => "0b6",
        ModelSize::B1_7 => "1b7",
    }
}
