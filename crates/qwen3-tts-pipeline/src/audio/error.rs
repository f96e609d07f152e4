//! Why a recording is not accepted.

/// What is wrong with a recording, in words that follow its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// It is of another format, or no recording at all.
    #[error(
        "not a recording that can be read: expected WAV, FLAC, MP3, OGG Vorbis or M4A; \
         convert it to WAV, for example with ffmpeg"
    )]
    UnknownFormat,
    /// The container is known, and what is in it is not.
    #[error(
        "its audio cannot be decoded: expected PCM, FLAC, MP3, Vorbis, AAC-LC or ALAC, \
         found {found}; convert it to WAV, for example with ffmpeg"
    )]
    UnknownCodec {
        /// The codec, as far as it is known.
        found: &'static str,
    },
    /// The system failed to read it.
    #[error("cannot be read: {0}")]
    Io(#[source] std::io::Error),
    /// It cannot be decoded.
    #[error("damaged {seconds:.2} s from its start ({reason}); copy or export it again")]
    Damaged {
        /// The length of what could be decoded.
        seconds: f64,
        /// What the decoder said.
        reason: String,
    },
    /// It is shorter than its header says.
    #[error(
        "cut off: its header promises {promised:.2} s of audio, found {found:.2} s; \
         copy or export it again"
    )]
    CutOff {
        /// What the header says.
        promised: f64,
        /// What is there.
        found: f64,
    },
    /// A rate that no recording has.
    #[error("a sample rate of {found} Hz: expected {min} to {max} Hz; convert it to 24000 Hz")]
    SampleRate {
        /// The rate in Hz.
        found: u32,
        /// The lowest that is accepted.
        min: u32,
        /// The highest that is accepted.
        max: u32,
    },
    /// A number of channels that no recording has.
    #[error("{found} channels: expected 1 to {max}; convert it to mono")]
    Channels {
        /// The channels.
        found: usize,
        /// The most that are accepted.
        max: usize,
    },
    /// There are no samples in it.
    #[error("there is no audio in it; record or export it again")]
    Empty,
    /// It is too short to tell a voice from it.
    #[error("too short: expected at least {needed} s, found {found:.2} s; record more")]
    TooShort {
        /// How long it is.
        found: f64,
        /// How long it has to be.
        needed: f64,
    },
    /// There is nothing to hear in it.
    #[error(
        "silent: expected something louder than −60 dBFS, found at most {peak_dbfs:.0} dBFS; \
         record it louder"
    )]
    Silent {
        /// The level of its loudest sample; −∞ where all are zero.
        peak_dbfs: f64,
    },
    /// A sample is NaN or infinite.
    #[error("damaged: the sample {seconds:.3} s from its start is {value}; export it again")]
    NonFinite {
        /// Where it is.
        seconds: f64,
        /// The sample.
        value: f32,
    },
}
