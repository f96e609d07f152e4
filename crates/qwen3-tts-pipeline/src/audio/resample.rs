//! Sample rate conversion with a windowed sinc filter, applied in the frequency domain.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

/// Approximate length of the filter in samples at the lower of the two rates. At this length its
/// pass band is that of the official package's resampler (soxr's high quality): flat up to 0.9 of
/// half the lower rate, nothing from half the lower rate on.
const FILTER: usize = 320;

/// Converts samples from rate `from` to rate `to`, both above 0. Returns `samples.len() · to / from`
/// samples, rounded, without a delay.
pub fn resample(samples: Vec<f32>, from: u32, to: u32) -> Vec<f32> {
    if from == to {
        return samples;
    }
    let mut resampler = resampler(from as usize, to as usize);
    let frames = samples.len();
    // Both calls fail only for a length that does not match or a rate of 0.
    let input = InterleavedSlice::new(&samples, 1, frames).expect("one channel");
    let output = resampler.process_all(&input, frames, None).expect("a whole recording");
    let mut output = output.take_data();
    output.resize(scaled(frames, from, to), 0.0);
    output
}

fn resampler(from: usize, to: usize) -> Fft<f32> {
    let divisor = gcd(from, to);
    let (unit_in, unit_out) = (from / divisor, to / divisor);
    let unit = unit_in.min(unit_out);
    let mut units = ((FILTER + unit / 2) / unit).max(1);
    // The middle of a filter of odd length lies between two samples.
    if !(unit_in * units).is_multiple_of(2) {
        units += 1;
    }
    let window = WindowFunction::BlackmanHarris2;
    Fft::new_custom(from, to, unit_in * units, 1, 1, window, FixedSync::Input)
        .expect("rates above 0")
}

/// Returns `frames · to / from`, rounded.
fn scaled(frames: usize, from: u32, to: u32) -> usize {
    let (frames, from, to) = (frames as u128, u128::from(from), u128::from(to));
    ((2 * frames * to + from) / (2 * from)) as usize
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
