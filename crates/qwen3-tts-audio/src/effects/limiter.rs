//! Peaks below a ceiling, without distortion of their shape.

use std::collections::VecDeque;

/// Largest magnitude of the output: −1 dBFS, since the waveform between samples goes a little higher.
pub const CEILING: f32 = 0.891_250_9;
/// Time before and after a peak in which the gain changes, in milliseconds.
const REACH: u32 = 5;

/// Lowers the gain around each sample above the ceiling. The gain is the mean, over a window, of the
/// least gain within the same window: it never exceeds what a peak in its middle needs.
pub fn limit(samples: &mut [f32], sample_rate: u32) {
    let needed: Vec<f32> = samples.iter().map(|sample| (CEILING / sample.abs()).min(1.0)).collect();
    if needed.iter().all(|gain| *gain >= 1.0) {
        return;
    }
    let reach = (sample_rate * REACH / 1000) as usize;
    let least = sliding_minimum(&needed, reach);
    let window = 2 * reach + 1;
    let gain_at = |index: isize| {
        // Past the ends nothing is loud.
        usize::try_from(index).ok().and_then(|index| least.get(index)).map_or(1.0, |gain| *gain)
    };
    let reach = reach as isize;
    let mut sum: f64 = (-reach..=reach).map(|index| f64::from(gain_at(index))).sum();
    for (index, sample) in samples.iter_mut().enumerate() {
        let gain = (sum / window as f64) as f32;
        // Rounding must not let a peak through.
        *sample = (*sample * gain).clamp(-CEILING, CEILING);
        let index = index as isize;
        sum += f64::from(gain_at(index + reach + 1)) - f64::from(gain_at(index - reach));
    }
}

/// Returns the minimum of the values up to `reach` away from each.
fn sliding_minimum(values: &[f32], reach: usize) -> Vec<f32> {
    // Indices of values that ascend; the first is that of the minimum.
    let mut candidates: VecDeque<usize> = VecDeque::new();
    let mut minima = Vec::with_capacity(values.len());
    for index in 0..values.len() + reach {
        if let Some(&value) = values.get(index) {
            while candidates.back().is_some_and(|&last| values[last] >= value) {
                candidates.pop_back();
            }
            candidates.push_back(index);
        }
        if let Some(middle) = index.checked_sub(reach) {
            while candidates.front().is_some_and(|&first| first + reach < middle) {
                candidates.pop_front();
            }
            minima.push(candidates.front().map_or(1.0, |&first| values[first]));
        }
    }
    minima
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_slides() {
        let values = [5.0, 3.0, 4.0, 1.0, 6.0, 7.0, 8.0];
        assert_eq!(sliding_minimum(&values, 1), [3.0, 3.0, 1.0, 1.0, 1.0, 6.0, 7.0]);
        assert_eq!(sliding_minimum(&values, 9), [1.0; 7]);
        assert!(sliding_minimum(&[], 3).is_empty());
    }

    #[test]
    fn peaks_come_down_and_the_rest_stays() {
        let mut samples = vec![0.5; 4_000];
        samples[2_000] = 3.0;
        let before = samples.clone();
        limit(&mut samples, 24_000);
        assert!(samples.iter().all(|sample| sample.abs() <= CEILING));
        assert!((samples[2_000] - CEILING).abs() < 1e-3);
        assert_eq!(samples[..1_700], before[..1_700]);
        assert_eq!(samples[2_300..], before[2_300..]);
        let mut quiet = vec![0.5; 100];
        limit(&mut quiet, 24_000);
        assert_eq!(quiet, [0.5; 100]);
    }
}
