//! The parts of a decoded stream that belong to the recording.

use std::iter;
use std::ops::Range;

/// Parts of a stream in ascending order, in ticks from its start.
#[derive(Debug, Clone, PartialEq)]
pub struct Spans {
    /// Number of ticks per second.
    pub ticks: u32,
    /// The parts; one that reaches [`u64::MAX`] is open.
    pub parts: Vec<Range<u64>>,
}

impl Spans {
    /// One part.
    pub fn part(part: Range<u64>, ticks: u32) -> Self {
        Self { ticks, parts: iter::once(part).collect() }
    }

    /// The whole stream but for its first ticks.
    pub fn from(start: u64, ticks: u32) -> Self {
        Self::part(start..u64::MAX, ticks)
    }

    /// The whole stream.
    pub fn all() -> Self {
        Self::from(0, 1)
    }
}

/// A position in a stream that is being decoded.
#[derive(Debug)]
pub struct Timeline {
    parts: Vec<Range<u64>>,
    /// Number of frames before the next one.
    position: u64,
}

impl Timeline {
    /// Starts at the first frame of a stream with this sample rate in Hz.
    pub fn new(spans: &Spans, rate: u32) -> Self {
        let frames = |ticks: u64| match ticks {
            u64::MAX => u64::MAX,
            ticks => {
                let (ticks, per_second) = (u128::from(ticks), u128::from(spans.ticks.max(1)));
                let frames = (2 * ticks * u128::from(rate) + per_second) / (2 * per_second);
                u64::try_from(frames).unwrap_or(u64::MAX)
            }
        };
        let parts = spans.parts.iter().map(|part| frames(part.start)..frames(part.end));
        Self { parts: parts.collect(), position: 0 }
    }

    /// Moves on by a block of frames, and returns the parts of the block that belong to the
    /// recording.
    pub fn advance(&mut self, frames: usize) -> Vec<Range<usize>> {
        let block = self.position..self.position.saturating_add(frames as u64);
        self.position = block.end;
        let within = |at: u64| (at.clamp(block.start, block.end) - block.start) as usize;
        let parts = self.parts.iter().map(|part| within(part.start)..within(part.end));
        parts.filter(|part| !part.is_empty()).collect()
    }

    /// True if no later frame belongs to the recording.
    pub fn is_over(&self) -> bool {
        self.parts.iter().all(|part| part.end <= self.position)
    }

    /// Number of frames that were decoded.
    pub fn position(&self) -> u64 {
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_cut_at_the_ends_of_parts() {
        let spans = Spans { ticks: 1000, parts: vec![5..12, 20..u64::MAX] };
        let mut timeline = Timeline::new(&spans, 2000);
        assert!(timeline.advance(10).is_empty());
        assert_eq!(timeline.advance(10).first(), Some(&(0..10)));
        assert_eq!(timeline.advance(30), [0..4, 20..30]);
        assert_eq!(timeline.advance(1).first(), Some(&(0..1)));
        assert!(!timeline.is_over());
        let mut short = Timeline::new(&Spans::part(0..1, 1), 8);
        assert_eq!(short.advance(16).first(), Some(&(0..8)));
        assert!(short.is_over());
    }
}
