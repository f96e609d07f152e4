//! Removal of silence at both ends.

/// Largest magnitude of a silent sample: −50 dBFS.
const QUIET: f32 = 0.003_162_277_7;
/// Silence that stays at each end, in milliseconds.
const MARGIN: u32 = 30;

/// Audio without the silence at its ends.
#[derive(Debug)]
pub struct Trimmer {
    margin: usize,
    /// Silent samples after the last sound, of which the end may have none.
    quiet: Vec<f32>,
    /// True after the first sound.
    has_begun: bool,
    /// Number of samples that were removed at the beginning.
    n_trimmed: usize,
}

impl Trimmer {
    pub fn new(sample_rate: u32) -> Self {
        let margin = (sample_rate * MARGIN / 1000) as usize;
        Self { margin, quiet: Vec::new(), has_begun: false, n_trimmed: 0 }
    }

    /// Returns the number of samples that were removed at the beginning.
    pub fn n_trimmed(&self) -> usize {
        self.n_trimmed
    }

    pub fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        self.quiet.extend(samples);
        let is_loud = |sample: &f32| sample.abs() > QUIET;
        let Some(last) = self.quiet.iter().rposition(is_loud) else {
            if !self.has_begun {
                self.trim_begin(self.quiet.len());
            }
            return Vec::new();
        };
        if !self.has_begun {
            let first = self.quiet.iter().position(is_loud).unwrap_or(0);
            let removed = self.trim_begin(first);
            self.has_begun = true;
            return self.quiet.drain(..=last - removed).collect();
        }
        self.quiet.drain(..=last).collect()
    }

    pub fn finish(&mut self) -> Vec<f32> {
        self.quiet.truncate(if self.has_begun { self.margin } else { 0 });
        std::mem::take(&mut self.quiet)
    }

    /// Removes what is more than the margin of the first `n_quiet` samples, and returns its length.
    fn trim_begin(&mut self, n_quiet: usize) -> usize {
        let removed = n_quiet.saturating_sub(self.margin);
        self.quiet.drain(..removed);
        self.n_trimmed += removed;
        removed
    }
}
