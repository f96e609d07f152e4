//! Subtitles of a speech: one for each piece of its text.

mod cues;
mod json;
mod lines;
mod srt;
mod vtt;

use std::path::Path;

use crate::failure::{Failure, Result};
use crate::identity::is_stdout;
use crate::output::Destination;
use crate::timeline::Timeline;

/// Destination of subtitles, known to be writable.
pub struct SubtitleFile {
    place: Destination,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Srt,
    Vtt,
    Json,
}

impl SubtitleFile {
    /// Checks that the file is writable, and that its name tells a format. Standard output gets SRT.
    pub fn check(path: &Path) -> Result<Self> {
        let format = if is_stdout(path) { Format::Srt } else { Format::of(path)? };
        Ok(Self { place: Destination::check(path)?, format })
    }

    /// Writes the subtitles of the pieces that were heard.
    pub fn write(self, timeline: &Timeline) -> Result {
        let text = match self.format {
            Format::Srt => srt::write(timeline),
            Format::Vtt => vtt::write(timeline),
            Format::Json => json::write(timeline),
        };
        self.place.write(text.as_bytes())
    }
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "srt" => Ok(Self::Srt),
            "vtt" => Ok(Self::Vtt),
            "json" => Ok(Self::Json),
            _ => Err(Failure::request(format!(
                "cannot write subtitles to {}: expected a name that ends with .srt, .vtt or .json",
                path.display()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::TimedPiece;

    fn timeline() -> Timeline {
        let piece =
            |text: &str, time| TimedPiece { text: text.to_owned(), time, ..Default::default() };
        let pieces = vec![
            TimedPiece { chapter: Some(0), range: 0..5, ..piece("One", 2_400..26_400) },
            TimedPiece {
                speaker: Some("a<b".to_owned()),
                chapter: Some(0),
                range: 6..20,
                ..piece(" Two --> <i>\n & three\u{7} ", 26_412..87_000_011)
            },
            piece("unheard", 5..5),
        ];
        let chapters = vec!["A \"chapter\"".to_owned(), "Another".to_owned()];
        Timeline { sample_rate: 24_000, n_samples: 87_024_000, pieces, chapters }
    }

    #[test]
    fn subrip() {
        let expected = "1\n00:00:00,100 --> 00:00:01,100\nOne\n\n\
                        2\n00:00:01,101 --> 01:00:25,000\nTwo → <i> & three\n\n";
        assert_eq!(srt::write(&timeline()), expected);
        assert_eq!(srt::write(&Timeline::default()), "");
    }

    #[test]
    fn web_vtt() {
        let expected = "WEBVTT\n\n00:00:00.100 --> 00:00:01.100\nOne\n\n\
                        00:00:01.101 --> 01:00:25.000\n\
                        <v a&lt;b>Two --&gt; &lt;i&gt; &amp; three\n\n";
        assert_eq!(vtt::write(&timeline()), expected);
    }

    #[test]
    fn json_for_programs() {
        let written: serde_json::Value = serde_json::from_str(&json::write(&timeline())).unwrap();
        let expected = serde_json::json!({
            "sample_rate": 24_000,
            "n_samples": 87_024_000,
            "seconds": 3626.0,
            "chapters": [
                {"title": "A \"chapter\"", "start": 0.1, "start_sample": 2_400},
                {"title": "Another", "start": 3626.0, "start_sample": 87_024_000},
            ],
            "pieces": [
                {
                    "start": 0.1, "end": 1.1, "start_sample": 2_400, "end_sample": 26_400,
                    "text": "One", "speaker": null, "chapter": 0, "range": [0, 5],
                },
                {
                    "start": 1.1005, "end": 87_000_011.0 / 24_000.0,
                    "start_sample": 26_412, "end_sample": 87_000_011,
                    "text": "Two --> <i> & three", "speaker": "a<b", "chapter": 0, "range": [6, 20],
                },
            ],
        });
        assert_eq!(written, expected);
    }
}
