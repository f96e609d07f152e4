//! The subtitles of a timeline.

use super::lines::one_line;
use crate::timeline::{TimedPiece, Timeline};

/// Iterates over the pieces that were heard, with their words in one line.
pub fn cues(timeline: &Timeline) -> impl Iterator<Item = (&TimedPiece, String)> {
    let heard = timeline.pieces.iter().filter(|piece| !piece.time.is_empty());
    heard.map(|piece| (piece, one_line(&piece.text)))
}

/// Returns the time of a sample as hours, minutes, seconds and milliseconds.
pub fn clock(timeline: &Timeline, sample: usize, point: char) -> String {
    let rate = u128::from(timeline.sample_rate.max(1));
    let milliseconds = (sample as u128 * 1000 + rate / 2) / rate;
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{point}{rest:03}", seconds % 60)
}
