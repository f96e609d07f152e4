//! WebVTT, with speakers as voices.

use super::cues::{clock, cues};
use super::lines;
use crate::timeline::Timeline;

/// Returns the file.
pub fn write(timeline: &Timeline) -> String {
    let cues = cues(timeline).map(|(piece, text)| {
        let [start, end] = [piece.time.start, piece.time.end].map(|at| clock(timeline, at, '.'));
        let voice = piece.speaker.as_ref().map(|name| format!("<v {}>", escaped(name)));
        let lines: Vec<String> = lines::split(&text).iter().map(|line| escaped(line)).collect();
        let (voice, text) = (voice.unwrap_or_default(), lines.join("\n"));
        format!("{start} --> {end}\n{voice}{text}\n\n")
    });
    std::iter::once("WEBVTT\n\n".to_owned()).chain(cues).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
