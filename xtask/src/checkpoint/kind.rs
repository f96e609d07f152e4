//! The kinds and sizes of checkpoints.

/// The published talker sizes.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Size {
    /// 0.6 billion parameters.
    #[value(name = "0.6b")]
    Small,
    /// 1.7 billion parameters.
    #[value(name = "1.7b")]
    Large,
}

/// The published kinds.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// Named voices.
    CustomVoice,
    /// Voices by description.
    VoiceDesign,
    /// Voices cloned from recordings.
    Base,
}
