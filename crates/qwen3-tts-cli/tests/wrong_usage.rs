//! Wrong command lines: each is refused in one line that says what to do, with the exit code of its
//! kind.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use qwen3_tts_testkit::{Damage, TempCheckpoint};
use support::{command, in_dir, names, refuses, run, run_with_input, stderr, succeeds};

/// Asserts that a command line is refused with an exit code and words.
#[track_caller]
fn refused(dir: &Path, args: &[&str], code: i32, words: &[&str]) {
    let output = in_dir(dir, args);
    eprintln!("{args:?}: {}", stderr(&output).trim());
    refuses(&output, words);
    assert_eq!(output.status.code(), Some(code), "{args:?}");
    let said = stderr(&output);
    assert!(!said.contains("os error"), "{said}");
}

/// A folder with a text, and files that are not what a command expects.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("t.txt"), "Hello").unwrap();
    fs::write(dir.path().join("bad.wav"), "no sound").unwrap();
    fs::write(dir.path().join("r.jsonl"), "{\"text\": \"One.\"}").unwrap();
    fs::create_dir(dir.path().join("folder")).unwrap();
    dir
}

#[test]
fn wrong_words_get_advice() {
    let dir = folder();
    let cases: &[(&[&str], &[&str])] = &[
        (&["speak"], &["<TEXT", "in quotes", "-f", "-"]),
        (&["speak", "Hello", "world"], &["'world'", "quotes", "speak \"Hello world\""]),
        (&["speak", "Hello", "world", "-o", "a.wav"], &["quotes"]),
        (&["speak", "Hello", "-f", "t.txt"], &["--file", "cannot be used with"]),
        (&["speek", "Hello"], &["'speek'", "did you mean speak?"]),
        (&["bach", "r.jsonl"], &["did you mean batch?"]),
        (&["Hello world"], &["qwen3-tts speak \"TEXT\""]),
        (&["voice", "creat"], &["did you mean create?"]),
        (&["codec", "decod", "a.json"], &["did you mean decode?"]),
        (&["help", "speek"], &["speek"]),
        (&["--hlep"], &["did you mean --help?"]),
        (&["speak", "Hi", "--temprature", "1"], &["did you mean --temperature?"]),
        (&["speak", "Hi", "--voise", "a"], &["did you mean --voice?"]),
        (&["speak", "Hi", "--output"], &["--output", "value"]),
        (&["speak", "Hi", "--device", "cpuu"], &["'cpuu'", "did you mean cpu?"]),
        (&["speak", "Hi", "--device", "gpu"], &["'gpu'", "cpu, mlx"]),
        (&["speak", "Hi", "--kv-cache", "i8"], &["--kv-cache", "i16"]),
        (&["speak", "Hi", "--progress", "always"], &["auto, never"]),
        (&["batch", "r.jsonl"], &["--out <DIR>"]),
        (&["codec", "encode", "bad.wav"], &["--output"]),
        (&["codec", "decode"], &["<CODES>"]),
        (&["voice", "create", "-o", "a.voice"], &["--ref-audio"]),
        (&["voice", "create", "--ref-audio", "bad.wav", "--ref-text", "a"], &["--output"]),
        (&["voice", "show"], &["<VOICE>"]),
        (&["download"], &["<HUB_ID>"]),
        (&["convert"], &["<SOURCE> <OUT>"]),
        (&["convert", "folder", "folder"], &["exist"]),
    ];
    for (args, words) in cases {
        refused(dir.path(), args, 2, words);
    }
}

#[test]
fn wrong_values_are_named() {
    let dir = folder();
    let cases: &[(&[&str], &[&str])] = &[
        (&["--max-frames", "abc"], &["'abc'", "--max-frames", "a whole number"]),
        (&["--max-frames", "-1"], &["'-1'", "a whole number"]),
        (&["--max-frames", "1.5"], &["'1.5'", "a whole number"]),
        (&["--max-frames", "0"], &["at least 1"]),
        (&["--seed", "abc"], &["--seed", "a whole number"]),
        (&["--seed", "-1"], &["--seed", "a whole number"]),
        (&["--top-k", "many"], &["--top-k", "a whole number"]),
        (&["--retries", "-1"], &["--retries", "a whole number"]),
        (&["--threads", "0"], &["--threads", "at least 1"]),
        (&["--batch-size", "0"], &["--batch-size", "at least 1"]),
        (&["--temperature", "warm"], &["--temperature", "expected a number"]),
        (&["--temperature", "-1"], &["temperature"]),
        (&["--top-p", "1.5"], &["top-p"]),
        (&["--quantize", "5"], &["--quantize", "8, 6, 4 or none"]),
        (&["--language", "klingon"], &["klingon", "english"]),
        (&["--speaker", "bob"], &["bob", "arlo, mina"]),
        (&["--speaker", "ann.wav"], &["is a file, not a speaker"]),
        (&["--instruct", "Whisper."], &["instruction"]),
        (&["--trailing-silence", "1"], &["--ref-audio"]),
        (&["--revision", "main"], &["--model"]),
    ];
    for (flags, words) in cases {
        refused(dir.path(), &[&["speak", "Hi", "-o", "a.wav"], *flags].concat(), 2, words);
        assert!(!dir.path().join("a.wav").exists());
    }
    refused(dir.path(), &["speak", ""], 2, &["no text"]);
    refused(dir.path(), &["speak", "Hi", "-o", "a.xyz"], 2, &["cannot write a.xyz"]);
}

#[test]
fn flags_that_exclude_one_another_are_refused() {
    let dir = folder();
    let cases: &[&[&str]] = &[
        &["--greedy", "--temperature", "1"],
        &["--streaming-text", "--non-streaming-text"],
        &["--speaker", "arlo", "--voice", "a.voice"],
        &["--speaker", "arlo", "--ref-audio", "bad.wav"],
        &["--voice", "a.voice", "--ref-audio", "bad.wav"],
        &["--no-split", "--piece-tokens", "9"],
        &["--resume", "--stream"],
        &["--resume", "--no-split"],
        &["--x-vector-only", "--ref-audio", "bad.wav", "--ref-text", "a"],
    ];
    for flags in cases {
        refused(dir.path(), &[&["speak", "Hi"], *flags].concat(), 2, &["cannot be used with"]);
    }
    refused(dir.path(), &["speak", "Hi", "--x-vector-only"], 2, &["needs a cloned voice"]);
    refused(dir.path(), &["speak", "Hi", "--resume", "-o", "-"], 2, &["--resume", "-o"]);
}

#[test]
fn missing_files_are_not_found() {
    let dir = folder();
    let cases: &[&[&str]] = &[
        &["speak", "-f", "none.txt"],
        &["speak", "Hi", "--voice", "none.voice"],
        &["speak", "Hi", "--ref-audio", "none.wav", "--ref-text", "a"],
        &["voice", "show", "none.voice"],
        &["voice", "create", "--ref-audio", "none.wav", "--ref-text", "a", "-o", "a.voice"],
        &["codec", "decode", "none.json"],
        &["codec", "encode", "none.wav", "-o", "a.json"],
        &["batch", "none.jsonl", "-o", "out"],
    ];
    for args in cases {
        refused(dir.path(), args, 3, &["none.", "not found"]);
        assert!(!stderr(&in_dir(dir.path(), args)).contains("damaged"));
    }
    refused(dir.path(), &["speak", "Hi", "--voice", "ann"], 3, &["no voice file ann"]);
    assert_eq!(names(dir.path()), ["bad.wav", "folder", "r.jsonl", "t.txt"]);
}

#[test]
fn the_exit_code_tells_the_kind() {
    let dir = folder();
    let tiny = TempCheckpoint::new("custom_voice_0b6");
    tiny.damage("model.safetensors", &Damage::Halved);
    let damaged = tiny.path().to_str().unwrap();
    // A file that is not what it should be.
    let clone = ["speak", "Hi", "--ref-audio", "bad.wav", "--ref-text", "a"];
    refused(dir.path(), &clone, 2, &["bad.wav", "text"]);
    refused(dir.path(), &["codec", "decode", "t.txt"], 2, &["t.txt", "expected {\"codes\""]);
    refused(dir.path(), &["voice", "show", "t.txt"], 2, &["t.txt", "not a voice file"]);
    // A model that is missing, incomplete or damaged.
    refused(dir.path(), &["speak", "Hi", "--model", "./none"], 3, &["./none"]);
    refused(dir.path(), &["speak", "Hi", "--model", "folder"], 3, &["folder", "is missing"]);
    refused(dir.path(), &["info", "a/b"], 3, &["qwen3-tts download a/b"]);
    refused(dir.path(), &["speak", "Hi", "--model", damaged], 4, &["model.safetensors"]);
    // What this build cannot do.
    for args in [&["speak", "Hi", "--device", "mlx"][..], &["speak", "Hi", "--play"]] {
        let output = in_dir(dir.path(), args);
        if output.status.code() != Some(0) {
            refuses(&output, &["--features"]);
            assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
        }
    }
    // What cannot be written.
    let nowhere = ["speak", "Hi", "-o", "no/such/a.wav"];
    refused(dir.path(), &nowhere, 6, &["cannot write no/such/a.wav", "no folder no/such"]);
    refused(dir.path(), &["speak", "Hi", "-o", "folder"], 6, &["folder", "directory"]);
    refused(dir.path(), &["batch", "r.jsonl", "-o", "t.txt"], 6, &["cannot create t.txt"]);
    let help = run(["--help"]);
    let help = String::from_utf8(help.stdout).unwrap();
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "130 "] {
        assert!(help.lines().any(|line| line.trim().starts_with(code)), "{code}: {help}");
    }
}

#[test]
fn right_words_are_not_refused() {
    let dir = folder();
    let flags = ["--max-frames", "1", "--format", "pcm", "-o", "-"];
    let speak = |args: &[&str]| {
        let output = in_dir(dir.path(), &[&["speak"], args, &flags].concat());
        succeeds(&output);
        output
    };
    speak(&["-5"]);
    speak(&["Hi", "--temperature", "0"]);
    // The name of a file is spoken, with a note; -f speaks the file.
    let named = speak(&["t.txt", "--greedy"]);
    assert!(stderr(&named).contains("-f t.txt"), "{}", stderr(&named));
    let file = speak(&["-f", "t.txt", "--greedy"]);
    assert!(!stderr(&file).contains("-f t.txt"), "{}", stderr(&file));
    assert!(file.stdout == speak(&["Hello", "--greedy"]).stdout);
}

#[test]
fn a_text_file_is_decoded_as_standard_input_is() {
    let dir = folder();
    let flags = ["--max-frames", "3", "--greedy", "--format", "pcm", "-o", "-"];
    let said = run(["speak", "Grüße an dich!"].into_iter().chain(flags)).stdout;
    let utf16 = "\u{feff}Grüße an dich!\r\n".encode_utf16().flat_map(u16::to_le_bytes);
    for bytes in ["Grüße an dich!\n".as_bytes().to_vec(), utf16.collect()] {
        fs::write(dir.path().join("g.txt"), &bytes).unwrap();
        let output = in_dir(dir.path(), &[&["speak", "-f", "g.txt"], &flags[..]].concat());
        succeeds(&output);
        assert!(output.stdout == said);
        let piped = run_with_input(["speak", "-f", "-"].into_iter().chain(flags), &bytes);
        succeeds(&piped);
        assert!(piped.stdout == said);
    }
    fs::write(dir.path().join("g.txt"), b"One.\nGr\xfc").unwrap();
    refused(dir.path(), &["speak", "-f", "g.txt"], 2, &["g.txt", "line 2", "UTF-8"]);
    // It is an input that no output may overwrite.
    refused(dir.path(), &["speak", "-f", "t.txt", "-o", "t.txt"], 2, &["-o t.txt", "the text"]);
}

#[test]
fn a_stream_has_one_use() {
    let dir = folder();
    let clone = ["--ref-audio", "-", "--x-vector-only"];
    let both = ["both on standard input", "name a file"];
    for args in [
        &[&["speak", "-"], &clone[..]].concat()[..],
        &[&["speak", "-f", "-"], &clone[..]].concat(),
        &[&["speak", "-f", "/dev/stdin"], &clone[..]].concat(),
        &["speak", "-", "--voice", "-"],
    ] {
        refused(dir.path(), args, 2, &both);
    }
    for args in [
        ["speak", "Hi", "-o", "-", "--codes", "-"],
        ["speak", "Hi", "--codes", "-", "--stats", "-"],
    ] {
        refused(dir.path(), &args, 2, &["two outputs"]);
    }
}

#[test]
fn codes_pass_through_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let speak = ["speak", "Hi", "--max-frames", "4", "-o", "a.wav", "--codes", "-", "-q"];
    let codes = in_dir(dir.path(), &speak);
    succeeds(&codes);
    for input in ["-", "/dev/stdin"] {
        let decoded = run_with_input(["codec", "decode", input, "-o", "-"], &codes.stdout);
        succeeds(&decoded);
        assert!(decoded.stdout == fs::read(dir.path().join("a.wav")).unwrap());
    }
    let wav = fs::read(dir.path().join("a.wav")).unwrap();
    let encoded = run_with_input(["codec", "encode", "-", "-o", "-"], &wav);
    succeeds(&encoded);
    assert!(encoded.stdout.starts_with(b"{\"codes\":[["));
    let broken = run_with_input(["codec", "decode", "-", "-o", "-"], b"[1]");
    refuses(&broken, &["standard input", "expected {\"codes\""]);
}

#[test]
fn quiet_leaves_errors_only() {
    let dir = tempfile::tempdir().unwrap();
    for args in [["-q", "speak", "One two."], ["speak", "One two.", "--quiet"]] {
        let output = in_dir(dir.path(), &args);
        succeeds(&output);
        assert_eq!(stderr(&output), "");
    }
    refuses(&in_dir(dir.path(), &["speak", "", "-q"]), &["no text"]);
}

#[cfg(unix)]
#[test]
fn a_full_device_is_a_failure() {
    // Not on every system.
    if !Path::new("/dev/full").exists() {
        return;
    }
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for args in [&["--help"][..], &["speak", "--help"], &["-V"], &["info"]] {
        let output = command(args).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        refuses(&output, &["standard output", "full"]);
        assert_eq!(output.status.code(), Some(6), "{args:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_limit_of_file_sizes_is_a_message() {
    let dir = tempfile::tempdir().unwrap();
    let speak = "ulimit -f 4; exec \"$0\" speak 'One two three.' -q -o a.wav";
    let output: Output = Command::new("sh")
        .args(["-c", speak, env!("CARGO_BIN_EXE_qwen3-tts")])
        .current_dir(dir.path())
        .output()
        .unwrap();
    refuses(&output, &["cannot write a.wav", "larger than the system allows"]);
    assert_eq!(names(dir.path()), [""; 0]);
}
