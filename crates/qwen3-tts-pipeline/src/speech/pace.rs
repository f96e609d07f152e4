//! The expected length of a speech, learned from its pieces that have ended.

use super::plan::FRAMES_PER_TOKEN;

/// Number of frames that the speech of a request takes for its text.
#[derive(Debug, Default)]
pub(super) struct Pace {
    tokens: usize,
    frames: usize,
}

impl Pace {
    /// Adds a piece that has ended.
    pub fn add(&mut self, tokens: usize, frames: usize) {
        self.tokens += tokens;
        self.frames += frames;
    }

    /// Returns the number of frames expected of a piece. Before the first piece has ended, it comes
    /// from the usual speed of speech.
    pub fn expected(&self, tokens: usize) -> usize {
        let per_token = match self.tokens {
            0 => FRAMES_PER_TOKEN,
            spoken => self.frames as f64 / spoken as f64,
        };
        (tokens as f64 * per_token).ceil() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_pieces_so_far() {
        let mut pace = Pace::default();
        assert_eq!(pace.expected(10), 33);
        pace.add(10, 50);
        assert_eq!(pace.expected(10), 50);
        pace.add(30, 70);
        assert_eq!(pace.expected(10), 30);
    }
}
