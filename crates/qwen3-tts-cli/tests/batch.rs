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
    let is_failure = |line: &&str| !line.contains("demo voice") && !line.contains("cut off");
    let lines: Vec<&str> = message.lines().filter(is_failure).collect();
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
    // A file has one result: that of its last speech.
    let of_first: Vec<Value> =
        manifest(dir.path()).into_iter().filter(|r| r["file"] == "00001.wav").collect();
    assert_eq!(of_first.len(), 1, "{of_first:?}");
    assert_eq!(of_first[0]["request"], line(5));
    // Without the flag everything is spoken again.
    fs::write(out.join("00002.wav"), "kept").unwrap();
    succeeds(&batch(dir.path(), &lines, &[]));
    assert!(fs::read(out.join("00002.wav")).unwrap().starts_with(b"RIFF"));
    assert_eq!(manifest(dir.path()).len(), 4);
}

#[test]
fn a_run_resumes_with_any_number_among_its_settings() {
    let dir = tempfile::tempdir().unwrap();
    let line = [json!({"text": "One.", "seed": 1, "max_frames": 3, "temperature": 0.97})];
    for speed in ["0.91", "0.97", "1.1", "3.3"] {
        succeeds(&batch(dir.path(), &line, &["--speed", speed]));
        let begin = fs::metadata(dir.path().join("out/00001.wav")).unwrap().modified().unwrap();
        succeeds(&batch(dir.path(), &line, &["--speed", speed, "--resume"]));
        let end = fs::metadata(dir.path().join("out/00001.wav")).unwrap().modified().unwrap();
        assert_eq!(begin, end, "{speed}");
    }
}

#[test]
fn a_line_with_marks_has_its_title_and_chapters() {
    let dir = tempfile::tempdir().unwrap();
    let text = "# One\n\n[speaker mina]Yes.[/speaker] [pause 100ms]\n\n# Two\n\nNo.";
    let line =
        json!({"text": text, "markup": true, "file": "a.flac", "speaker": "arlo", "seed": 1});
    succeeds(&batch(dir.path(), &[line], &[]));
    let bytes = fs::read(dir.path().join("out/a.flac")).unwrap();
    let head = String::from_utf8_lossy(&bytes[..2000.min(bytes.len())]).into_owned();
    for comment in [
        "TITLE=One",
        "ARTIST=arlo",
        "CHAPTER000=00:00:00.000",
        "CHAPTER000NAME=One",
        "CHAPTER001NAME=Two",
    ] {
        assert!(head.to_uppercase().contains(&comment.to_uppercase()), "{comment}: {head:?}");
    }
    assert!(!head.to_uppercase().contains("CHAPTER001=00:00:00.000"), "{head:?}");
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

/// Returns the reason why a line of a batch fails.
fn reason(dir: &Path, line: &str) -> String {
    fs::write(dir.join("r.jsonl"), line).unwrap();
    let output =
        command(["batch", "r.jsonl", "-o", "out", "-q"]).current_dir(dir).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}: {}", stderr(&output));
    let said = stderr(&output);
    let reason = said.lines().next().unwrap().strip_prefix("qwen3-tts: line 1: ").unwrap();
    assert!(!reason.contains("at line"), "{said}");
    reason.to_owned()
}

#[test]
fn errors_of_lines_are_in_the_users_terms() {
    let dir = tempfile::tempdir().unwrap();
    for (line, words) in [
        ("[1, 2]", "expected a JSON object, found an array"),
        ("[", "expected a JSON object, found an array"),
        ("\"a\"", "expected a JSON object, found \"a\""),
        ("null", "expected a JSON object, found null"),
        ("hello", "expected a JSON object such as {\"text\": \"Hello.\"} at column 1"),
        ("{\"text\": \"a\"", "the line ends within its JSON object"),
        ("{'text': 'a'}", "expected a name in double quotes at column 2"),
        ("{\"text\": \"a\",}", "a comma before the closing bracket at column 14"),
        ("{\"text\": \"a\", \"text\": \"b\"}", "the field `text` is there twice"),
        ("{}", "there is no `text`"),
        ("{\"text\": 5}", "`text`: expected a text, found 5 at column 2"),
        ("{\"txt\": \"a\"}", "there is no field `txt` at column 2; did you mean `text`?"),
        (
            "{\"text\": \"a\", \"pitch\": 2}",
            "there is no field `pitch` at column 15; expected one of",
        ),
        (
            "{\"text\": \"a\", \"temperature\": \"warm\"}",
            "`temperature`: expected a number, found \"warm\" at column 15",
        ),
        ("{\"text\": \"a\", \"seed\": -1}", "`seed`: expected a whole number, found -1"),
        ("{\"text\": \"a\", \"seed\": 1.5}", "`seed`: expected a whole number, found 1.5"),
        ("{\"text\": \"a\", \"greedy\": 1}", "`greedy`: expected true or false, found 1"),
        ("{\"text\": \"a\", \"file\": \"\"}", "`file` is \"\"; expected the name of a file"),
        ("{\"text\": \"a\", \"file\": \"../a.wav\"}", "in the output directory"),
        ("{\"text\": \"a\", \"file\": \"/a.wav\"}", "in the output directory"),
        ("{\"text\": \"a\", \"file\": \"a\\u0000.wav\"}", "a NUL character"),
        ("{\"text\": \"a\", \"file\": \"b/\"}", "not of a folder"),
        ("{\"text\": \"a\", \"file\": \"a.xyz\"}", "cannot write a.xyz"),
        ("{\"text\": \"a\", \"x_vector_only\": true}", "needs a cloned voice"),
        ("{\"text\": \"a\", \"ref_text\": \"b\"}", "add `ref_audio`"),
        ("{\"text\": \"a\", \"greedy\": true, \"temperature\": 1}", "`greedy` cannot be used with"),
        ("{\"text\": \"a\", \"ref_audio\": \"-\"}", "cannot read standard input"),
        ("{\"text\": \"a\", \"voice\": \"none.voice\"}", "cannot read none.voice: not found"),
        (
            "{\"text\": \"a\", \"ref_audio\": \"none.wav\", \"x_vector_only\": true}",
            "cannot read none.wav: not found",
        ),
    ] {
        let said = reason(dir.path(), line);
        assert!(said.contains(words), "{line}: {said:?} lacks {words:?}");
        assert!(!said.contains("os error"), "{said}");
    }
    let long = format!("{}.wav", "a".repeat(300));
    let said = reason(dir.path(), &json!({"text": "a", "file": long}).to_string());
    assert!(said.contains("at most 255 bytes"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_pipe_without_a_writer_blocks_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for field in ["ref_audio", "voice"] {
        let line = json!({"text": "a", field: pipe, "x_vector_only": true});
        let said = reason(dir.path(), &line.to_string());
        assert!(said.contains("a named pipe; expected a regular file"), "{said}");
    }
}

#[test]
fn files_are_in_folders_and_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| json!({"text": "One.", "max_frames": 2, "file": name});
    let lines = [
        file("a.wav"),
        file("b/c/d.wav"),
        file("A.WAV"),
        file("B/c/D.wav"),
        file("a.wav/e.wav"),
        file("b/c/f.wav"),
    ];
    let output = batch(dir.path(), &lines, &["-q"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for words in [
        "line 3: `file` is \"A.WAV\", which line 1 writes too",
        "line 4: `file` is \"B/c/D.wav\", which line 2 writes too",
        "line 5: `file` is \"a.wav/e.wav\", but line 1 writes a file of its folder's name",
        "3 lines failed: 3, 4, 5",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let out = dir.path().join("out");
    assert_eq!(names(&out), ["a.wav", "b", "manifest.jsonl"]);
    assert_eq!(names(&out.join("b/c")), ["d.wav", "f.wav"]);
    // A resumed run finds them there.
    fs::write(out.join("b/c/d.wav"), "kept").unwrap();
    batch(dir.path(), &lines, &["-q", "--resume"]);
    assert_eq!(fs::read(out.join("b/c/d.wav")).unwrap(), b"kept");
}

#[test]
fn a_table_is_spoken_as_lines_of_json_are() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        json!({"text": "One, two.", "file": "a.wav", "seed": 3, "max_frames": 4}),
        json!({"text": "Three.", "file": "b.wav", "temperature": 0.5, "seed": 4, "max_frames": 3}),
        json!({"text": "Four.", "file": "c.wav", "greedy": true, "max_frames": 3}),
    ];
    succeeds(&batch(dir.path(), &lines, &[]));
    let table = "text,file,seed,temperature,greedy,max_frames\n\
                 \"One, two.\",a.wav,3,,,4\nThree.,b.wav,4,0.5,,3\nFour.,c.wav,,,TRUE,3\n";
    let run = |args: &[&str], table: &str| {
        let output = run_with_input(args.iter().copied(), table.as_bytes());
        (output.status.code(), stderr(&output))
    };
    fs::write(dir.path().join("r.CSV"), format!("\u{feff}{}", table.replace('\n', "\r\n")))
        .unwrap();
    let out = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let named = ["batch", &out("r.CSV"), "-o", &out("named")];
    assert_eq!(run(&named, "").0, Some(0));
    let piped = ["batch", "-", "--csv", "-o", &out("piped")];
    assert_eq!(run(&piped, table).0, Some(0));
    for name in ["a.wav", "b.wav", "c.wav"] {
        let want = fs::read(dir.path().join("out").join(name)).unwrap();
        for folder in ["named", "piped"] {
            assert!(fs::read(dir.path().join(folder).join(name)).unwrap() == want, "{name}");
        }
    }
    // A wrong header is refused, a wrong cell fails its row alone.
    let (code, said) = run(&piped, "txt,file\na,b.wav\n");
    assert_eq!(code, Some(2));
    assert!(said.contains("standard input: line 1: there is no column `txt`"), "{said}");
    let (code, said) = run(&piped, "text,seed\nOne.,x\nTwo.\n\"Thr\nee.\",1,2\n");
    assert_eq!(code, Some(1));
    for words in [
        "line 2: `seed`: expected a whole number, found \"x\"",
        "line 3: expected 2 cells",
        "line 4: expected 2 cells, as in the header, found 3",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn shares_of_a_batch_are_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let lines: Vec<Value> =
        (0..5).map(|n| json!({"text": "One.", "seed": n, "max_frames": 2})).collect();
    for shard in ["1/2", "2/2"] {
        succeeds(&batch(dir.path(), &lines, &["--shard", shard]));
    }
    let out = dir.path().join("out");
    let files = |n: u64| format!("{n:05}.wav");
    let mut expected: Vec<String> = (1..=5).map(files).collect();
    expected.extend(["manifest-1-of-2.jsonl", "manifest-2-of-2.jsonl"].map(str::to_owned));
    assert_eq!(names(&out), expected);
    let numbers = |name: &str| {
        let text = fs::read_to_string(out.join(name)).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut numbers: Vec<u64> = lines.map(|line| line["line"].as_u64().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(numbers("manifest-1-of-2.jsonl"), [1, 3, 5]);
    assert_eq!(numbers("manifest-2-of-2.jsonl"), [2, 4]);
    // Joined, they are the manifest of the whole, which a run without shares resumes.
    let joined =
        ["1", "2"].map(|n| fs::read(out.join(format!("manifest-{n}-of-2.jsonl"))).unwrap());
    fs::write(out.join("manifest.jsonl"), joined.concat()).unwrap();
    fs::write(out.join("00004.wav"), "kept").unwrap();
    succeeds(&batch(dir.path(), &lines, &["--resume"]));
    assert_eq!(fs::read(out.join("00004.wav")).unwrap(), b"kept");
    for shard in ["0/2", "3/2", "1", "a/b"] {
        refuses(&batch(dir.path(), &lines, &["--shard", shard]), &["--shard", "I/N"]);
    }
    // A name that lines of two shares write is refused in both.
    let twice = [json!({"text": "a", "file": "x.wav"}), json!({"text": "b", "file": "X.wav"})];
    let output = batch(dir.path(), &twice, &["--shard", "2/2"]);
    assert!(stderr(&output).contains("which line 1 writes too"), "{}", stderr(&output));
}

#[test]
fn cut_lines_and_the_demo_voice_are_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let line = |n: u64| json!({"text": "One two three.", "seed": n, "max_frames": 2});
    let output = batch(dir.path(), &[line(1), line(2)], &[]);
    succeeds(&output);
    let said = stderr(&output);
    for words in
        ["demo voice", "line 1: the speech was cut off after 2 frames", "line 2: the speech"]
    {
        assert_eq!(said.matches(words).count(), 1, "{said}");
    }
    let quiet = batch(dir.path(), &[line(1)], &["-q"]);
    assert!(!stderr(&quiet).contains("demo voice"), "{}", stderr(&quiet));
    assert!(stderr(&quiet).contains("line 1: the speech was cut off"), "{}", stderr(&quiet));
}
