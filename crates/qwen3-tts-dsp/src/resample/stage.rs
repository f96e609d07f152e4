//! One filter, applied at the times of the output.

use super::kernel::Kernel;

/// A conversion by the ratio of `up` to `down`, which have no common divisor.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    pub up: usize,
    pub down: usize,
    pub kernel: Kernel,
}

/// Number of weights that a filter keeps between blocks; more are computed again for each block.
const MAX_KEPT: usize = 1 << 20;

/// A stage that filters a signal with silence around it, block by block. The output begins with the
/// signal and ends with the filter's last response to it.
#[derive(Debug, Clone)]
pub struct Filter {
    stage: Stage,
    /// Weights of each phase that has occurred, or none if there are too many to keep.
    weights: Vec<Option<Vec<f64>>>,
    /// Samples that later outputs need, with `reach` zeros in front of the signal.
    padded: Vec<f32>,
    /// Number of samples before `padded`.
    start: u64,
    n_inputs: u64,
    n_outputs: u64,
}

impl Filter {
    pub fn new(stage: Stage) -> Self {
        let reach = stage.kernel.reach();
        let is_small = stage.up.saturating_mul(2 * reach + 1) <= MAX_KEPT;
        Self {
            stage,
            weights: vec![None; if is_small { stage.up } else { 0 }],
            padded: vec![0.0; reach],
            start: 0,
            n_inputs: 0,
            n_outputs: 0,
        }
    }

    /// Adds samples, and returns the outputs that depend on no later ones.
    pub fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        self.n_inputs += samples.len() as u64;
        self.padded.extend(samples);
        let end = self.start + self.padded.len() as u64;
        let last = end.checked_sub(self.width() as u64);
        let (up, down) = (self.stage.up as u64, self.stage.down as u64);
        // The first output whose samples begin after the last window that is complete.
        let until = last.map_or(0, |last| ((last + 1) * up).div_ceil(down));
        self.advance(until)
    }

    /// Returns the rest of the output.
    pub fn finish(mut self) -> Vec<f32> {
        let reach = self.stage.kernel.reach();
        let until = (self.n_inputs + reach as u64) * self.stage.up as u64 / self.stage.down as u64;
        self.padded.resize(self.padded.len() + 3 * reach, 0.0);
        self.advance(until)
    }

    fn width(&self) -> usize {
        2 * self.stage.kernel.reach() + 1
    }

    /// Computes the outputs before `until`.
    fn advance(&mut self, until: u64) -> Vec<f32> {
        let (up, down) = (self.stage.up, self.stage.down);
        let mut output = vec![0.0; until.saturating_sub(self.n_outputs) as usize];
        // Outputs that are `up` apart have the same weights.
        for first in 0..up.min(output.len()) {
            let at = (self.n_outputs + first as u64) * down as u64;
            let (nearest, phase) = (at / up as u64 - self.start, (at % up as u64) as usize);
            let mut weights = self.weights.get_mut(phase).and_then(Option::take);
            let weights =
                weights.get_or_insert_with(|| self.stage.kernel.weights(phase as f64 / up as f64));
            let starts = (nearest as usize..).step_by(down);
            for (value, start) in output[first..].iter_mut().step_by(up).zip(starts) {
                *value = dot(weights, &self.padded[start..][..weights.len()]);
            }
            if let Some(kept) = self.weights.get_mut(phase) {
                *kept = Some(std::mem::take(weights));
            }
        }
        self.n_outputs += output.len() as u64;
        let needed = self.n_outputs * down as u64 / up as u64;
        let done = (needed - self.start).min(self.padded.len() as u64);
        self.padded.drain(..done as usize);
        self.start += done;
        output
    }
}

/// Computes the product of weights and as many samples in float64, as several sums side by side.
fn dot(weights: &[f64], samples: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (weights, samples) = (weights.chunks_exact(LANES), samples.chunks_exact(LANES));
    let rest = weights.remainder().iter().zip(samples.remainder());
    let rest: f64 = rest.map(|(weight, sample)| weight * f64::from(*sample)).sum();
    for (weights, samples) in weights.zip(samples) {
        for lane in 0..LANES {
            sums[lane] += weights[lane] * f64::from(samples[lane]);
        }
    }
    (sums.iter().sum::<f64>() + rest) as f32
}
