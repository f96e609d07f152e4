//! Reflection padding.

use ndarray::{Array1, ArrayView1};

use crate::error::{Error, Result};

/// Returns the signal with `padding` samples on each side, mirrored at its first and last sample,
/// which are not repeated: `torch.nn.functional.pad` with mode `reflect`.
///
/// # Errors
/// Returns [`Error::TooShort`] unless the signal is longer than the padding.
///
/// ```
/// let padded = qwen3_tts_dsp::reflect_pad(&[1.0, 2.0, 3.0], 2)?;
/// assert_eq!(padded.to_vec(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
/// # Ok::<(), qwen3_tts_dsp::Error>(())
/// ```
pub fn reflect_pad<'a>(
    signal: impl Into<ArrayView1<'a, f32>>,
    padding: usize,
) -> Result<Array1<f32>> {
    let signal = signal.into();
    let n = signal.len();
    if n <= padding {
        return Err(Error::TooShort { found: n, needed: padding.saturating_add(1) });
    }
    let mirrored_start = (1..=padding).rev();
    let mirrored_end = (n - 1 - padding..n - 1).rev();
    Ok(mirrored_start.chain(0..n).chain(mirrored_end).map(|i| signal[i]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_as_long_as_the_padding_is_refused() {
        let error = reflect_pad(&[1.0, 2.0], 2).unwrap_err();
        assert_eq!(error, Error::TooShort { found: 2, needed: 3 });
        assert!(reflect_pad(&[], 0).is_err());
        assert_eq!(reflect_pad(&[7.0], 0).unwrap().to_vec(), [7.0]);
        assert!(reflect_pad(&[1.0], usize::MAX).is_err());
    }
}
