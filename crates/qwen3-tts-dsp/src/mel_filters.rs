//! Triangular filters on the mel scale.

use ndarray::Array2;

use crate::error::Result;
use crate::mel_config::MelConfig;

/// Returns the weights of each mel band, `[n_mels, n_fft / 2 + 1]`: `librosa.filters.mel` with
/// `htk=False` and `norm='slaney'`, that is triangles of equal area.
///
/// # Errors
/// Returns [`Error::Config`](crate::Error::Config) if a parameter is out of range.
pub fn mel_filters(config: &MelConfig) -> Result<Array2<f32>> {
    config.validate()?;
    let n_bins = config.n_fft / 2 + 1;
    let mut filters = Array2::zeros((config.n_mels, n_bins));
    for (mut filter, edges) in filters.rows_mut().into_iter().zip(edges(config).windows(3)) {
        let area = 2.0 / (edges[2] - edges[0]);
        for (bin, weight) in filter.iter_mut().enumerate() {
            let hz = bin as f64 * f64::from(config.sample_rate) / config.n_fft as f64;
            let rising = (hz - edges[0]) / (edges[1] - edges[0]);
            let falling = (edges[2] - hz) / (edges[2] - edges[1]);
            // Rounded twice, as in the reference.
            let height = rising.min(falling).max(0.0) as f32;
            *weight = (f64::from(height) * area) as f32;
        }
    }
    Ok(filters)
}

/// Returns the corners of the triangles in Hz, at equal distances on the mel scale. Each triangle
/// rises from one corner to the next and falls to the one after.
fn edges(config: &MelConfig) -> Vec<f64> {
    let (low, high) = (hz_to_mel(config.f_min), hz_to_mel(config.f_max));
    let step = (high - low) / (config.n_mels + 1) as f64;
    (0..config.n_mels + 2).map(|i| mel_to_hz(low + i as f64 * step)).collect()
}

// Slaney's scale is linear below 1000 Hz, with 3 mel per 200 Hz, and logarithmic above, with 27 mel
// from 1000 Hz to 6400 Hz.
const LINEAR_STEP: f64 = 200.0 / 3.0;
const LOG_START_HZ: f64 = 1000.0;
const LOG_START_MEL: f64 = LOG_START_HZ / LINEAR_STEP;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn hz_to_mel(hz: f64) -> f64 {
    if hz < LOG_START_HZ {
        hz / LINEAR_STEP
    } else {
        LOG_START_MEL + (hz / LOG_START_HZ).ln() / log_step()
    }
}

fn mel_to_hz(mel: f64) -> f64 {
    if mel < LOG_START_MEL {
        mel * LINEAR_STEP
    } else {
        LOG_START_HZ * ((mel - LOG_START_MEL) * log_step()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_has_its_landmarks_and_an_inverse() {
        for (hz, mel) in [(0.0, 0.0), (200.0, 3.0), (1000.0, 15.0), (6400.0, 42.0)] {
            assert!((hz_to_mel(hz) - mel).abs() < 1e-12);
            assert!((mel_to_hz(mel) - hz).abs() < 1e-9);
        }
        for hz in [1.0, 999.9, 1000.1, 12_000.0] {
            assert!((mel_to_hz(hz_to_mel(hz)) - hz).abs() < 1e-9);
        }
    }

    #[test]
    fn triangles_have_equal_areas() {
        let config = MelConfig::default().n_fft(1 << 16);
        let filters = mel_filters(&config).unwrap();
        let hz_per_bin = 24_000.0 / f64::from(1 << 16);
        for filter in filters.rows() {
            let area: f64 = filter.iter().map(|&w| f64::from(w) * hz_per_bin).sum();
            assert!((area - 1.0).abs() < 1e-3, "{area}");
        }
    }
}
