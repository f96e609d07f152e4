//! Windows of the short-time Fourier transform.

use std::f32::consts::TAU;

use ndarray::Array1;

/// Returns the periodic Hann window, ½ − ½·cos(2πn / `len`): `torch.hann_window`.
///
/// The angle is float32, as in the reference: its rounding decides what is left between loud tones.
pub fn hann_window(len: usize) -> Array1<f32> {
    let step = TAU / len as f32;
    // A cosine of float64 is the same on every platform once it is rounded.
    let cos = |angle: f32| f64::from(angle).cos() as f32;
    Array1::from_shape_fn(len, |n| 0.5 - 0.5 * cos(n as f32 * step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_periodic_and_adds_up() {
        let window = hann_window(1024);
        assert_eq!(window[0], 0.0);
        assert!((window[512] - 1.0).abs() < 1e-6);
        for n in 1..512 {
            assert!((window[n] - window[1024 - n]).abs() < 1e-6);
            // The window and its copy shifted by half its length sum to one.
            assert!((window[n] + window[n + 512] - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn short_windows_exist() {
        assert_eq!(hann_window(0).len(), 0);
        assert_eq!(hann_window(1).to_vec(), [0.0]);
    }
}
