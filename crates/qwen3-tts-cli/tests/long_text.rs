//! Long texts on the command line: pieces, pauses, and resuming an interrupted run.

mod support;

use std::fs;
use std::path::Path;

use qwen3_tts_testkit::checkpoint;
use serde_json::Value;
use support::{command, names, refuses, stderr, succeeds};

const CHAPTER: &str =
    "One two three. Four five six, seven eight nine! Ten eleven.\n\nTwelve thirteen.";

const SHORT: [&str; 6] = ["--piece-tokens", "16", "--max-frames", "5", "--seed", "7"];

fn speak(dir: &Path, flags: &[&str]) -> std::process::Output {
    let mut command = command(["speak", CHAPTER, "-o", "a.wav", "--stats", "s.json"]);
    command.current_dir(dir).args(flags).output().unwrap()
}

fn stats(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("s.json")).unwrap()).unwrap()
}

#[test]
fn pieces_are_joined_with_pauses() {
    let dir = tempfile::tempdir().unwrap();
    succeeds(&speak(dir.path(), &SHORT));
    let file = fs::read(dir.path().join("a.wav")).unwrap();
    let stats = stats(dir.path());
    let pieces = stats["pieces"].as_u64().unwrap();
    assert!(pieces >= 3, "{stats}");
    assert_eq!((&stats["retries"], &stats["seed"]), (&0.into(), &7.into()));
    let spoken = stats["frames"].as_u64().unwrap() * 1920;
    let samples = stats["n_samples"].as_u64().unwrap();
    assert_eq!(file.len() as u64, 44 + 2 * samples);
    // The pauses are those of one paragraph (0.65 s) and of one or more sentences (0.25 s each).
    let pauses = samples - spoken;
    assert!(pauses >= 15_600 + 6_000, "{pauses}");
    // Pieces one after the other, or streamed, give the same file.
    for flags in [&["--batch-size", "1"][..], &["--stream"]] {
        succeeds(&speak(dir.path(), &[&SHORT, flags].concat()));
        assert_eq!(fs::read(dir.path().join("a.wav")).unwrap(), file);
    }
    // Without splitting there is one piece, and no pause.
    succeeds(&speak(dir.path(), &["--no-split", "--max-frames", "5", "--seed", "7"]));
    let stats = self::stats(dir.path());
    assert_eq!((&stats["pieces"], &stats["n_samples"]), (&1.into(), &(5 * 1920).into()));
}

#[test]
fn an_interrupted_run_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    succeeds(&speak(dir.path(), &SHORT));
    let file = fs::read(dir.path().join("a.wav")).unwrap();
    fs::remove_file(dir.path().join("a.wav")).unwrap();
    let resumed = [&SHORT[..], &["--resume"]].concat();
    succeeds(&speak(dir.path(), &resumed));
    assert_eq!(fs::read(dir.path().join("a.wav")).unwrap(), file);
    assert_eq!(names(dir.path()), ["a.wav", "s.json"], "the pieces are removed");

    // A run that was killed leaves the first piece, and here half of the second one too.
    let parts = dir.path().join("a.wav.parts");
    kill_after_the_first_piece(dir.path(), &resumed);
    let kept = ["request.json", "00000.json", "00000.f32"]
        .map(|name| (name, fs::read(parts.join(name)).unwrap()));
    let [_, (_, about), (_, samples)] = &kept;
    fs::write(parts.join("00001.json"), about).unwrap();
    fs::write(parts.join("00001.f32"), &samples[..samples.len() / 2]).unwrap();
    succeeds(&speak(dir.path(), &resumed));
    assert_eq!(fs::read(dir.path().join("a.wav")).unwrap(), file);
    assert!(!parts.exists());

    // Pieces of another request are not mixed in.
    fs::create_dir_all(&parts).unwrap();
    kept.iter().for_each(|(name, bytes)| fs::write(parts.join(name), bytes).unwrap());
    let other = speak(dir.path(), &[&resumed[..], &["--speaker", "ryan"]].concat());
    refuses(&other, &["a.wav.parts", "another request"]);
    let other: Vec<&str> =
        resumed.iter().map(|flag| if *flag == "7" { "8" } else { flag }).collect();
    refuses(&speak(dir.path(), &other), &["another request"]);
    let mut piped = command(["speak", CHAPTER, "-o", "-", "--resume"]);
    refuses(&piped.output().unwrap(), &["--resume", "-o"]);
}

/// Leaves the pieces of a run that was killed after the first of them, or a little later.
fn kill_after_the_first_piece(dir: &Path, flags: &[&str]) {
    let parts = dir.join("a.wav.parts");
    // A run may be done before it is killed.
    for _ in 0..50 {
        let mut speak = command(["speak", CHAPTER, "-o", "a.wav", "--batch-size", "1"]);
        let mut child = speak.current_dir(dir).args(flags).spawn().unwrap();
        while child.try_wait().unwrap().is_none() && !parts.join("00000.json").exists() {}
        child.kill().unwrap();
        child.wait().unwrap();
        if parts.join("00000.json").exists() {
            return;
        }
    }
    panic!("no run could be interrupted");
}

#[test]
fn a_piece_that_runs_away_is_retried_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let model = checkpoint("custom_voice_0b6");
    let model = model.to_str().unwrap();
    let flags = ["--model", model, "--piece-tokens", "8", "--seed", "100", "--retries", "1"];
    let mut command = command(["speak", "One.\n\nTwo.", "-o", "a.wav", "--stats", "s.json"]);
    let output = command.current_dir(dir.path()).args(flags).output().unwrap();
    succeeds(&output);
    let stats = stats(dir.path());
    assert_eq!(stats["pieces"], 2);
    // The tiny model hardly ever generates eos.
    assert!(stats["retries"].as_u64() > Some(0), "{stats}");
    assert!(stderr(&output).contains("never came to an end"), "{}", stderr(&output));
    assert!(stderr(&output).contains("2 times"), "{}", stderr(&output));
}

#[test]
fn invalid_flags_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (flags, word) in [
        (&["--piece-tokens", "0"][..], "piece-tokens"),
        (&["--batch-size", "0"], "batch-size"),
        (&["--retries", "-1"], "retries"),
        (&["--no-split", "--piece-tokens", "9"], "--no-split"),
        (&["--stream", "--resume"], "--resume"),
    ] {
        refuses(&speak(dir.path(), flags), &[word]);
    }
    assert_eq!(names(dir.path()), [""; 0]);
}
