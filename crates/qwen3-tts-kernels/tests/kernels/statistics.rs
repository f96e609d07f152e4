//! Statistics over time against their formulas.

use super::{assert_close, bits, contexts, levels, noise, thread_counts};
use proptest::prelude::*;
use qwen3_tts_kernels::{Context, statistics};

/// Computes the formula for one channel.
fn formula(x: &[f64], logits: &[f64], floor: f64) -> (f64, f64) {
    let total: f64 = logits.iter().map(|l| l.exp()).sum();
    let weights: Vec<f64> = logits.iter().map(|l| l.exp() / total).collect();
    let mean: f64 = x.iter().zip(&weights).map(|(x, w)| x * w).sum();
    let variance: f64 = x.iter().zip(&weights).map(|(x, w)| w * (x - mean).powi(2)).sum();
    (mean, variance.max(floor).sqrt())
}

fn column(values: &[f32], channels: usize, channel: usize) -> Vec<f64> {
    values.iter().skip(channel).step_by(channels).map(|&v| f64::from(v)).collect()
}

fn run(context: &Context, x: &[f32], logits: Option<&[f32]>, channels: usize) -> Vec<f32> {
    let (mut mean, mut deviation) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
    statistics(context, x, logits, 1e-4, &mut mean, &mut deviation);
    [mean, deviation].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn statistics_match_their_formula(
        rows in 1usize..40, channels in 1usize..300, far in -90f32..90.0, seed: u64,
    ) {
        let (x, logits) = (noise(seed, rows * channels), noise(seed ^ 1, rows * channels));
        // Only differences of logits count.
        let logits: Vec<f32> = logits.iter().map(|l| 3.0 * l + far).collect();
        for logits in [None, Some(&logits[..])] {
            let columns = (0..channels).map(|c| {
                let weights = logits.map_or(vec![0.0; rows], |l| column(l, channels, c));
                formula(&column(&x, channels, c), &weights, 1e-4)
            });
            let (mean, deviation): (Vec<f64>, Vec<f64>) = columns.unzip();
            let expected = [mean, deviation].concat();
            for isa in levels() {
                let found = thread_counts(isa).map(|context| run(&context, &x, logits, channels));
                assert_close(isa, &found[0], &expected, 1e-5);
                prop_assert!(found.iter().all(|other| bits(other) == bits(&found[0])));
            }
        }
    }
}

#[test]
fn the_floor_bounds_the_variance() {
    for context in contexts(1) {
        let found = run(&context, &[5.0, 0.0, 5.0, 1.0], None, 2);
        assert_eq!(found, [5.0, 0.5, 1e-2, 0.5]);
    }
}

#[test]
fn a_value_that_is_not_finite_affects_its_channel_only() {
    let good = [1.0, 2.0, 3.0, 4.0];
    for context in contexts(1) {
        let isa = context.isa();
        for bad in [f32::NAN, f32::INFINITY] {
            let spoilt = [1.0, 2.0, 3.0, bad];
            for (x, logits) in [(good, spoilt), (spoilt, good)] {
                let found = run(&context, &x, Some(&logits), 2);
                assert!(found[0].is_finite() && !found[1].is_finite(), "{isa:?}: {found:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "not whole rows of 2 channels")]
fn incomplete_rows_are_refused() {
    run(&Context::new(1), &[0.0; 3], None, 2);
}
