//! Speech at another speed with the same pitch.

use std::num::{NonZeroU16, NonZeroU32};

use wsola::TimeStretch;

/// Audio that is stretched by overlapping similar pieces of it (WSOLA).
pub struct Stretcher {
    stretch: TimeStretch,
    speed: f32,
    /// Number of samples of a step, which is half a window.
    hop: usize,
    /// Number of outputs that belong to the silence in front of the audio.
    n_skipped: usize,
    n_inputs: usize,
    n_outputs: usize,
}

impl Stretcher {
    pub fn new(sample_rate: u32, speed: f32) -> Self {
        let rate = NonZeroU32::new(sample_rate.max(1)).unwrap_or(NonZeroU32::MIN);
        let mut stretch = TimeStretch::new(rate, NonZeroU16::MIN).expect("it never fails");
        stretch.set_tempo(speed);
        let hop = stretch.min_output_buff_size();
        // The first window rises from zero: silence in front keeps it off the audio.
        stretch.push(&vec![0.0; hop]);
        Self { stretch, speed, hop, n_skipped: hop, n_inputs: 0, n_outputs: 0 }
    }

    pub fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        self.n_inputs += samples.len();
        self.stretch.push(samples);
        self.steps()
    }

    /// Returns the rest: the output has the length of the input divided by the speed.
    pub fn finish(&mut self) -> Vec<f32> {
        // Enough silence for the windows and searches behind the last sample at every speed.
        self.stretch.push(&vec![0.0; 20 * self.hop]);
        let n_outputs = self.n_outputs;
        let mut rest = self.steps();
        let length = (self.n_inputs as f64 / f64::from(self.speed)).round() as usize;
        rest.resize(length.saturating_sub(n_outputs), 0.0);
        rest
    }

    /// Runs all steps whose input is there.
    fn steps(&mut self) -> Vec<f32> {
        let mut output = Vec::new();
        let mut step = vec![0.0; self.hop];
        // It fails when there is too little input.
        while self.stretch.pull(&mut step).is_ok_and(|n| n > 0) {
            let skipped = self.n_skipped.min(step.len());
            self.n_skipped -= skipped;
            output.extend(&step[skipped..]);
        }
        self.n_outputs += output.len();
        output
    }
}

impl std::fmt::Debug for Stretcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stretcher").field("speed", &self.speed).finish_non_exhaustive()
    }
}
