//! Effects on whole audio and block by block.

use ebur128::{EbuR128, Mode};
use qwen3_tts_audio::{Effects, Error};
use qwen3_tts_testkit::signal;

const RATE: u32 = 24_000;

/// Returns seconds of a voice: harmonics of 120 Hz, with a rhythm of four syllables a second.
fn voice(seconds: f32) -> Vec<f32> {
    let n_samples = (seconds * RATE as f32) as usize;
    let sample = |n: usize| {
        let time = n as f32 / RATE as f32;
        let wave = |harmonic: i32| {
            let harmonic = harmonic as f32;
            (std::f32::consts::TAU * 120.0 * harmonic * time).sin() / harmonic
        };
        let syllable = (std::f32::consts::TAU * 4.0 * time).sin().max(0.0);
        0.2 * syllable * (1..20).map(wave).sum::<f32>()
    };
    (0..n_samples).map(sample).collect()
}

fn every_effect() -> Vec<Effects> {
    let speeds = [0.25, 0.8, 1.0, 1.3, 4.0].map(|speed| Effects::new().speed(speed).unwrap());
    let mut all = speeds.to_vec();
    all.push(Effects::new());
    all.push(Effects::new().trim_silence(true));
    all.push(Effects::new().loudness(-16.0).unwrap());
    let together = Effects::new().trim_silence(true).speed(1.2).unwrap();
    all.push(together);
    all.push(together.loudness(-23.0).unwrap());
    all
}

/// Returns silence, a voice, silence within it and at its end.
fn spoken() -> Vec<f32> {
    [vec![0.0005; 9_000], voice(0.6), vec![0.0; 12_000], voice(0.5), vec![-0.0005; 10_000]].concat()
}

fn loudness(samples: &[f32]) -> f64 {
    let mut meter = EbuR128::new(1, RATE, Mode::I).unwrap();
    meter.add_frames_f32(samples).unwrap();
    meter.loudness_global().unwrap()
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak: f32, sample| peak.max(sample.abs()))
}

#[test]
fn blocks_give_the_samples_of_the_whole() {
    let samples = spoken();
    for effects in every_effect() {
        let whole = effects.apply(&samples, RATE);
        for size in [1, 479, 7_000] {
            let mut chain = effects.begin(RATE);
            let mut output: Vec<f32> =
                samples.chunks(size).flat_map(|block| chain.push(block)).collect();
            output.extend(chain.finish());
            assert!(output == whole, "{effects:?} in blocks of {size}");
            assert_eq!(chain.n_outputs(), output.len());
        }
        assert_eq!(effects.begin(RATE).finish(), [0.0; 0]);
    }
}

#[test]
fn no_effect_changes_nothing() {
    let samples = signal(20_000);
    for effects in [Effects::new(), Effects::new().speed(1.0).unwrap()] {
        assert!(effects.apply(&samples, RATE) == samples);
        assert!(!effects.needs_whole());
    }
}

/// The length is exact, and the pitch stays: as many waves of 120 Hz in a second as before.
#[test]
fn speed_changes_the_length_and_not_the_pitch() {
    let tone: Vec<f32> = (0..48_000)
        .map(|n| 0.5 * (std::f32::consts::TAU * 120.0 * n as f32 / RATE as f32).sin())
        .collect();
    for speed in [0.25, 0.5, 0.9, 1.1, 2.0, 4.0] {
        let found = Effects::new().speed(speed).unwrap().apply(&tone, RATE);
        assert_eq!(found.len(), (48_000.0 / speed).round() as usize);
        let middle = &found[found.len() / 4..found.len() * 3 / 4];
        let waves = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        let hertz = waves as f32 * RATE as f32 / middle.len() as f32;
        assert!((hertz - 120.0).abs() < 6.0, "{speed}: {hertz} Hz");
        let level = peak(middle);
        assert!((0.45..0.56).contains(&level), "{speed}: {level}");
        // Neither end is faded.
        assert!(peak(&found[..400]) > 0.4 && peak(&found[found.len() - 400..]) > 0.2, "{speed}");
    }
}

#[test]
fn silence_goes_at_the_ends_only() {
    let samples = spoken();
    let mut chain = Effects::new().trim_silence(true).begin(RATE);
    let mut found = chain.push(&samples);
    found.extend(chain.finish());
    let is_loud = |sample: &f32| sample.abs() > 0.004;
    let [first, last] =
        [samples.iter().position(is_loud).unwrap(), samples.iter().rposition(is_loud).unwrap()];
    let margin = 720;
    assert!(found.len().abs_diff(last - first + 2 * margin) < 100, "{} samples", found.len());
    let begin = chain.position(first);
    assert!(begin.abs_diff(margin) < 100, "{begin}");
    assert_eq!(found[begin..][..last - first], samples[first..last]);
    assert_eq!(Effects::new().trim_silence(true).apply(&[0.001; 5_000], RATE), [0.0; 0]);
}

#[test]
fn positions_follow_the_speed() {
    let samples = [vec![0.0; 12_000], voice(1.0), vec![0.0; 12_000]].concat();
    let effects = Effects::new().speed(2.0).unwrap().trim_silence(true);
    let mut chain = effects.begin(RATE);
    let mut found = chain.push(&samples);
    found.extend(chain.finish());
    let loud = found.iter().position(|sample| sample.abs() > 0.004).unwrap();
    let source = samples.iter().position(|sample| sample.abs() > 0.004).unwrap();
    // The search for a similar wave moves a sound by up to 12 ms.
    assert!(chain.position(source).abs_diff(loud) < 320, "{loud}");
}

#[test]
fn loudness_is_what_was_asked_for_and_nothing_clips() {
    for level in [0.02, 1.0, 3.0] {
        let samples: Vec<f32> = voice(3.0).iter().map(|sample| level * sample).collect();
        for target in [-30.0, -23.0, -16.0] {
            let found = Effects::new().loudness(target).unwrap().apply(&samples, RATE);
            let (loudness, peak) = (loudness(&found), peak(&found));
            println!("{level} at {target} LUFS: {loudness:.2} LUFS, peak {peak:.3}");
            assert_eq!(found.len(), samples.len());
            assert!((loudness - target).abs() < 0.3, "{level}: {loudness} LUFS");
            assert!(peak <= 0.892, "{level}: {peak}");
        }
    }
    let silence = Effects::new().loudness(-16.0).unwrap().apply(&[0.0; 30_000], RATE);
    assert_eq!(silence, [0.0; 30_000]);
}

#[test]
fn values_out_of_range_are_refused() {
    for speed in [0.2, 4.1, f32::NAN, -1.0] {
        assert!(matches!(Effects::new().speed(speed), Err(Error::Speed { .. })), "{speed}");
    }
    let said = Effects::new().speed(9.0).unwrap_err().to_string();
    assert_eq!(said, "the speed is 9; expected 0.25 to 4");
    for loudness in [0.0, -80.0, f64::NAN] {
        assert!(matches!(Effects::new().loudness(loudness), Err(Error::Loudness { .. })));
    }
}
