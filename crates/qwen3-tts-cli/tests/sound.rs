//! Formats, effects and pauses of the audio that the command writes.

mod support;

use std::fs;
use std::path::Path;

use qwen3_tts_pipeline::{AudioLimits, ReferenceAudio};
use serde_json::{Value, json};
use support::{in_dir, refuses, run, succeeds};

const TEXT: &str = "Hello there!";
/// Flags of a short speech that is always the same.
const SHORT: [&str; 4] = ["--seed", "5", "--max-frames", "25"];

fn speak(dir: &Path, flags: &[&str]) {
    succeeds(&in_dir(dir, &[&["speak", TEXT], &SHORT[..], flags].concat()));
}

fn samples(path: &Path) -> Vec<f32> {
    ReferenceAudio::read(path, &AudioLimits::any()).unwrap().samples
}

/// Returns the signal-to-noise ratio in dB.
fn snr(found: &[f32], expected: &[f32]) -> f64 {
    let power = |sample: f32| f64::from(sample) * f64::from(sample);
    let signal: f64 = expected.iter().map(|sample| power(*sample)).sum();
    let noise: f64 = found.iter().zip(expected).map(|(found, sample)| power(found - sample)).sum();
    10.0 * (signal / noise).log10()
}

#[test]
fn every_format_has_the_same_speech_streamed_or_not() {
    let dir = tempfile::tempdir().unwrap();
    speak(dir.path(), &["-o", "a.wav"]);
    let expected = samples(&dir.path().join("a.wav"));
    assert!(expected.len() > 20_000);
    for (name, is_lossy) in [("a.flac", false), ("a.mp3", true), ("a.aac", true), ("a.opus", true)]
    {
        speak(dir.path(), &["-o", name, "--title", "Hi"]);
        let whole = fs::read(dir.path().join(name)).unwrap();
        assert!(String::from_utf8_lossy(&whole).contains("Hi"), "{name}");
        let mut found = samples(&dir.path().join(name));
        if name == "a.aac" {
            // A silent block, which AAC cannot tell decoders to remove.
            found.drain(..1024);
            found.truncate(expected.len());
        }
        assert!(found.len().abs_diff(expected.len()) <= 1, "{name}: {}", found.len());
        let snr = snr(&found, &expected);
        assert!(if is_lossy { snr > 8.0 } else { found == expected }, "{name}: {snr} dB");
        speak(dir.path(), &["-o", name, "--title", "Hi", "--stream"]);
        assert!(fs::read(dir.path().join(name)).unwrap() == whole, "{name}");
        // Standard output has the format of --format, here without the flag of its ending.
        let format = name.split_once('.').unwrap().1;
        let flags = ["-o", "-", "--title", "Hi", "--format", format];
        let piped = run(["speak", TEXT].into_iter().chain(SHORT).chain(flags));
        succeeds(&piped);
        assert!(piped.stdout == whole, "{name}");
    }
}

#[test]
fn metadata_names_the_model_without_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let model = qwen3_tts_testkit::checkpoint("custom_voice_0b6");
    let flags = ["--model", model.to_str().unwrap(), "--speaker", "Ryan", "-o", "a.flac"];
    speak(dir.path(), &flags);
    let file = fs::read(dir.path().join("a.flac")).unwrap();
    let text = String::from_utf8_lossy(&file);
    for part in ["TITLE=Hello there!", "ARTIST=Ryan", "MODEL=custom_voice_0b6"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("fixtures"));
}

#[test]
fn the_sample_rate_is_converted() {
    let dir = tempfile::tempdir().unwrap();
    for rate in [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] {
        speak(dir.path(), &["-o", "a.wav", "--sample-rate", &rate.to_string(), "--stream"]);
        let audio = ReferenceAudio::read(dir.path().join("a.wav"), &AudioLimits::any()).unwrap();
        assert_eq!(audio.source_sample_rate, rate);
        assert!(audio.seconds() > 0.5);
    }
    let flags = ["speak", TEXT, "--sample-rate", "12345"];
    refuses(&run(flags), &["--sample-rate", "22050"]);
}

#[test]
fn effects_are_the_same_streamed() {
    let dir = tempfile::tempdir().unwrap();
    speak(dir.path(), &["-o", "plain.wav"]);
    let plain = samples(&dir.path().join("plain.wav"));
    for (flags, shorter, longer) in [
        (&["--speed", "2"][..], 0.49, 0.51),
        (&["--speed", "0.5x"], 1.99, 2.01),
        (&["--trim-silence"], 0.1, 1.0),
        (&["--trim-silence", "--speed", "1.25"], 0.1, 0.81),
        (&["--speed", "1"], 1.0, 1.0),
    ] {
        speak(dir.path(), &[&["-o", "a.wav"], flags].concat());
        speak(dir.path(), &[&["-o", "b.wav", "--stream"], flags].concat());
        let [whole, streamed] = ["a.wav", "b.wav"].map(|name| samples(&dir.path().join(name)));
        assert!(whole == streamed, "{flags:?}");
        let share = whole.len() as f64 / plain.len() as f64;
        assert!((shorter..=longer).contains(&share), "{flags:?}: {share}");
    }
    // Codes decode with effects as well.
    speak(dir.path(), &["-o", "a.wav", "--speed", "2", "--codes", "c.json"]);
    let decode = ["codec", "decode", "c.json", "-o", "d.wav", "--speed", "2"];
    succeeds(&in_dir(dir.path(), &decode));
    assert_eq!(samples(&dir.path().join("d.wav")).len(), samples(&dir.path().join("a.wav")).len());
}

#[test]
fn subtitles_have_the_times_after_effects() {
    let dir = tempfile::tempdir().unwrap();
    let times = |flags: &[&str]| {
        let fixed = ["--seed", "5", "--max-frames", "5", "-o", "a.wav", "--subtitles", "a.json"];
        let text = ["speak", "One.\n\nTwo."];
        succeeds(&in_dir(dir.path(), &[&text, &fixed[..], flags].concat()));
        let json = fs::read(dir.path().join("a.json")).unwrap();
        let json: Value = serde_json::from_slice(&json).unwrap();
        let n_samples = json["n_samples"].as_u64().unwrap();
        assert_eq!(n_samples, samples(&dir.path().join("a.wav")).len() as u64, "{flags:?}");
        let names = ["start_sample", "end_sample"];
        [0, 1].map(|piece| names.map(|name| json["pieces"][piece][name].as_u64().unwrap()))
    };
    let plain = times(&[]);
    let fast = times(&["--speed", "2"]);
    assert_eq!(fast, plain.map(|piece| piece.map(|sample| sample / 2)));
    let trimmed = times(&["--trim-silence"]);
    assert!(trimmed[1][0] <= plain[1][0] && trimmed[0][0] == 0);
}

#[test]
fn loudness_needs_the_whole_speech() {
    let dir = tempfile::tempdir().unwrap();
    let level = |flags: &[&str]| {
        speak(dir.path(), &[&["-o", "a.wav"], flags].concat());
        let samples = samples(&dir.path().join("a.wav"));
        assert!(samples.iter().all(|sample| sample.abs() < 0.9));
        samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>()
    };
    let (loud, quiet) = (level(&["--loudness", "-16LUFS"]), level(&["--loudness", "-26 lufs"]));
    let difference = 10.0 * (loud / quiet).log10();
    assert!((8.0..12.0).contains(&difference), "{difference} dB");
    let streamed = ["speak", TEXT, "--loudness", "-16", "--stream", "-o", "-"];
    refuses(&run(streamed), &["--loudness", "whole speech", "--stream"]);
    for (flags, words) in [
        (["--loudness", "-90"], ["-90", "-40"]),
        (["--loudness", "loud"], ["loud", "-16"]),
        (["--speed", "5"], ["5", "0.25"]),
        (["--speed", "-1"], ["-1", "0.25"]),
        (["--pause-sentence", "soon"], ["soon", "300ms"]),
    ] {
        refuses(&run(["speak", TEXT].into_iter().chain(flags)), &words);
    }
}

#[test]
fn pauses_have_the_length_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let length = |flags: &[&str]| {
        let text = "One.\n\nTwo.";
        let fixed = ["--seed", "5", "--max-frames", "4", "--piece-tokens", "4", "-o", "a.wav"];
        succeeds(&in_dir(dir.path(), &[&["speak", text], &fixed[..], flags].concat()));
        samples(&dir.path().join("a.wav")).len()
    };
    let default = length(&[]);
    assert_eq!(length(&["--pause-paragraph", "1650ms"]), default + 24_000);
    assert_eq!(length(&["--pause-paragraph", "0.65s", "--pause-sentence", "9s"]), default);
}

#[test]
fn a_batch_has_formats_and_effects() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        json!({"text": TEXT, "seed": 1, "max_frames": 20}),
        json!({"text": TEXT, "seed": 1, "max_frames": 20, "file": "b.wav"}),
    ];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(dir.path().join("r.jsonl"), lines).unwrap();
    succeeds(&in_dir(dir.path(), &["batch", "r.jsonl", "-o", "plain"]));
    let flags = ["--sample-rate", "16000", "--speed", "2"];
    succeeds(&in_dir(dir.path(), &[&["batch", "r.jsonl", "-o", "out"], &flags[..]].concat()));
    let plain = samples(&dir.path().join("plain/b.wav"));
    let fast = samples(&dir.path().join("out/b.wav"));
    assert!(fast.len().abs_diff(plain.len() / 2) <= 2);
    // A line's own ending counts; --format names the others, and is refused where it differs.
    let flac = in_dir(dir.path(), &["batch", "r.jsonl", "-o", "flac", "--format", "flac"]);
    assert_eq!(flac.status.code(), Some(1));
    assert!(support::stderr(&flac).contains("b.wav: --format flac writes FLAC"));
    assert!(samples(&dir.path().join("flac/00001.flac")) == plain);
}
