//! The places in a text with marks from which the characters of the spoken text come.

use std::ops::Range;

/// Runs of characters that were copied, each as its start in the spoken text and in the source.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<(usize, usize)>);

impl Origins {
    /// Notes that the character at `spoken` is the one at `source`.
    pub fn add(&mut self, spoken: usize, source: usize) {
        let goes_on = self.0.last().is_some_and(|run| run.1 + (spoken - run.0) == source);
        if !goes_on {
            self.0.push((spoken, source));
        }
    }

    /// Returns the range of the source that a nonempty range of the spoken text comes from.
    pub fn range(&self, spoken: &Range<usize>) -> Range<usize> {
        let last = spoken.end.saturating_sub(1).max(spoken.start);
        self.place(spoken.start)..self.place(last) + (spoken.end - last)
    }

    fn place(&self, spoken: usize) -> usize {
        let after = self.0.partition_point(|run| run.0 <= spoken);
        match after.checked_sub(1).map(|run| self.0[run]) {
            Some((start, source)) => source + (spoken - start),
            None => spoken,
        }
    }
}
