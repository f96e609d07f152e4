//! Texts with marks on the command line and in batches.

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use qwen3_tts_testkit::checkpoint;
use serde_json::json;
use support::{command, in_dir, names, refuses, run_with_input, stderr, succeeds};

const TEXT: &str = "# One\n[speaker mina]Two [pause 300ms] three.[/speaker] Four \\[4].";

const SHORT: [&str; 5] = ["--markup", "--max-frames", "4", "--seed", "7"];

fn speak(dir: &Path, text: &str, flags: &[&str]) -> Output {
    in_dir(dir, &[&["speak", text, "-o", "a.wav"], flags].concat())
}

/// Returns the 16-bit samples of a WAV file.
fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes[44..].as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect()
}

#[test]
fn sections_have_their_speakers_and_pauses() {
    let dir = tempfile::tempdir().unwrap();
    succeeds(&speak(dir.path(), TEXT, &SHORT));
    let file = fs::read(dir.path().join("a.wav")).unwrap();
    let marked = samples(&file);
    let mut expected = Vec::new();
    let sections = [
        ("One", "arlo", 650),
        ("Two", "mina", 300),
        ("three.", "mina", 250),
        ("Four [4].", "arlo", 0),
    ];
    for (index, (text, speaker, pause)) in sections.into_iter().enumerate() {
        let seed = (7 + index).to_string();
        let flags = ["--max-frames", "4", "--seed", &seed, "--speaker", speaker];
        succeeds(&speak(dir.path(), text, &flags));
        expected.extend(samples(&fs::read(dir.path().join("a.wav")).unwrap()));
        expected.extend(vec![0; pause * 24]);
    }
    assert!(marked == expected);
    // Streamed, from a pipe and one after the other.
    for flags in [&["--stream"][..], &["--batch-size", "1"]] {
        succeeds(&speak(dir.path(), TEXT, &[&SHORT, flags].concat()));
        assert!(fs::read(dir.path().join("a.wav")).unwrap() == file);
    }
    let flags = [&["speak", "-", "-o", "-", "--stream"][..], &SHORT].concat();
    let piped = run_with_input(flags, TEXT.as_bytes());
    succeeds(&piped);
    assert!(samples(&piped.stdout) == marked);
}

#[test]
fn an_interrupted_run_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[pause 200ms]One.\n\n[speaker mina]Two.[/speaker] [pause 10ms] Three.[pause 100ms]";
    succeeds(&speak(dir.path(), text, &SHORT));
    let file = fs::read(dir.path().join("a.wav")).unwrap();
    assert_eq!(samples(&file).len(), 3 * 4 * 1920 + 24 * (200 + 650 + 10 + 100));
    fs::remove_file(dir.path().join("a.wav")).unwrap();
    // A run that is killed leaves the pieces before.
    let resumed = [&SHORT[..], &["--resume"]].concat();
    let parts = dir.path().join("a.wav.parts");
    let mut killed = command(["speak", text, "-o", "a.wav", "--batch-size", "1"])
        .current_dir(dir.path())
        .args(&resumed)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begin = std::time::Instant::now();
    while !parts.join("00000.json").exists() && killed.try_wait().unwrap().is_none() {
        assert!(begin.elapsed().as_secs() < 60);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    // Without --markup it is another request.
    if parts.exists() {
        let plain: Vec<&str> = resumed.iter().copied().filter(|flag| *flag != "--markup").collect();
        refuses(&speak(dir.path(), text, &plain), &["a.wav.parts", "another request"]);
    }
    succeeds(&speak(dir.path(), text, &resumed));
    assert!(fs::read(dir.path().join("a.wav")).unwrap() == file);
    assert_eq!(names(dir.path()), ["a.wav"]);
}

#[test]
fn without_the_flag_marks_are_words() {
    let dir = tempfile::tempdir().unwrap();
    succeeds(&speak(dir.path(), "[speaker nobody] [pause", &["--max-frames", "2"]));
}

#[test]
fn errors_name_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let small = checkpoint("custom_voice_0b6");
    let small = small.to_str().unwrap();
    let cases: [(&str, &[&str], &[&str]); 6] = [
        ("One.\nTwo [paus 1s]", &[], &["line 2, column 5 of the text", "did you mean [pause]?"]),
        ("[speaker minna]A[/speaker]", &[], &["line 1, column 1", "did you mean \"mina\"?"]),
        ("A [language xx]B[/language]", &[], &["line 1, column 3", "unknown language \"xx\""]),
        (
            "A [instruct \"low\"]B[/instruct]",
            &["--model", small],
            &["line 1, column 3", "does not follow instructions"],
        ),
        ("A [pause 3]", &[], &["line 1, column 10", "did you mean 3ms or 3s?"]),
        ("A [speaker mina]B", &[], &["line 1, column 3", "expected [/speaker]"]),
    ];
    for (text, flags, words) in cases {
        refuses(&speak(dir.path(), text, &[&["--markup"], flags].concat()), words);
    }
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_blend_of_speakers_is_named_in_flags_lines_and_marks() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[speaker arlo:3,mina:1]One.[/speaker]";
    succeeds(&speak(dir.path(), text, &SHORT));
    let marked = fs::read(dir.path().join("a.wav")).unwrap();
    let line =
        json!({"text": "One.", "speaker": "arlo:0.75,mina:0.25", "seed": 7, "max_frames": 4});
    fs::write(dir.path().join("r.jsonl"), line.to_string()).unwrap();
    succeeds(&in_dir(dir.path(), &["batch", "r.jsonl", "--out", "out"]));
    assert!(fs::read(dir.path().join("out/00001.wav")).unwrap() == marked);
    let flags = ["--speaker", "Arlo:3,Mina", "--max-frames", "4", "--seed", "7"];
    succeeds(&speak(dir.path(), "One.", &flags));
    assert!(fs::read(dir.path().join("a.wav")).unwrap() == marked);
    let output = speak(dir.path(), "One.", &["--speaker", "arlo:3,mina:0"]);
    refuses(&output, &["\"mina:0\"", "expected a positive weight"]);
}

#[test]
fn lines_of_a_batch_have_marks_if_they_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        json!({"text": TEXT, "markup": true, "seed": 7, "max_frames": 4}),
        json!({"text": "A [speaker nobody]B[/speaker]", "markup": true}),
        json!({"text": "A [speaker", "max_frames": 2}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(dir.path().join("r.jsonl"), text).unwrap();
    let output = in_dir(dir.path(), &["batch", "r.jsonl", "--out", "out"]);
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    let expected = "line 2: line 1, column 3 of the text: unknown speaker \"nobody\"";
    assert!(message.contains(expected), "{message}");
    assert_eq!(names(&dir.path().join("out")), ["00001.wav", "00003.wav", "manifest.jsonl"]);
    succeeds(&speak(dir.path(), TEXT, &SHORT));
    let [file, alone] = ["out/00001.wav", "a.wav"].map(|name| dir.path().join(name));
    assert!(fs::read(file).unwrap() == fs::read(alone).unwrap());
}
