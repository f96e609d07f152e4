//! Errors of choosing how audio is written.

use crate::{Effects, Format, SampleFormat};

/// [`Result`](std::result::Result) with the [`Error`] of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why audio cannot be written as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name is not that of a format.
    #[error("unknown audio format {found:?}; expected {}", Format::names().join(", "))]
    UnknownFormat {
        /// The name.
        found: String,
    },
    /// A name is not that of a sample format.
    #[error("unknown sample format {found:?}; expected s16, s24 or f32")]
    UnknownSampleFormat {
        /// The name.
        found: String,
    },
    /// The ending of a file name is not that of a format.
    #[error("the ending .{found} is not one of {}", Format::endings().join(", "))]
    UnknownEnding {
        /// The ending, without its dot.
        found: String,
    },
    /// A format does not have this sample format.
    #[error("{format} has no sample format {found}; {}", valid_sample_formats(*.format))]
    SampleFormat {
        /// The format.
        format: Format,
        /// The sample format.
        found: SampleFormat,
    },
    /// A format does not have this sample rate.
    #[error("{format} has no sample rate of {found} Hz; expected {}", numbers(.format.sample_rates()))]
    SampleRate {
        /// The format.
        format: Format,
        /// The rate in Hz.
        found: u32,
    },
    /// A format does not have this bit rate.
    #[error("{format} has no bit rate of {found} kbit/s; {}", valid_bitrates(*.format))]
    Bitrate {
        /// The format.
        format: Format,
        /// The rate in kbit/s.
        found: u32,
    },
    /// A speed is out of range.
    #[error("the speed is {found}; expected {} to {}", Effects::SPEEDS[0], Effects::SPEEDS[1])]
    Speed {
        /// The speed.
        found: String,
    },
    /// A loudness is out of range.
    #[error(
        "the loudness is {found} LUFS; expected {} to {}",
        Effects::LOUDNESSES[0],
        Effects::LOUDNESSES[1]
    )]
    Loudness {
        /// The loudness in LUFS.
        found: String,
    },
}

fn valid_sample_formats(format: Format) -> String {
    let names: Vec<&str> = format.sample_formats().iter().map(|valid| valid.name()).collect();
    match names.len() {
        0 => "its samples are compressed".to_owned(),
        _ => format!("expected {}", names.join(", ")),
    }
}

fn valid_bitrates(format: Format) -> String {
    match &format.bitrates()[..] {
        [] => "its size follows from the samples".to_owned(),
        [lowest, .., highest] if (highest - lowest) as usize + 1 == format.bitrates().len() => {
            format!("expected {lowest} to {highest}")
        }
        listed => format!("expected {}", numbers(listed)),
    }
}

fn numbers(values: &[u32]) -> String {
    values.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
