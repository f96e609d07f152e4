//! Errors of loading the encoder and of embedding a recording.

/// [`Result`](std::result::Result) with the [`Error`] of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why an encoder could not be loaded, or a recording was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration describes no encoder.
    #[error(transparent)]
    Config(#[from] qwen3_tts_config::ConfigError),
    /// A recording is too short.
    #[error(
        "the recording has {found} samples at {sample_rate} Hz; expected at least {needed}: \
         use a longer one, best of several seconds"
    )]
    TooShort {
        /// Number of samples.
        found: usize,
        /// Minimum number of samples.
        needed: usize,
        /// Sample rate in Hz.
        sample_rate: u32,
    },
    /// A spectrogram has too few frames, or another number of bands than the encoder.
    #[error(
        "the mel spectrogram has {frames} frames of {bands} bands, expected at least \
         {needed_frames} frames of {needed_bands} bands"
    )]
    MelShape {
        /// Number of frames.
        frames: usize,
        /// Number of bands.
        bands: usize,
        /// Minimum number of frames.
        needed_frames: usize,
        /// Number of bands of the encoder, `mel_dim`.
        needed_bands: usize,
    },
    /// A value of a spectrogram is NaN or infinite.
    #[error(
        "frame {frame}, band {band} of the mel spectrogram is {value}; expected a finite number"
    )]
    MelNonFinite {
        /// Index of the frame.
        frame: usize,
        /// Index of the band.
        band: usize,
        /// Value.
        value: f32,
    },
    /// The spectrogram of the recording could not be computed.
    #[error(transparent)]
    Dsp(#[from] qwen3_tts_dsp::Error),
    /// The weights were refused, or the model computed NaN or infinity.
    #[error(transparent)]
    Nn(#[from] qwen3_tts_nn::Error),
}
