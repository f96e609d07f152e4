//! `qwen3-tts convert` writes checkpoints that speak as before, and refuses invalid input.

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use qwen3_tts_testkit::{Damage, Golden, TempCheckpoint, checkpoint};
use support::{command, names, refuses, stderr, succeeds};

/// Runs `qwen3-tts convert SOURCE OUT` with these options.
fn convert(source: &Path, out: &Path, options: &[&str]) -> Output {
    let paths = [source.as_os_str(), out.as_os_str()];
    command(["convert"]).args(paths).args(options).output().unwrap()
}

/// Returns the greedy codes of a golden's request, spoken from another checkpoint.
fn codes(golden: &Golden, model: &Path, options: &[&str]) -> Vec<u32> {
    let dir = tempfile::tempdir().unwrap();
    let mut speak = command(["speak", golden.string("text"), "--greedy", "--model"]);
    speak.arg(model).args(["--language", golden.string("language")]);
    speak.args(["--speaker", golden.string("speaker")]);
    speak.args(["--max-frames", &golden.number("max_frames").to_string()]);
    if !golden.flag("non_streaming_text") {
        speak.arg("--streaming-text");
    }
    let files = ["-o", "a.wav", "--codes", "a.json"];
    succeeds(&speak.args(options).args(files).current_dir(dir.path()).output().unwrap());
    let text = fs::read_to_string(dir.path().join("a.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    let frames: Vec<Vec<u32>> = serde_json::from_value(written["codes"].clone()).unwrap();
    frames.concat()
}

#[test]
fn a_converted_checkpoint_speaks_the_same_codes() {
    let golden = Golden::load("speech/ends_by_eos");
    let source = checkpoint(golden.string("checkpoint"));
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    for options in [
        &[][..],
        &["--layout", "pytorch"],
        &["--layout", "pytorch", "--dtype", "f32", "--shard-size", "1"],
    ] {
        let output = convert(&source, &out, options);
        succeeds(&output);
        assert_eq!(stderr(&output), "");
        let said = String::from_utf8(output.stdout).unwrap();
        let bits = if options.contains(&"f32") { "32.0" } else { "16.0" };
        let words = format!(" MiB, 16.0 → {bits} bits per weight, ");
        assert!(said.contains("out: ") && said.contains(" tensors, "), "{said}");
        assert!(said.contains(&words), "{said}");
        assert!(said.ends_with(" s\n") && said.lines().count() == 1, "{said}");
        assert_eq!(names(dir.path()), ["out"]);
        assert_eq!(codes(&golden, &out, &[]), golden.u32("codes").1, "{options:?}");
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn quantised_before_or_at_load_it_speaks_the_same_codes() {
    let golden = Golden::load("speech/ends_by_eos");
    let source = checkpoint(golden.string("checkpoint"));
    let dir = tempfile::tempdir().unwrap();
    for (bits, parts) in [("8", "8"), ("4", "talker=4,code-predictor=4")] {
        let out = dir.path().join(bits);
        succeeds(&convert(&source, &out, &["--quantize", bits]));
        let at_load = codes(&golden, &source, &["--quantize", parts]);
        assert_eq!(codes(&golden, &out, &[]), at_load, "{bits} bits");
    }
}

#[test]
fn weights_are_quantised_twice_only_if_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let said = |output: Output| {
        succeeds(&output);
        String::from_utf8(output.stdout).unwrap()
    };
    let once = said(convert(&checkpoint("custom_voice_0b6"), &path("8"), &["--quantize", "8"]));
    assert!(once.contains(", 1.1 → 0.8 MiB, 16.0 → 11.4 bits per weight, "), "{once}");

    let words = ["quantised to 8 bits in groups of 64 already", "4 bits", "--requantize"];
    refuses(&convert(&path("8"), &path("4"), &["--quantize", "4"]), &words);
    let words = ["8 bits in groups of 32", "loses precision twice"];
    let groups = ["--quantize", "8", "--group-size", "32"];
    refuses(&convert(&path("8"), &path("4"), &groups), &words);
    assert_eq!(names(dir.path()), ["8"]);
    said(convert(&path("8"), &path("4"), &["--quantize", "4", "--requantize"]));
    refuses(&convert(&path("8"), &path("x"), &["--requantize"]), &["--quantize", "required"]);

    // The same groups are copied, and full precision loses nothing.
    said(convert(&path("8"), &path("copy"), &["--quantize", "8", "--layout", "pytorch"]));
    said(convert(&path("copy"), &path("again"), &["--quantize", "8"]));
    let weights = |name: &str| fs::read(path(name).join("model.safetensors")).unwrap();
    assert!(weights("again") == weights("8"));
    said(convert(&path("8"), &path("full"), &[]));
}

#[test]
fn invalid_sources_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let refused = |source: &Path, words: &[&str]| {
        refuses(&convert(source, &out, &[]), words);
        assert_eq!(names(dir.path()), [""; 0]);
    };
    let empty = tempfile::tempdir().unwrap();
    refused(&empty.path().join("gone"), &["gone"]);
    refused(empty.path(), &["config.json", "is the checkpoint complete?"]);
    refused(Path::new("nobody/no-such-model"), &["nobody/no-such-model"]);
    refused(&checkpoint("custom_voice_0b6").join("config.json"), &["config.json"]);

    for (file, damage, words) in [
        ("model.safetensors", Damage::Missing, ["model.safetensors", "no weights"]),
        ("model.safetensors", Damage::Halved, ["model.safetensors", "truncated"]),
        ("model.safetensors", Damage::HeaderLength(u64::MAX), ["model.safetensors", "header"]),
        ("config.json", Damage::Halved, ["config.json", "not valid JSON"]),
        ("config.json", Damage::Replaced(b"{}".to_vec()), ["config.json", "model_type"]),
    ] {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        copy.damage(file, &damage);
        refused(copy.path(), &words);
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    for (options, words) in [
        (&["--quantize", "5"][..], ["5 bits", "8, 6 or 4"]),
        (&["--quantize", "0"], ["0 bits", "8, 6 or 4"]),
        (&["--quantize", "many"], ["many", "--quantize"]),
        (&["--quantize", "4", "--group-size", "48"], ["groups of 48", "32, 64 or 128"]),
        (&["--group-size", "32"], ["--quantize", "required"]),
        (&["--layout", "onnx"], ["onnx", "--layout"]),
        (&["--dtype", "f16"], ["f16", "--dtype"]),
        (&["--shard-size", "0"], ["--shard-size", "at least 1"]),
    ] {
        refuses(&convert(&checkpoint("custom_voice_0b6"), &out, options), &words);
        assert_eq!(names(dir.path()), [""; 0], "{options:?}");
    }
}

#[test]
fn an_output_that_exists_or_cannot_be_created_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let source = checkpoint("custom_voice_0b6");
    let full = dir.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("kept.txt"), "kept").unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::write(dir.path().join("file"), "kept").unwrap();
    for name in ["full", "empty", "file"] {
        // The output is checked before the source, which may have to be downloaded.
        for source in [source.as_path(), Path::new("nobody/no-such-model")] {
            refuses(&convert(source, &dir.path().join(name), &[]), &[name, "is there already"]);
        }
    }
    refuses(&convert(&source, &dir.path().join("file/out"), &[]), &["cannot create", "file"]);
    refuses(&convert(&source, &dir.path().join("new/.."), &[]), &["cannot create"]);
    assert_eq!(names(dir.path()), ["empty", "file", "full"]);
    assert_eq!(names(&full), ["kept.txt"]);
    assert_eq!(fs::read_to_string(dir.path().join("file")).unwrap(), "kept");
}
