//! The limits that a recording has to keep, and the warnings about one that keeps them.

use std::fmt;

use super::error::AudioError;

const MIN_RATE: u32 = 4_000;
const MAX_RATE: u32 = 384_000;
const MAX_CHANNELS: usize = 32;

/// Checks that a sample rate is in the accepted range.
pub fn check_rate(found: u32) -> Result<(), AudioError> {
    let holds = (MIN_RATE..=MAX_RATE).contains(&found);
    let refused = AudioError::SampleRate { found, min: MIN_RATE, max: MAX_RATE };
    if holds { Ok(()) } else { Err(refused) }
}

/// Checks that a number of channels is in the accepted range.
pub fn check_channels(found: usize) -> Result<(), AudioError> {
    let holds = (1..=MAX_CHANNELS).contains(&found);
    if holds { Ok(()) } else { Err(AudioError::Channels { found, max: MAX_CHANNELS }) }
}

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
    /// The recording is shorter than its header says, or torn off; what is there is used.
    Incomplete {
        /// Length in seconds that the header gives, if it gives one.
        promised: Option<f64>,
        /// Length in seconds of what is there.
        found: f64,
    },
    /// Parts of the file are damaged and were left out.
    Damaged {
        /// Number of packets that were left out.
        packets: usize,
        /// Position in seconds of the first one.
        seconds: f64,
    },
    /// The channels cancel each other in their mean, so that one of them is used.
    ChannelsCancel {
        /// The channel that is used, counted from 1.
        used: usize,
    },
    /// The recording has an offset: its samples do not swing about zero.
    Offset {
        /// The mean of the samples as a share of full scale, in −1..=1.
        share: f64,
    },
    /// The recording is HE-AAC, of which only the lower half of the spectrum is decoded.
    HalfBandwidth,
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
            Self::Incomplete { promised: Some(promised), found } => write!(
                f,
                "the file is incomplete: its header promises {promised:.2} s of audio, and \
                 {found:.2} s are there and used"
            ),
            Self::Incomplete { promised: None, found } => write!(
                f,
                "the file is cut off after {found:.2} s of audio, which are used: copy or export \
                 it again if it should be longer"
            ),
            Self::Damaged { packets, seconds } => write!(
                f,
                "the file is damaged: {packets} of its packets are left out, the first one \
                 {seconds:.2} s from its start; copy or export it again"
            ),
            Self::ChannelsCancel { used } => write!(
                f,
                "its channels cancel each other, as one of them is inverted: only channel {used} \
                 is used"
            ),
            Self::Offset { share } => write!(
                f,
                "the recording has an offset of {:.0} % of full scale: remove it with a high-pass \
                 filter, or use another sound card",
                100.0 * share
            ),
            Self::HalfBandwidth => write!(
                f,
                "the recording is HE-AAC, of which only the lower half of the frequencies is \
                 decoded: convert it to WAV, for example with ffmpeg, to use all"
            ),
        }
    }
}
