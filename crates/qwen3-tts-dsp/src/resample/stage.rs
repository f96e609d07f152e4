//! One filter, applied at the times of the output.

use super::kernel::Kernel;

/// A conversion by the ratio of `up` to `down`, which have no common divisor.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    pub up: usize,
    pub down: usize,
    pub kernel: Kernel,
}

impl Stage {
    /// Filters a signal with silence around it. The output begins with the signal and ends with the
    /// filter's last response to it.
    pub fn run(&self, signal: &[f32]) -> Vec<f32> {
        let reach = self.kernel.reach();
        let n_outputs = (signal.len() + reach) as u64 * self.up as u64 / self.down as u64;
        let mut padded = vec![0.0; signal.len() + 4 * reach];
        padded[reach..][..signal.len()].copy_from_slice(signal);
        let mut output = vec![0.0; n_outputs as usize];
        // Outputs that are `up` apart have the same weights.
        for first in 0..self.up.min(output.len()) {
            let at = first as u64 * self.down as u64;
            let (nearest, phase) = (at / self.up as u64, at % self.up as u64);
            let weights = self.kernel.weights(phase as f64 / self.up as f64);
            let starts = (nearest as usize..).step_by(self.down);
            for (value, start) in output[first..].iter_mut().step_by(self.up).zip(starts) {
                *value = dot(&weights, &padded[start..][..weights.len()]);
            }
        }
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
