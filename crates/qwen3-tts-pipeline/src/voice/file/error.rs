//! The errors of reading a voice file.

use qwen3_tts_files::WrongFile;

/// A defect of a voice file. The message follows the name of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceFileError {
    /// The file is too large for a voice.
    #[error("not a voice file: it has more than {max} bytes; is it a model?")]
    TooLarge {
        /// Size in bytes of the largest voice file.
        max: u64,
    },
    /// The file is another one than a voice file, or incomplete.
    #[error("not a voice file: {0}")]
    WrongFile(WrongFile),
    /// The file is not a safetensors file.
    #[error("not a voice file, or a damaged one ({reason}); make it again from its recording")]
    Damaged {
        /// The defect.
        reason: String,
    },
    /// The file is a safetensors file of another kind.
    #[error("not a voice file: expected the format qwen3-tts-voice, found {found}")]
    Format {
        /// The format in its metadata, or `none`.
        found: String,
    },
    /// The file was written by a newer program.
    #[error(
        "a voice file of version {found}, but this program reads version {known}: update the program"
    )]
    Version {
        /// Version of the file.
        found: u32,
        /// Newest version that can be read.
        known: u32,
    },
    /// A part that every voice file has is missing.
    #[error("{what} is missing, which every such voice file has; make it again from its recording")]
    Missing {
        /// The missing part.
        what: &'static str,
    },
    /// A part of the file has an invalid value.
    #[error("{what}: expected {expected}, found {found}; make it again from its recording")]
    Unexpected {
        /// The part of the file.
        what: &'static str,
        /// The expected value.
        expected: &'static str,
        /// The value that was found.
        found: String,
    },
}
