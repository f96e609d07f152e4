//! JSON for programs.

use serde_json::{Value, json};

use super::cues::cues;
use crate::timeline::Timeline;

/// Returns the file.
pub fn write(timeline: &Timeline) -> String {
    let seconds = |sample| timeline.seconds(sample);
    let starts = timeline.chapter_starts();
    let chapters = timeline.chapters.iter().zip(starts).map(
        |(title, start)| json!({ "title": title, "start": seconds(start), "start_sample": start }),
    );
    let pieces = cues(timeline).map(|(piece, text)| {
        json!({
            "start": seconds(piece.time.start),
            "end": seconds(piece.time.end),
            "start_sample": piece.time.start,
            "end_sample": piece.time.end,
            "text": text,
            "speaker": piece.speaker,
            "chapter": piece.chapter,
            "range": [piece.range.start, piece.range.end],
        })
    });
    let file = json!({
        "sample_rate": timeline.sample_rate,
        "n_samples": timeline.n_samples,
        "seconds": seconds(timeline.n_samples),
        "chapters": chapters.collect::<Vec<Value>>(),
        "pieces": pieces.collect::<Vec<Value>>(),
    });
    format!("{file:#}\n")
}
