//! The constants of the voice file format.

/// Value of the metadata field `format`.
pub const FORMAT: &str = "qwen3-tts-voice";
/// The version that is written, and the newest one that is read.
pub const VERSION: u32 = 1;
/// Size in bytes of the largest voice file. A model in its place is refused before it is read.
pub const MAX_BYTES: u64 = 16 << 20;
