//! Why codes can't be decoded, or audio can't be encoded.

/// A specialised [`Result`](std::result::Result).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why codes or samples were refused, or the arithmetic broke off.
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
    /// The checkpoint's configuration has no encoder.
    #[error("speech_tokenizer/config.json has no encoder_config: this checkpoint can only decode")]
    NoEncoder,
    /// There is nothing to encode.
    #[error("there is no audio to encode: expected at least one sample")]
    NoSamples,
    /// The audio is damaged.
    #[error("sample {index} is not a finite number")]
    NonFiniteSample {
        /// The sample, from 0.
        index: usize,
    },
    /// The arithmetic failed.
    #[error(transparent)]
    Nn(#[from] qwen3_tts_nn::Error),
}
