//! Properties of any signal and any configuration.

use proptest::prelude::*;
use qwen3_tts_dsp::ndarray::{Array1, ArrayView1, s};
use qwen3_tts_dsp::{Error, MelConfig, MelSpectrogram, Stft};

fn default() -> MelSpectrogram {
    MelSpectrogram::new(MelConfig::default()).unwrap()
}

fn compute(signal: &[f32]) -> Vec<f32> {
    default().compute(signal).unwrap().into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frames_are_as_many_as_promised(n in 0..6000usize) {
        let mel_spectrogram = default();
        match mel_spectrogram.compute(&vec![0.25; n]) {
            Ok(mel) => {
                prop_assert_eq!(mel.dim(), (mel_spectrogram.n_frames(n), 128));
                prop_assert_eq!(mel.nrows(), (n / 256).max(1));
            }
            Err(error) => {
                prop_assert_eq!(mel_spectrogram.n_frames(n), 0);
                prop_assert_eq!(error, Error::TooShort { found: n, needed: 385 });
            }
        }
    }

    #[test]
    fn finite_signals_give_finite_spectrograms(
        signal in prop::collection::vec(prop::num::f32::ANY, 385..1500)
    ) {
        let first = signal.iter().position(|sample| !sample.is_finite());
        match (default().compute(&signal), first) {
            (Err(Error::NonFinite { index, .. }), Some(first)) => prop_assert_eq!(index, first),
            (result, first) => prop_assert!(result.is_ok() && first.is_none(), "{:?}", first),
        }
        let finite: Vec<f32> =
            signal.into_iter().map(|x| if x.is_finite() { x } else { f32::MAX }).collect();
        prop_assert!(compute(&finite).iter().all(|level| level.is_finite()));
    }

    #[test]
    fn twice_as_loud_is_ln_2_more(seed in 1..1000u32, n in 1000..3000u32) {
        let signal: Vec<f32> = (0..n).map(|i| ((i * i % 7919 * seed) as f32).sin()).collect();
        let louder: Vec<f32> = signal.iter().map(|sample| 2.0 * sample).collect();
        for (quiet, loud) in compute(&signal).into_iter().zip(compute(&louder)) {
            prop_assert!((loud - quiet - 2f32.ln()).abs() < 1e-3, "{quiet} {loud}");
        }
    }

    #[test]
    fn any_configuration_is_refused_or_works(
        sample_rate in 0..50_000u32,
        n_fft in 0..600usize,
        hop_length in 0..300usize,
        win_length in 0..600usize,
        n_mels in 0..90usize,
        f_min in -10.0..30_000.0f64,
        f_max in -10.0..30_000.0f64,
    ) {
        let config = MelConfig::default()
            .sample_rate(sample_rate)
            .n_fft(n_fft)
            .hop_length(hop_length)
            .win_length(win_length)
            .n_mels(n_mels)
            .f_min(f_min)
            .f_max(f_max);
        let min_samples = config.min_samples();
        match MelSpectrogram::new(config) {
            Ok(mel_spectrogram) => {
                let mel = mel_spectrogram.compute(&vec![0.5; min_samples]).unwrap();
                // Mirroring needs a signal longer than its padding, which at a small hop holds
                // more than one frame.
                let padded = min_samples + 2 * ((n_fft - hop_length) / 2);
                prop_assert_eq!(mel.dim(), ((padded - n_fft) / hop_length + 1, n_mels));
                prop_assert!(mel_spectrogram.compute(&vec![0.5; min_samples - 1]).is_err());
            }
            Err(error) => prop_assert!(matches!(error, Error::Config { .. }), "{}", error),
        }
    }
}

#[test]
fn parameters_out_of_range_are_named() {
    let default = MelConfig::default;
    for (config, message) in [
        (default().n_fft(0), "n_fft: expected 1 to 65536, found 0"),
        (default().n_fft(usize::MAX), "n_fft"),
        (default().hop_length(1025), "hop_length: expected 1 to 1024"),
        (default().win_length(1025), "win_length: expected 1 to 1024"),
        (default().n_mels(usize::MAX), "n_mels"),
        (default().sample_rate(0), "sample_rate"),
        (default().f_max(12_000.5), "f_max"),
        (default().f_max(f64::NAN), "f_max"),
        (default().f_min(12_000.0), "f_min"),
        (default().f_min(f64::NAN), "f_min"),
    ] {
        let error = MelSpectrogram::new(config).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn the_first_bad_sample_is_named() {
    let mut signal = vec![0.0; 1000];
    signal[999] = f32::NAN;
    signal[700] = f32::NEG_INFINITY;
    let error = default().compute(&signal).unwrap_err();
    assert_eq!(error, Error::NonFinite { index: 700, value: f32::NEG_INFINITY });
    assert!(error.to_string().starts_with("sample 700 is -inf"), "{error}");
}

#[test]
fn silence_is_the_floor() {
    assert!(compute(&[0.0; 1000]).iter().all(|level| (level - 1e-5f32.ln()).abs() < 1e-6));
}

#[test]
fn strided_views_are_accepted() {
    let stereo: Array1<f32> = (0..4000).map(|i| (i as f32 * 0.1).sin()).collect();
    let left: Vec<f32> = stereo.iter().copied().step_by(2).collect();
    let view: ArrayView1<'_, f32> = ArrayView1::from(&left);
    let reversed: Vec<f32> = left.iter().rev().copied().collect();
    assert_eq!(default().compute(view.slice(s![..;-1])), default().compute(&reversed));
}

/// Fails to compile unless the types can be shared between threads.
#[test]
fn transforms_are_shared_between_threads() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<MelConfig>();
    is_shared::<MelSpectrogram>();
    is_shared::<Stft>();
    is_shared::<Error>();
}
