//! The reason why a speech ended.

use std::fmt;

/// Reason why a speech, or a piece of it, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum StopReason {
    /// The model ended the speech.
    Eos,
    /// The speech reached the frame limit of its request or of the model.
    MaxFrames,
    /// The speech was cancelled.
    Cancelled,
}

impl StopReason {
    /// Returns the name used in JSON: `eos`, `max_frames` or `cancelled`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eos => "eos",
            Self::MaxFrames => "max_frames",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the reason of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Eos, Self::MaxFrames, Self::Cancelled].into_iter().find(|it| it.name() == name)
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<qwen3_tts_talker::StopReason> for StopReason {
    fn from(reason: qwen3_tts_talker::StopReason) -> Self {
        match reason {
            qwen3_tts_talker::StopReason::Eos => Self::Eos,
            _ => Self::MaxFrames,
        }
    }
}
