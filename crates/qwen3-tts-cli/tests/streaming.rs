//! Streamed audio equals that of a file.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{command, names, refuses, run, run_with_input, stderr, succeeds};

const TEXT: &str = "Hello there, how are you?";

/// Returns the WAV file that `speak` writes for the text with these flags.
fn whole(dir: &Path, text: &str, flags: &[&str]) -> Vec<u8> {
    let path = dir.join("whole.wav");
    let mut command = command(["speak", text, "--seed", "5", "--max-frames", "40"]);
    succeeds(&command.args(flags).arg("-o").arg(&path).output().unwrap());
    fs::read(path).unwrap()
}

/// Returns the length of the header of a WAV file.
fn head(format: &str) -> usize {
    if format == "s16" { 44 } else { 68 }
}

#[test]
fn standard_output_has_the_samples_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    for format in ["s16", "f32"] {
        let file = whole(dir.path(), TEXT, &["--sample-format", format]);
        let flags =
            ["--seed", "5", "--max-frames", "40", "--sample-format", format, "-o", "-", "--stream"];
        let streamed = run(["speak", TEXT].into_iter().chain(flags));
        succeeds(&streamed);
        let (n, bytes) = (head(format), streamed.stdout);
        assert_eq!(bytes[n..], file[n..]);
        // The header gives an unknown length, as is usual in pipes.
        assert_eq!(
            (&bytes[..4], &bytes[4..8], &bytes[n - 4..n]),
            (&b"RIFF"[..], &[0xff; 4][..], &[0xff; 4][..])
        );
        let raw = run(["speak", TEXT, "--format", "pcm"].into_iter().chain(flags));
        succeeds(&raw);
        assert_eq!(raw.stdout, file[n..]);
        let raw =
            run(["speak", TEXT, "--format", "pcm"].into_iter().chain(flags[..8].iter().copied()));
        succeeds(&raw);
        assert_eq!(raw.stdout, file[n..], "without --stream too");
    }
}

#[test]
fn a_streamed_file_equals_the_whole_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = whole(dir.path(), TEXT, &[]);
    assert_eq!(whole(dir.path(), TEXT, &["--stream", "--codes", "c.json"]), file);
    fs::remove_file("c.json").unwrap();
    let stats = dir.path().join("s.json");
    whole(dir.path(), TEXT, &["--stream", "--stats", stats.to_str().unwrap()]);
    let stats: serde_json::Value = serde_json::from_slice(&fs::read(stats).unwrap()).unwrap();
    assert_eq!(stats["n_samples"], (file.len() - 44) / 2);
    let first = stats["time_to_first_audio_seconds"].as_f64().unwrap();
    assert!(first > 0.0 && first <= stats["processing_seconds"].as_f64().unwrap());
    assert_eq!(names(dir.path()), ["s.json", "whole.wav"]);
}

#[test]
fn text_from_a_pipe_is_spoken_as_it_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let file = whole(dir.path(), TEXT, &["--streaming-text"]);
    let flags = ["speak", "-", "--seed", "5", "--max-frames", "40", "--stream", "-o", "-"];
    let mut child = command(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    // After half of the text, the header and the first frame arrive while the pipe is open.
    stdin.write_all(b"Hello there, how").unwrap();
    stdin.flush().unwrap();
    let mut bytes = vec![0; 44 + 1920 * 2];
    stdout.read_exact(&mut bytes).unwrap();
    assert!(child.try_wait().unwrap().is_none());
    stdin.write_all(b" are you?\r\n").unwrap();
    drop(stdin);
    stdout.read_to_end(&mut bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    succeeds(&output);
    assert_eq!(bytes[44..], file[44..]);
}

#[test]
fn text_from_a_pipe_is_validated() {
    let flags = ["--max-frames", "20", "--stream", "-o", "-"];
    let piped = |input: &[u8]| run_with_input(["speak", "-"].into_iter().chain(flags), input);
    refuses(&piped(b""), &["no text"]);
    refuses(&piped(b" \n\n"), &["no text"]);
    refuses(&piped(&[0xff, 0xfe, 0x00]), &["standard input"]);
    // A character may be cut anywhere, and the text may be longer than the speech.
    let long = "Grüße – 你好 🙂. ".repeat(500);
    succeeds(&piped(long.as_bytes()));
    // With the flag, the whole text is read first.
    let dir = tempfile::tempdir().unwrap();
    let file = whole(dir.path(), TEXT, &["--non-streaming-text"]);
    let flags =
        ["--seed", "5", "--max-frames", "40", "--non-streaming-text", "--stream", "-o", "-"];
    let output = run_with_input(["speak", "-"].into_iter().chain(flags), TEXT.as_bytes());
    succeeds(&output);
    assert_eq!(output.stdout[44..], file[44..]);
}

#[test]
fn a_word_that_is_too_long_fails_the_speech() {
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("a.wav");
    let flags = ["speak", "-", "--stream", "--seed", "5", "-o", wav.to_str().unwrap()];
    let word = "a".repeat(300 << 10);
    for text in [format!("One two. {word} three."), format!("One two. {word}"), word] {
        refuses(&run_with_input(flags, text.as_bytes()), &["KiB", "split"]);
        assert_eq!(names(dir.path()), [""; 0]);
    }
}

#[test]
fn a_refusal_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let speak = |text: &str, flags: &[&str]| {
        let mut command = command(["speak", text, "--stream"]);
        command.current_dir(dir.path()).args(flags).output().unwrap()
    };
    refuses(&speak(" ", &["-o", "-"]), &["no text"]);
    refuses(&speak(TEXT, &["--speaker", "nobody", "-o", "-"]), &["nobody"]);
    refuses(&speak(TEXT, &["-o", "no/such/a.wav"]), &["cannot write"]);
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn playing_needs_the_feature() {
    // With the feature, there may or may not be a device; without it, one line says what to do.
    let dir = tempfile::tempdir().unwrap();
    let mut command = command(["speak", TEXT, "--play", "--max-frames", "2"]);
    let output = command.current_dir(dir.path()).output().unwrap();
    if output.status.code() == Some(2) {
        refuses(&output, &["--features play", "--stream"]);
    }
    // Audio that is played is written only if -o is given.
    assert_eq!(names(dir.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn an_interruption_leaves_no_half_file() {
    let dir = tempfile::tempdir().unwrap();
    for flags in [&["--stream"][..], &[]] {
        let mut command = command(["speak", "-", "--max-frames", "256", "--no-split"]);
        command.current_dir(dir.path()).args(flags).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"Hello there, how are you? ").unwrap();
        stdin.flush().unwrap();
        if flags.is_empty() {
            stdin.write_all("word ".repeat(200).as_bytes()).unwrap();
            drop(stdin);
        }
        // It is interrupted as soon as a file exists.
        let begin = Instant::now();
        while names(dir.path()).is_empty() {
            if begin.elapsed() > Duration::from_secs(60) {
                child.kill().unwrap();
                panic!("nothing was written");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let left = names(dir.path());
        if left.is_empty() {
            assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        } else {
            // The file was complete before the interruption.
            assert_eq!(left, ["out.wav"], "{}", stderr(&output));
            let path = dir.path().join("out.wav");
            let wav = hound::WavReader::open(&path).unwrap();
            assert!(wav.duration() > 0 && wav.into_samples::<i16>().all(|sample| sample.is_ok()));
            fs::remove_file(path).unwrap();
        }
    }
}
