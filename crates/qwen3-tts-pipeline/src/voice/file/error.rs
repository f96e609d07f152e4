//! Why a voice file is not accepted.

/// What is wrong in a voice file, in words that follow its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceFileError {
    /// It is too large to be a voice.
    #[error("not a voice file: expected at most {max} bytes, found more; is it a model?")]
    TooLarge {
        /// The size of the largest voice.
        max: u64,
    },
    /// It is not even a safetensors file.
    #[error("not a voice file, or a damaged one ({reason}); make it again from its recording")]
    Damaged {
        /// What is wrong in it.
        reason: String,
    },
    /// It is a safetensors file of something else.
    #[error("not a voice file: expected the format qwen3-tts-voice, found {found}")]
    Format {
        /// The format that it claims, or `none`.
        found: String,
    },
    /// It comes from a newer program.
    #[error("a voice file of version {found}, and this program knows version {known}: update it")]
    Version {
        /// The version of the file.
        found: u32,
        /// The newest version that can be read.
        known: u32,
    },
    /// Something that every voice has is not in it.
    #[error("{what}: expected in every such voice file, found none; make it again")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// Something in it is not what it should be.
    #[error("{what}: expected {expected}, found {found}; make it again from its recording")]
    Unexpected {
        /// The part of the file.
        what: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}
