//! Why a recording has no speaker vector.

/// A specialised [`Result`](std::result::Result).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an encoder could not be loaded, or a recording was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration describes no encoder.
    #[error("speaker_encoder_config.{field}: expected {expected}, found {found}")]
    Config {
        /// The field.
        field: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A recording is too short.
    #[error(
        "the recording has {found} samples at {sample_rate} Hz, expected at least {needed}: \
         take a longer one, best of some seconds"
    )]
    TooShort {
        /// The number of samples.
        found: usize,
        /// The smallest number of samples that gives a vector.
        needed: usize,
        /// Samples a second.
        sample_rate: u32,
    },
    /// A spectrogram has too few frames, or other than the encoder's bands.
    #[error(
        "the mel spectrogram has {frames} frames of {bands} bands, expected at least \
         {needed_frames} frames of {needed_bands} bands"
    )]
    MelShape {
        /// Its frames.
        frames: usize,
        /// Its bands.
        bands: usize,
        /// The smallest number of frames.
        needed_frames: usize,
        /// The encoder's `mel_dim`.
        needed_bands: usize,
    },
    /// A value of a spectrogram is NaN or infinite.
    #[error("frame {frame}, band {band} of the mel spectrogram is {value}, expected a number")]
    MelNonFinite {
        /// The frame, from 0.
        frame: usize,
        /// The band, from 0.
        band: usize,
        /// The value.
        value: f32,
    },
    /// The recording has no spectrogram.
    #[error(transparent)]
    Dsp(#[from] qwen3_tts_dsp::Error),
    /// The weights could not be loaded, or the arithmetic failed.
    #[error(transparent)]
    Nn(#[from] qwen3_tts_nn::Error),
}
