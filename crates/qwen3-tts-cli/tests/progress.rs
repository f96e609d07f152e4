//! Progress and the line at the end, on a terminal and elsewhere.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::{in_dir, stderr, succeeds};

/// Returns what a terminal of `columns` columns gets, or `None` without the program `script`.
fn on_a_terminal(dir: &Path, columns: usize, args: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_qwen3-tts");
    let line = format!("stty cols {columns} rows 24; '{program}' {args}");
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(dir)
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).ok()
}

/// Returns the lines that a terminal shows at any time, without its control sequences.
fn lines(shown: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for part in shown.split(['\r', '\n']) {
        let mut line = String::new();
        let mut letters = part.chars();
        while let Some(letter) = letters.next() {
            match letter {
                // A sequence ends with a letter.
                '\u{1b}' => {
                    letters.by_ref().skip(1).find(|letter| letter.is_ascii_alphabetic());
                }
                letter => line.push(letter),
            }
        }
        lines.push(line);
    }
    lines
}

const LONG: &str = "speak 'One two three. Four five six. Seven eight nine. Ten eleven twelve.' \
                    --piece-tokens 6 --max-frames 30 --seed 7";

#[test]
fn progress_is_one_line_of_any_terminal() {
    let dir = tempfile::tempdir().unwrap();
    for columns in [60, 80] {
        let Some(shown) = on_a_terminal(dir.path(), columns, LONG) else { return };
        let lines = lines(&shown);
        let is_progress = |line: &&String| line.contains("frames") || line.contains("/~");
        let progress: Vec<&String> = lines
            .iter()
            .filter(|line| !line.starts_with("qwen3-tts:"))
            .filter(is_progress)
            .collect();
        assert!(!progress.is_empty(), "{shown:?}");
        for line in progress {
            assert!(line.trim_end().chars().count() < columns, "{line:?}");
            assert!(!line.contains("qwen3-tts: "), "a message broke the line: {line:?}");
        }
        let last = lines.iter().rev().find(|line| line.starts_with("qwen3-tts: ")).unwrap();
        for words in ["out.wav: ", "pieces, ", " s of speech in ", "× real time"] {
            assert!(last.contains(words), "{last}");
        }
        let notes = lines.iter().filter(|line| line.contains("demo voice")).count();
        assert_eq!(notes, 1, "{shown:?}");
    }
    let Some(quiet) = on_a_terminal(dir.path(), 80, "speak 'One two.' -q --seed 1") else { return };
    assert_eq!(quiet, "");
}

#[test]
fn a_batch_shows_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    let line = "{\"text\": \"One two three four five six.\", \"seed\": 1}\n";
    std::fs::write(dir.path().join("r.jsonl"), line.repeat(6)).unwrap();
    let args = "batch r.jsonl -o out --batch-size 2";
    let Some(shown) = on_a_terminal(dir.path(), 80, args) else { return };
    let lines = lines(&shown);
    assert!(lines.iter().any(|line| line.contains("/6 lines, ")), "{shown:?}");
    assert!(lines.iter().all(|line| line.chars().count() <= 200), "{shown:?}");
    let last = lines.iter().rev().find(|line| line.starts_with("qwen3-tts: ")).unwrap();
    assert!(last.contains("out: 6 lines, ") && last.contains("× real time"), "{last}");
}

#[test]
fn cut_speech_is_never_silent() {
    let dir = tempfile::tempdir().unwrap();
    let speak = |text: &str, flags: &[&str]| {
        let output = in_dir(dir.path(), &[&["speak", text, "-q", "--seed", "1"], flags].concat());
        succeeds(&output);
        stderr(&output)
    };
    let text = "One two three four five.";
    let limit = speak(text, &["--max-frames", "2"]);
    assert_eq!(
        limit,
        "qwen3-tts: the speech was cut off after 2 frames, the limit of the request\n"
    );
    let pieces = speak("One two.\n\nThree four.", &["--max-frames", "2"]);
    assert!(pieces.contains("2 of 2 pieces were cut off after 2 frames"), "{pieces}");
    let streamed = speak(text, &["--max-frames", "2", "--stream"]);
    assert!(streamed.contains("was cut off"), "{streamed}");
    assert_eq!(speak(text, &[]), "");
}
