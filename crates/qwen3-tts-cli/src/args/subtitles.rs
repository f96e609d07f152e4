//! Flags of subtitles.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// File for subtitles, and what each of them has.
#[derive(Args)]
pub struct SubtitleArgs {
    /// File for subtitles, in the format that its ending tells: .srt, .vtt, or .json for programs; or -
    /// for SRT on standard output. The text is read as a whole
    #[arg(long, value_name = "FILE")]
    pub subtitles: Option<PathBuf>,

    /// Text of a subtitle: a piece of the text, or a sentence, which makes each sentence a piece
    #[arg(
        long,
        value_name = "UNIT",
        default_value = "piece",
        requires = "subtitles",
        conflicts_with = "no_split"
    )]
    pub subtitle_granularity: Granularity,
}

/// Part of the text that has a subtitle.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Granularity {
    /// A piece of the text, see --piece-tokens
    Piece,
    /// A sentence
    Sentence,
}
