//! A line of progress, fitted to the width of the terminal.

use std::time::Duration;

/// The state of a speech, or of several.
pub struct Status {
    /// Number of parts that are complete, that are under way, and of all.
    pub done: usize,
    pub active: usize,
    pub parts: usize,
    /// Name of several parts: `pieces` or `lines`.
    pub unit: &'static str,
    /// Number of frames so far, and expected in all.
    pub frames: usize,
    pub expected: usize,
    pub elapsed: Duration,
    /// Frames per second of speech.
    pub frame_rate: f64,
}

/// Length of the bar in characters.
const LONGEST_BAR: usize = 30;
const SHORTEST_BAR: usize = 6;

impl Status {
    /// Returns the line, of at most `width` characters.
    pub fn line(&self, width: usize) -> String {
        let (label, short_label) = self.labels();
        let [long, medium, short] = self.figures();
        for (label, figures) in
            [(&label, &long), (&label, &medium), (&label, &short), (&short_label, &short)]
        {
            let taken = label.chars().count() + figures.chars().count();
            if let Some(room) = width.checked_sub(taken).filter(|room| *room >= SHORTEST_BAR) {
                return format!("{label}{}{figures}", self.bar(room.min(LONGEST_BAR)));
            }
        }
        format!("{short_label}{}", short.trim_start()).chars().take(width).collect()
    }

    fn labels(&self) -> (String, String) {
        let Self { done, active, parts, unit, .. } = self;
        match parts {
            0 | 1 => (String::new(), String::new()),
            _ => (
                format!("{done}/{parts} {unit}, {active} under way "),
                format!("{done}+{active}/{parts} "),
            ),
        }
    }

    /// Returns frames, speed and time left in three lengths.
    fn figures(&self) -> [String; 3] {
        let Self { frames, expected, .. } = self;
        if *frames == 0 {
            return [" starting"; 3].map(str::to_owned);
        }
        let per_second = *frames as f64 / self.elapsed.as_secs_f64().max(1e-3);
        let speed = per_second / self.frame_rate;
        let left = clock(expected.saturating_sub(*frames) as f64 / per_second);
        let count = format!(" {frames}/~{expected}");
        [
            format!("{count} frames, {per_second:.0}/s, {speed:.2}× real time, {left} left"),
            format!("{count} frames, {per_second:.0}/s, {speed:.2}×, {left} left"),
            format!("{count}, {per_second:.0}/s, {speed:.1}×, {left} left"),
        ]
    }

    fn bar(&self, length: usize) -> String {
        let filled = length * self.frames.min(self.expected) / self.expected.max(1);
        format!("{}{}", "█".repeat(filled), "░".repeat(length - filled))
    }
}

/// Formats a duration as minutes and seconds, with hours if there are any.
fn clock(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(parts: usize, frames: usize, expected: usize, seconds: u64) -> Status {
        let elapsed = Duration::from_secs(seconds);
        let (done, active, unit) = (parts / 2, 8, "pieces");
        Status { done, active, parts, unit, frames, expected, elapsed, frame_rate: 12.5 }
    }

    #[test]
    fn a_line_fits_the_terminal() {
        let book = status(12_000, 1_234_567, 2_345_678, 12_345);
        let states =
            [book, status(1, 0, 33, 0), status(1, 20, 33, 1), status(120, 1234, 12_345, 33)];
        for status in &states {
            for width in [10, 20, 40, 59, 60, 79, 80, 120, 200] {
                let line = status.line(width);
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
        assert_eq!(
            states[3].line(80),
            "60/120 pieces, 8 under way ░░░░░░░░░░ 1234/~12345 frames, 37/s, 2.99×, 4:58 left"
        );
        let narrow = states[3].line(60);
        assert!(narrow.starts_with("60+8/120 █"), "{narrow}");
        assert!(narrow.ends_with("░ 1234/~12345, 37/s, 3.0×, 4:58 left"), "{narrow}");
        assert!(states[2].line(80).contains("20/~33 frames, 20/s, 1.60× real time, 0:01 left"));
        // A book at 60 columns still tells frames, speed and time.
        assert!(states[0].line(60).contains("1234567/~2345678, 100/s, 8.0×, 3:05:"));
    }
}
