//! Sample rate conversion compared with that of the official package, and its properties.

use std::f64::consts::TAU;

use proptest::prelude::*;
use qwen3_tts_dsp::{Error, Resampler, resample};
use qwen3_tts_testkit::{Golden, assert_close, noise};

const RATES: [u32; 12] =
    [4_000, 8_000, 11_025, 16_000, 22_050, 23_999, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000];
const RATE: u32 = 24_000;

fn to_24_khz(samples: &[f32], from: u32) -> Vec<f32> {
    resample(samples, from, RATE).unwrap()
}

fn sine(hz: f64, rate: u32, n_samples: usize) -> Vec<f32> {
    (0..n_samples).map(|n| (TAU * hz * n as f64 / f64::from(rate)).sin() as f32).collect()
}

/// Returns the samples that are at least a filter's length away from both ends.
fn middle(samples: &[f32]) -> &[f32] {
    &samples[samples.len() / 4..samples.len() * 3 / 4]
}

#[test]
fn samples_are_the_official_ones() {
    let golden = Golden::load("resampling/noise");
    let rates = golden.request["samples"].as_object().unwrap();
    assert!(rates.len() >= 16, "found {}", rates.len());
    for (rate, n_samples) in rates {
        println!("{rate} Hz");
        let samples = noise(n_samples.as_u64().unwrap() as usize);
        let (_, official) = golden.f32(rate);
        assert!(official.iter().any(|sample| sample.abs() > 0.5));
        assert_close(&to_24_khz(&samples, rate.parse().unwrap()), &official, 1e-6);
    }
}

#[test]
fn lengths_are_the_official_ones() {
    let golden = Golden::load("resampling/noise");
    let lengths = golden.request["lengths"].as_array().unwrap();
    assert!(lengths.len() >= 100, "found {}", lengths.len());
    for case in lengths {
        let [rate, n_samples, length] = [0, 1, 2].map(|column| case[column].as_u64().unwrap());
        let found = to_24_khz(&vec![0.5; n_samples as usize], rate as u32).len();
        assert_eq!(found as u64, length, "{n_samples} samples at {rate} Hz");
    }
    assert!(to_24_khz(&[], 44_100).is_empty());
}

#[test]
fn a_sine_in_the_pass_band_stays_a_sine() {
    for rate in RATES {
        for share in [0.01, 0.2, 0.5, 0.65] {
            let hz = share * f64::from(rate.min(RATE)) / 2.0;
            let found = to_24_khz(&sine(hz, rate, rate as usize / 2), rate);
            let expected = sine(hz, RATE, found.len());
            println!("{hz} Hz at {rate} Hz");
            assert_close(middle(&found), middle(&expected), 1e-5);
        }
    }
}

#[test]
fn frequencies_above_the_lower_rate_are_removed() {
    for rate in RATES.into_iter().filter(|rate| *rate > RATE) {
        for hz in [12_001.0, 13_000.0, f64::from(rate) / 2.0 - 100.0] {
            let found = to_24_khz(&sine(hz, rate, rate as usize / 2), rate);
            let peak = middle(&found).iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(20.0 * peak.log10() < -120.0, "{hz} Hz at {rate} Hz: {peak:e}");
        }
    }
}

/// An image would be as far above half the input's rate as the tone is below it.
#[test]
fn a_higher_rate_has_no_image() {
    for rate in RATES.into_iter().filter(|rate| *rate < RATE && RATE.is_multiple_of(*rate)) {
        let hz = 0.4 * f64::from(rate);
        let found = to_24_khz(&sine(hz, rate, rate as usize), rate);
        let image = sine(f64::from(rate) - hz, RATE, found.len());
        // Whole periods of the tone and of its image.
        let (found, image) = (middle(&found), middle(&image));
        let product: f64 = found.iter().zip(image).map(|(a, b)| f64::from(a * b)).sum();
        let amplitude = 2.0 * product.abs() / found.len() as f64;
        assert!(amplitude < 1e-6, "{rate} Hz: {amplitude:e}");
    }
}

#[test]
fn a_click_stays_where_it_is() {
    for rate in RATES {
        // One second is a time that both rates have.
        let mut click = vec![0.0; 2 * rate as usize];
        click[rate as usize] = 1.0;
        let found = to_24_khz(&click, rate);
        let (before, after) = (&found[..RATE as usize], &found[RATE as usize + 1..]);
        for (before, after) in before.iter().rev().zip(after) {
            assert!((before - after).abs() < 1e-6, "{rate} Hz: {before} and {after}");
            assert!(*before < found[RATE as usize], "{rate} Hz");
        }
    }
}

#[test]
fn a_rate_stays_as_it_is() {
    let samples = noise(1_000);
    assert_eq!(resample(&samples, 44_100, 44_100).unwrap(), samples);
}

#[test]
fn invalid_rates_are_named() {
    for (from, to, field) in
        [(0, 1, "from"), (1, 0, "to"), (1_000_001, 1, "from"), (1, u32::MAX, "to")]
    {
        let error = resample(&[0.0], from, to).unwrap_err();
        assert!(matches!(error, Error::Config { field: named, .. } if named == field), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any ratio: a constant keeps its value, and no sample is out of bounds.
    #[test]
    fn any_rate_becomes_any_other(from in 1_u32..50_000, to in 1_u32..50_000, n in 0_usize..3_000) {
        // At most a million samples.
        let n_samples = n.min((1_000_000 * u64::from(from) / u64::from(to)) as usize);
        let found = resample(&vec![1.0; n_samples], from, to).unwrap();
        let exact = n_samples as f64 * f64::from(to) / f64::from(from);
        prop_assert!((found.len() as f64 - exact.ceil()).abs() <= 1.0);
        // Far from the ends of at least two lengths of the filter.
        if n_samples.min(found.len()) > 1_000 {
            prop_assert!((found[found.len() / 2] - 1.0).abs() < 1e-5);
        }
    }
}

/// Blocks of every size give the whole's samples, bit for bit, with filters that keep their weights and
/// those that have too many.
#[test]
fn blocks_give_the_samples_of_the_whole() {
    for (from, to) in [
        (24_000, 8_000),
        (24_000, 16_000),
        (24_000, 22_050),
        (24_000, 24_000),
        (24_000, 44_100),
        (24_000, 48_000),
        (44_100, 24_000),
        (192_000, 8_000),
        (23_999, 24_000),
    ] {
        let samples = noise(3_001);
        let whole = resample(&samples, from, to).unwrap();
        for size in [1, 7, 480, 3_001] {
            let mut resampler = Resampler::new(from, to).unwrap();
            let mut found: Vec<f32> =
                samples.chunks(size).flat_map(|block| resampler.push(block)).collect();
            found.extend(resampler.finish());
            assert!(found == whole, "{from} Hz to {to} Hz in blocks of {size}");
        }
        assert!(Resampler::new(from, to).unwrap().finish().is_empty());
    }
}
