//! Errors of loading, decoding and encoding.

/// [`Result`](std::result::Result) with the [`Error`] of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why the codec could not be loaded, or codes or samples were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A frame has another number of codes than the codec has codebooks.
    #[error("frame {frame} has {found} codes, expected {expected}, one for each codebook")]
    FrameLength {
        /// Index of the frame.
        frame: usize,
        /// Number of codebooks.
        expected: usize,
        /// Number of codes.
        found: usize,
    },
    /// A code is outside its codebook.
    #[error("frame {frame}, codebook {codebook}: code {code} is not below {codebook_size}")]
    CodeOutOfRange {
        /// Index of the frame.
        frame: usize,
        /// Index of the codebook.
        codebook: usize,
        /// Code.
        code: u32,
        /// Number of entries of the codebook.
        codebook_size: usize,
    },
    /// The chunk size of a chunked decode is 0.
    #[error("the chunk size is 0 frames; expected at least 1")]
    ChunkSize,
    /// The checkpoint's configuration has no encoder.
    #[error("speech_tokenizer/config.json has no encoder_config: this checkpoint can only decode")]
    NoEncoder,
    /// The recording has no samples.
    #[error("there is no audio to encode: expected at least one sample")]
    NoSamples,
    /// A sample is NaN or infinite.
    #[error("sample {index} is not a finite number")]
    NonFiniteSample {
        /// Index of the sample.
        index: usize,
    },
    /// The weights were refused, or the model computed NaN or infinity.
    #[error(transparent)]
    Nn(#[from] qwen3_tts_nn::Error),
}
