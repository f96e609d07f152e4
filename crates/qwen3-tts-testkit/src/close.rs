//! Comparison within a tolerance, which reports where and by how much it fails.

/// The largest difference between two slices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Index of the worst pair.
    pub index: usize,
    /// Value at that index of the first slice.
    pub actual: f32,
    /// Value at that index of the second slice.
    pub expected: f32,
    /// Absolute difference there; infinite if exactly one of the two is not finite.
    pub absolute: f32,
}

/// Returns the worst pair of two slices of equal length, or `None` if they are empty.
///
/// Equal infinities do not differ; NaN differs from everything, itself included.
#[track_caller]
pub fn largest_difference(actual: &[f32], expected: &[f32]) -> Option<Difference> {
    assert_eq!(actual.len(), expected.len(), "lengths of actual and expected");
    let pairs = actual.iter().zip(expected).enumerate();
    let differences = pairs.map(|(index, (&actual, &expected))| Difference {
        index,
        actual,
        expected,
        absolute: distance(actual, expected),
    });
    differences.max_by(|left, right| left.absolute.total_cmp(&right.absolute))
}

fn distance(actual: f32, expected: f32) -> f32 {
    if actual == expected {
        return 0.0;
    }
    let distance = (actual - expected).abs();
    if distance.is_nan() { f32::INFINITY } else { distance }
}

/// Returns the RMS of `actual` − `expected`, relative to the RMS of `expected`.
#[track_caller]
pub fn relative_error(actual: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(actual.len(), expected.len(), "lengths of actual and expected");
    let square = |x: f32| f64::from(x) * f64::from(x);
    let error: f64 = actual.iter().zip(expected).map(|(a, e)| square(a - e)).sum();
    (error / expected.iter().map(|e| square(*e)).sum::<f64>()).sqrt()
}

/// Panics with the worst pair unless every absolute difference is within `tolerance`.
#[track_caller]
pub fn assert_close(actual: &[f32], expected: &[f32], tolerance: f32) {
    let Some(worst) = largest_difference(actual, expected) else { return };
    let Difference { index, actual: found, expected: wanted, absolute } = worst;
    let off = actual.iter().zip(expected).filter(|&(&a, &e)| distance(a, e) > tolerance).count();
    assert!(
        absolute <= tolerance,
        "worst at {index} of {}: {found} for {wanted}, off by {absolute:e} where {tolerance:e} is \
         allowed; {off} values are outside",
        actual.len()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relative_error_is_of_the_whole_slice() {
        assert_eq!(relative_error(&[3.0, 4.0], &[3.0, 4.0]), 0.0);
        assert_eq!(relative_error(&[3.0, 7.0], &[3.0, 4.0]), 0.6);
    }

    #[test]
    fn close_values_and_equal_infinities_pass() {
        assert_close(&[1.0, f32::NEG_INFINITY], &[1.0005, f32::NEG_INFINITY], 1e-3);
        assert_close(&[], &[], 0.0);
    }

    #[test]
    #[should_panic(expected = "worst at 1 of 3: 2 for 4")]
    fn the_worst_pair_is_named() {
        assert_close(&[1.0, 2.0, 3.0], &[1.0, 4.0, 3.5], 1e-3);
    }

    #[test]
    #[should_panic(expected = "worst at 0")]
    fn nan_is_never_close() {
        assert_close(&[f32::NAN], &[f32::NAN], 1e9);
    }

    #[test]
    #[should_panic(expected = "worst at 0")]
    fn an_infinity_is_far_from_a_number() {
        assert_close(&[f32::INFINITY], &[1.0], f32::MAX);
    }

    #[test]
    #[should_panic(expected = "lengths")]
    fn lengths_must_agree() {
        assert_close(&[1.0], &[], 1.0);
    }
}
