//! Messages of the command: safe to print, and of bounded length.

mod support;

use std::fs;
use std::process::Output;

use qwen3_tts_testkit::{Damage, TempCheckpoint};
use serde_json::json;
use support::{in_dir, refuses, stderr};

/// Asserts that no control character reached standard output or standard error, and that the lines of
/// the latter are short.
#[track_caller]
fn is_printable(output: &Output) {
    for stream in [&output.stdout, &output.stderr] {
        let text = String::from_utf8(stream.clone()).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text:?}");
    }
    assert!(stderr(output).lines().all(|line| line.len() < 5000));
}

const HOSTILE: &str = "\u{1b}[31m\u{9b}2J\u{7}\u{202e}\u{7f}";

#[test]
fn messages_are_safe_to_print() {
    let dir = tempfile::tempdir().unwrap();
    let tiny = TempCheckpoint::new("custom_voice_0b6");
    let model = tiny.path().to_str().unwrap();
    let hostile = |name: &str| format!("{HOSTILE}{name}");
    let file = hostile("a.json");
    fs::write(dir.path().join(&file), "{}").unwrap();
    fs::write(dir.path().join("r.jsonl"), json!({"text": "A.", "speaker": HOSTILE}).to_string())
        .unwrap();
    for args in [
        &["speak", "A.", "--speaker", &hostile("ryan")][..],
        &["speak", "A.", "--language", &hostile("english")],
        &["speak", "A.", "--model", &hostile("model")],
        &["speak", "A.", "-o", &hostile("none/a.wav")],
        &["speak", "A.", "-o", &hostile("a.xyz")],
        &["speak", "A.", "--voice", &file],
        &["codec", "decode", &file],
        &["voice", "show", &file],
        &["info", &hostile("model")],
        &["batch", &hostile("none.jsonl"), "-o", "out"],
        &["convert", &hostile("none"), "out"],
        &["voices", &hostile("model")],
        &["man", &hostile("speak")],
        &["man", "--dir", &format!("{file}/{HOSTILE}")],
    ] {
        let output = in_dir(dir.path(), args);
        is_printable(&output);
        refuses(&output, &["\\u{1b}[31m\\u{9b}2J\\u{7}\\u{202e}\\u{7f}"]);
    }
    // The parser of the command line leaves out a part of it.
    let usage = in_dir(dir.path(), &["speak", "A.", "--seed", &hostile("1")]);
    is_printable(&usage);
    refuses(&usage, &["--seed"]);
    let batch = in_dir(dir.path(), &["batch", "r.jsonl", "-o", "out"]);
    is_printable(&batch);
    assert!(stderr(&batch).contains("\\u{1b}[31m"), "{}", stderr(&batch));

    // Names that the checkpoint gives.
    let speakers = json!({ (HOSTILE): 3, "ryan": 4 });
    tiny.damage("config.json", &Damage::Field("/talker_config/spk_id".to_owned(), speakers));
    for args in [
        &["info", model][..],
        &["info", model, "--json"],
        &["speak", "A.", "--model", model, "--speaker", "nobody"],
    ] {
        let output = in_dir(dir.path(), args);
        is_printable(&output);
        let said = format!("{}{}", stderr(&output), String::from_utf8(output.stdout).unwrap());
        assert!(said.contains("\\u{1b}[31m") || said.contains("\\u001b[31m"), "{said}");
    }
}

#[test]
fn messages_have_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let tiny = TempCheckpoint::new("custom_voice_0b6");
    let long = "x".repeat(10 << 20);
    tiny.damage("config.json", &Damage::Field("/tts_model_type".to_owned(), json!(long)));
    let output = in_dir(dir.path(), &["speak", "A.", "--model", tiny.path().to_str().unwrap()]);
    refuses(&output, &["config.json", "characters left out"]);
    is_printable(&output);
}
