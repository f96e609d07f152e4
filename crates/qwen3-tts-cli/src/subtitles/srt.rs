//! SubRip.

use super::cues::{clock, cues};
use super::lines;
use crate::timeline::{TimedPiece, Timeline};

/// Returns the file.
pub fn write(timeline: &Timeline) -> String {
    let cue = |(index, (piece, text)): (usize, (&TimedPiece, String))| {
        let [start, end] = [piece.time.start, piece.time.end].map(|at| clock(timeline, at, ','));
        // The arrow would be a time for a reader.
        let text = lines::split(&text.replace("-->", "→")).join("\n");
        format!("{}\n{start} --> {end}\n{text}\n\n", index + 1)
    };
    cues(timeline).enumerate().map(cue).collect()
}
