//! The limits that a recording has to keep, and the warnings about one that keeps them.

use std::fmt;

/// The limits that a recording has to keep. Start from [`AudioLimits::default`] or
/// [`AudioLimits::any`], and change fields.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct AudioLimits {
    /// Longest recording in seconds. The rest of a longer one is not read.
    pub max_seconds: f64,
    /// Shortest recording in seconds.
    pub min_seconds: f64,
    /// True if a recording whose peak is below −60 dBFS is accepted.
    pub allow_silence: bool,
}

impl Default for AudioLimits {
    /// Returns the limits of reference audio: 0.3 to 30 seconds, not silent.
    fn default() -> Self {
        Self { max_seconds: 30.0, min_seconds: 0.3, allow_silence: false }
    }
}

impl AudioLimits {
    /// Returns limits for encoding rather than cloning: any recording up to an hour, silence
    /// included.
    pub fn any() -> Self {
        Self { max_seconds: 3600.0, min_seconds: 0.0, allow_silence: true }
    }

    /// Sets the longest recording in seconds.
    pub fn max_seconds(self, max_seconds: f64) -> Self {
        Self { max_seconds, ..self }
    }

    /// Sets the shortest recording in seconds.
    pub fn min_seconds(self, min_seconds: f64) -> Self {
        Self { min_seconds, ..self }
    }

    /// Sets whether a silent recording is accepted.
    pub fn allow_silence(self, allow_silence: bool) -> Self {
        Self { allow_silence, ..self }
    }
}

/// A defect of a recording that can be used nevertheless.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum AudioWarning {
    /// The recording exceeds the limit, and its end was cut off.
    Cut {
        /// Length of the remaining part in seconds.
        seconds: f64,
    },
    /// The recording is too loud, and its peaks are cut off.
    Clipped {
        /// The share of clipped samples, in 0..=1.
        share: f64,
    },
}

impl fmt::Display for AudioWarning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Cut { seconds } => write!(
                f,
                "only the first {seconds} s are used, the rest is cut off: \
                 a transcript has to end where they end"
            ),
            Self::Clipped { share } => write!(
                f,
                "the recording is clipped ({:.1} % of its samples), which may be heard in the \
                 voice: record it at a lower level",
                100.0 * share
            ),
        }
    }
}
