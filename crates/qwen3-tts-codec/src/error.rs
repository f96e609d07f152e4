//! Why codes can't be decoded.

/// A specialised [`Result`](std::result::Result).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why codes were refused or a decoding broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A frame has another number of codes than the codec has codebooks.
    #[error("frame {frame} has {found} codes, expected {expected}, one for each codebook")]
    FrameLength {
        /// The frame, from 0.
        frame: usize,
        /// The number of codebooks.
        expected: usize,
        /// The number of codes.
        found: usize,
    },
    /// A code is outside its codebook.
    #[error("frame {frame}, codebook {codebook}: code {code} is not below {codebook_size}")]
    CodeOutOfRange {
        /// The frame, from 0.
        frame: usize,
        /// The codebook, from 0.
        codebook: usize,
        /// The code.
        code: u32,
        /// The number of entries of the codebook.
        codebook_size: usize,
    },
    /// A chunked decode with chunks of no frame.
    #[error("the chunk size must be at least 1 frame, not 0")]
    ChunkSize,
    /// The arithmetic failed.
    #[error(transparent)]
    Nn(#[from] qwen3_tts_nn::Error),
}
