//! Many requests in one run: each equals that of `speak`, and failures are independent.

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use qwen3_tts_testkit::{Seed, checkpoint, mutate, mutations, signal};
use serde_json::{Value, json};
use support::{command, names, refuses, run_with_input, stderr, succeeds};

fn batch(dir: &Path, lines: &[Value], flags: &[&str]) -> Output {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(dir.join("requests.jsonl"), text).unwrap();
    let mut command = command(["batch", "requests.jsonl", "--out", "out"]);
    command.current_dir(dir).args(flags).output().unwrap()
}

fn manifest(dir: &Path) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("out/manifest.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn speak(dir: &Path, text: &str, flags: &[&str]) -> Vec<u8> {
    let mut command = command(["speak", text, "-o", "alone.wav"]);
    succeeds(&command.current_dir(dir).args(flags).output().unwrap());
    fs::read(dir.join("alone.wav")).unwrap()
}

#[test]
fn each_request_is_spoken_as_alone() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        json!({"text": "One two three.", "seed": 1, "max_frames": 9}),
        json!({"text": "Four.", "file": "four.wav", "speaker": "mina", "language": "english",
               "seed": 2, "max_frames": 20, "streaming_text": true}),
        json!({"text": "Five six.", "greedy": true, "max_frames": 5}),
        json!({"text": "Seven.", "seed": 3, "max_frames": 14, "temperature": 0.7, "top_k": 9,
               "top_p": 0.9, "repetition_penalty": 1.2, "subtalker_temperature": 0.8,
               "subtalker_top_k": 7, "subtalker_top_p": 0.8}),
    ];
    let alone: [(&str, &str, &[&str]); 4] = [
        ("00001.wav", "One two three.", &["--seed", "1", "--max-frames", "9"]),
        (
            "four.wav",
            "Four.",
            &[
                "--speaker",
                "mina",
                "--language",
                "english",
                "--seed",
                "2",
                "--max-frames",
                "20",
                "--streaming-text",
            ],
        ),
        ("00003.wav", "Five six.", &["--greedy", "--max-frames", "5"]),
        (
            "00004.wav",
            "Seven.",
            &[
                "--seed",
                "3",
                "--max-frames",
                "14",
                "--temperature",
                "0.7",
                "--top-k",
                "9",
                "--top-p",
                "0.9",
                "--repetition-penalty",
                "1.2",
                "--subtalker-temperature",
                "0.8",
                "--subtalker-top-k",
                "7",
                "--subtalker-top-p",
                "0.8",
            ],
        ),
    ];
    for size in ["1", "3"] {
        succeeds(&batch(dir.path(), &lines, &["--batch-size", size]));
        for (file, text, flags) in alone {
            let spoken = fs::read(dir.path().join("out").join(file)).unwrap();
            assert!(spoken == speak(dir.path(), text, flags), "{file}");
        }
        let mut results = manifest(dir.path());
        results.sort_by_key(|result| result["line"].as_u64());
        assert_eq!(results.len(), 4);
        for (index, result) in results.iter().enumerate() {
            assert_eq!(result["line"], index + 1);
            assert_eq!(
                (&result["status"], &result["file"]),
                (&json!("ok"), &json!(alone[index].0))
            );
            assert_eq!(result["request"], lines[index]);
            let seconds = result["frames"].as_f64().unwrap() * 0.08;
            assert!((result["audio_seconds"].as_f64().unwrap() - seconds).abs() < 1e-6);
        }
        assert_eq!(results[1]["seed"], 2);
        assert!(results[0]["stop_reason"].is_string());
    }
}

#[test]
fn a_long_line_is_spoken_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let text = "One two three. Four five six, seven eight nine! Ten eleven.\n\nTwelve.";
    let lines = [
        json!({"text": text, "seed": 3, "max_frames": 5}),
        json!({"text": "Thirteen.", "seed": 9, "max_frames": 4}),
    ];
    let split = ["--piece-tokens", "16"];
    for size in ["1", "8"] {
        succeeds(&batch(dir.path(), &lines, &[&split[..], &["--batch-size", size]].concat()));
        let spoken = fs::read(dir.path().join("out/00001.wav")).unwrap();
        let flags = [&split[..], &["--seed", "3", "--max-frames", "5"]].concat();
        assert!(spoken == speak(dir.path(), text, &flags));
        let results = manifest(dir.path());
        let result = results.iter().find(|result| result["line"] == 1).unwrap();
        assert!(result["pieces"].as_u64() >= Some(3), "{result}");
        assert_eq!((&result["seed"], &result["retries"]), (&json!(3), &json!(0)));
        let samples = (spoken.len() - 44) / 2;
        let seconds = result["audio_seconds"].as_f64().unwrap();
        assert!((seconds * 24_000.0 - samples as f64).abs() < 1.0, "with its pauses: {result}");
    }
}

/// The tiny model hardly ever generates eos.
#[test]
fn a_line_that_runs_away_is_cut_off_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let model = checkpoint("custom_voice_0b6");
    let flags = ["--model", model.to_str().unwrap(), "--retries", "1"];
    let output = batch(dir.path(), &[json!({"text": "One.", "seed": 100})], &flags);
    succeeds(&output);
    let said = stderr(&output);
    assert!(said.contains("line 1: piece 1") && said.contains("2 times"), "{said}");
    assert_eq!(manifest(dir.path())[0]["retries"], 1);
    assert_eq!(manifest(dir.path())[0]["stop_reason"], "max_frames");
}

#[test]
fn a_line_that_fails_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text = [
        r#"{"text": "One.", "max_frames": 3}"#,
        "not json",
        "",
        r#"{"text": "Two.", "max_frames": 3, "pitch": 2}"#,
        r#"{"text": " "}"#,
        r#"{"text": "Three.", "speaker": "nobody"}"#,
        r#"{"text": "Four.", "file": "../four.wav"}"#,
        r#"{"text": "Five.", "file": "00001.wav"}"#,
        r#"{"text": "Six.", "voice": "/nonexistent.voice"}"#,
        r#"{"text": "Seven.", "speaker": "ryan", "voice": "a.voice"}"#,
        r#"{"text": "Eight.", "file": "manifest.jsonl"}"#,
        r#"{"text": "Nine.", "max_frames": 3}"#,
    ];
    fs::write(dir.path().join("r.jsonl"), text.join("\n")).unwrap();
    let mut command = command(["batch", "r.jsonl", "-o", "out", "--sample-format", "f32"]);
    let output = command.current_dir(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let message = stderr(&output);
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 10, "{message}");
    assert!(lines[9].contains("9 lines failed: 2, 4, 5, 6, 7, 8, 9, 10, 11"), "{message}");
    for (line, word) in
        [(2, "expected"), (4, "pitch"), (5, "no text"), (6, "nobody"), (9, "nonexistent")]
    {
        let said = lines.iter().find(|said| said.contains(&format!("line {line}: "))).unwrap();
        assert!(said.contains(word), "{said}");
    }
    let out = dir.path().join("out");
    assert_eq!(names(&out), ["00001.wav", "00012.wav", "manifest.jsonl"]);
    assert!(!dir.path().join("four.wav").exists());
    let failed = manifest(dir.path()).into_iter().filter(|result| result["status"] == "failed");
    let errors: Vec<Value> = failed.map(|mut result| result["error"].take()).collect();
    assert_eq!(errors.len(), 9);
    assert!(errors.iter().all(|error| error.as_str().is_some_and(|error| !error.contains('\n'))));
    let wav = hound::WavReader::open(out.join("00012.wav")).unwrap();
    assert_eq!((wav.duration(), wav.spec().bits_per_sample), (3 * 1920, 32));
}

#[test]
fn a_run_resumes_where_another_ended() {
    let dir = tempfile::tempdir().unwrap();
    let line = |n: u64| json!({"text": "One two.", "seed": n, "max_frames": 2 + n});
    succeeds(&batch(dir.path(), &[line(1), line(2)], &[]));
    let out = dir.path().join("out");
    // The first is marked to show that it is not spoken again, the second is deleted, the third and
    // fourth are new, and the end of the manifest is cut off.
    fs::write(out.join("00001.wav"), "kept").unwrap();
    fs::remove_file(out.join("00002.wav")).unwrap();
    let path = out.join("manifest.jsonl");
    let earlier = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{earlier}{{\"line\": 3, \"status\": \"ok\", \"fi")).unwrap();
    let lines = [line(1), line(2), line(3), json!({"text": ""})];
    let output = batch(dir.path(), &lines, &["--resume"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("line 4 failed"), "{}", stderr(&output));
    assert_eq!(fs::read(out.join("00001.wav")).unwrap(), b"kept");
    assert!(fs::read(out.join("00002.wav")).unwrap().starts_with(b"RIFF"));
    let spoken = |n: u64| manifest(dir.path()).iter().filter(|r| r["line"] == n).count();
    assert_eq!((spoken(1), spoken(3), spoken(4)), (1, 1, 1));
    // Another request for the same file is spoken, and a line that failed is retried.
    let lines = [line(5), line(2), line(3), line(4)];
    succeeds(&batch(dir.path(), &lines, &["--resume"]));
    assert!(fs::read(out.join("00001.wav")).unwrap().starts_with(b"RIFF"));
    // Without the flag everything is spoken again.
    fs::write(out.join("00002.wav"), "kept").unwrap();
    succeeds(&batch(dir.path(), &lines, &[]));
    assert!(fs::read(out.join("00002.wav")).unwrap().starts_with(b"RIFF"));
    assert_eq!(manifest(dir.path()).len(), 4);
}

#[test]
fn each_recording_is_encoded_once() {
    let dir = tempfile::tempdir().unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut wav = hound::WavWriter::create(dir.path().join("ann.wav"), spec).unwrap();
    signal(36_000).into_iter().for_each(|sample| wav.write_sample(sample).unwrap());
    wav.finalize().unwrap();
    let model = checkpoint("base_0b6");
    let model = model.to_str().unwrap();
    let with = |more: Value| {
        let mut line =
            json!({"text": "Hello.", "ref_audio": "ann.wav", "seed": 1, "max_frames": 6});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    let lines = [
        with(json!({"x_vector_only": true})),
        with(json!({"ref_text": "Slowly she said."})),
        with(json!({"x_vector_only": true})),
        with(json!({})),
    ];
    let output = batch(dir.path(), &lines, &["--model", model]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("line 4: the recording has no transcript"),
        "{}",
        stderr(&output)
    );
    let out = |n: usize| fs::read(dir.path().join(format!("out/{n:05}.wav"))).unwrap();
    let flags = ["--model", model, "--ref-audio", "ann.wav", "--seed", "1", "--max-frames", "6"];
    let vector = speak(dir.path(), "Hello.", &[&flags[..], &["--x-vector-only"]].concat());
    let text = ["--ref-text", "Slowly she said."];
    assert!(out(1) == vector && out(3) == vector);
    assert!(out(2) == speak(dir.path(), "Hello.", &[&flags[..], &text].concat()));
}

#[test]
fn missing_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut missing = command(["batch", "none.jsonl", "-o", "out"]);
    refuses(&missing.current_dir(dir.path()).output().unwrap(), &["none.jsonl"]);
    fs::write(dir.path().join("file"), "").unwrap();
    let mut blocked = command(["batch", "file", "-o", "file"]);
    refuses(&blocked.current_dir(dir.path()).output().unwrap(), &["file"]);
    let out = dir.path().join("out");
    let piped = ["batch", "-", "-o", out.to_str().unwrap(), "--progress", "never"];
    let output = run_with_input(piped, b"{\"text\": \"One.\", \"max_frames\": 2}\n");
    succeeds(&output);
    assert_eq!(names(&out), ["00001.wav", "manifest.jsonl"]);
}

#[test]
fn mutated_lines_fail_alone() {
    let line = json!({"text": "One.", "file": "a.wav", "speaker": "nobody", "seed": 12,
                      "temperature": 0.5, "top_k": 3, "max_frames": 2, "greedy": false});
    let seeds = [Seed::new("line", line.to_string())];
    let lines = (0..mutations().min(20_000)).map(|case| {
        let line = String::from_utf8_lossy(&mutate(&seeds, case)).into_owned();
        line.replace(['\n', '\r'], " ")
    });
    let lines: Vec<String> = lines.filter(|line| !line.trim().is_empty()).collect();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("r.jsonl"), lines.join("\n")).unwrap();
    let mut command = command(["batch", "r.jsonl", "-o", "out"]);
    let output = command.current_dir(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    assert_eq!(manifest(dir.path()).len(), lines.len());
}

#[test]
fn requests_are_read_as_people_write_them() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        json!({"text": "Grüße!", "greedy": true, "max_frames": 3}),
        json!({"text": "Grüße!", "temperature": 0, "max_frames": 3}),
        json!({"text": "Grüße!", "voice": "arlo"}),
        json!({"text": "Grüße!", "speaker": "voices/ann.voice"}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let utf16 = || "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes);
    let batch = |bytes: &[u8]| {
        fs::write(dir.path().join("r.jsonl"), bytes).unwrap();
        let mut command = command(["batch", "r.jsonl", "--out", "out"]);
        command.current_dir(dir.path()).output().unwrap()
    };
    for bytes in [format!("\u{feff}{text}").into_bytes(), utf16().collect()] {
        let said = stderr(&batch(&bytes));
        assert!(said.contains("2 lines failed: 3, 4"), "{said}");
        assert!(said.contains("line 3: there is no voice file arlo"), "{said}");
        assert!(said.contains("line 4: voices/ann.voice is a file"), "{said}");
        let out = |n: usize| fs::read(dir.path().join(format!("out/{n:05}.wav"))).unwrap();
        assert!(out(1) == out(2));
    }
    let words = ["r.jsonl", "line 1", "a NUL character; is it UTF-16"];
    refuses(&batch(&utf16().skip(2).collect::<Vec<u8>>()), &words);
    // One line fails alone.
    let said = stderr(&batch(b"{\"text\": \"One\", \"max_frames\": 2}\n{\"text\": \"\0\"}\n"));
    assert!(said.contains("line 2: a NUL character"), "{said}");
    let latin_1 = batch(b"{\"text\": \"One\"}\n{\"text\": \"\xe9\"}\n");
    refuses(&latin_1, &["r.jsonl", "line 2", "not valid UTF-8"]);
}
