//! The spectrogram compared with that of the official package.

use qwen3_tts_dsp::{Error, MelConfig, MelSpectrogram, hann_window, mel_filters};
use qwen3_tts_testkit::{Golden, assert_close};

fn mel_spectrogram() -> MelSpectrogram {
    MelSpectrogram::new(MelConfig::default()).unwrap()
}

#[test]
fn window_and_filters_are_the_official_ones() {
    let golden = Golden::load("speaker/mel");
    assert_close(&hann_window(1024).to_vec(), &golden.f32("window").1, 1.2e-7);
    let filters = mel_filters(&MelConfig::default()).unwrap();
    assert_eq!(filters.dim(), (128, 513));
    let weights: Vec<f32> = filters.iter().copied().filter(|weight| *weight != 0.0).collect();
    assert_close(&weights, &golden.f32("filters").1, 1e-8);
}

#[test]
fn spectrograms_are_the_official_ones() {
    let golden = Golden::load("speaker/mel");
    let cases = golden.request["cases"].as_object().unwrap();
    assert!(cases.len() >= 11, "found {}", cases.len());
    for (name, case) in cases {
        println!("{name}");
        let (_, samples) = golden.f32(&format!("{name}.samples"));
        let (shape, official) = golden.f32(&format!("{name}.mel"));
        let mel = mel_spectrogram().compute(&samples).unwrap();
        assert_eq!([mel.nrows(), mel.ncols()], shape[..]);
        let mel: Vec<f32> = mel.into_iter().collect();
        // If the official value is mostly rounding, it is farther from the exact one than ours.
        let rounding = case["rounding"].as_f64().unwrap() as f32;
        assert_close(&mel, &official, 1e-4 + 1.01 * rounding);
        let exact = format!("{name}.mel_float64");
        if golden.has(&exact) {
            assert_close(&mel, &golden.f32(&exact).1, 1e-4);
        } else {
            assert!(rounding < 1e-4, "{rounding}");
        }
    }
}

#[test]
fn the_shortest_signal_is_as_short_as_the_official_one() {
    let needed = Golden::load("speaker/mel").number("needed_samples");
    assert_eq!(MelConfig::default().min_samples(), needed);
    assert_eq!(mel_spectrogram().compute(&vec![0.1; needed]).unwrap().dim(), (1, 128));
    for found in [0, 1, needed - 1] {
        let error = mel_spectrogram().compute(&vec![0.1; found]).unwrap_err();
        assert_eq!(error, Error::TooShort { found, needed });
    }
}
