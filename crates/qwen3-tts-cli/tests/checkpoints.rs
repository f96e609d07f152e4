//! Checkpoints as they are found: wrong files named, the speech tokenizer alone.

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use qwen3_tts_testkit::{Damage, TempCheckpoint, checkpoint};
use support::{command, refuses, run, stderr, succeeds};

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 1811626576\n";
const PAGE: &str = "<!doctype html>\n<html class=\"\"><head><title>Sign in</title></head></html>\n";

/// The JSON and text files of a tiny checkpoint that speech needs.
const TEXTS: [&str; 6] = [
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "speech_tokenizer/config.json",
];
const WEIGHTS: [&str; 2] = ["model.safetensors", "speech_tokenizer/model.safetensors"];

/// Speaks two frames from a checkpoint, without an output.
fn speak(model: &Path, codes: &Path) -> Output {
    let mut speak = command(["speak", "Hello there.", "--max-frames", "2", "--seed", "1"]);
    speak.args(["-o", "/dev/null", "--codes"]).arg(codes);
    speak.arg("--model").arg(model).output().unwrap()
}

#[test]
fn wrong_files_are_named_for_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let codes = dir.path().join("codes.json");
    let refused = |file: &str, bytes: &[u8], word: &str| {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        copy.damage(file, &Damage::Replaced(bytes.to_vec()));
        let output = speak(copy.path(), &codes);
        refuses(&output, &[copy.file(file).to_str().unwrap(), word]);
        assert!(!codes.exists(), "{file}");
    };
    for file in TEXTS.iter().chain(&WEIGHTS) {
        refused(file, POINTER.as_bytes(), "a Git LFS pointer, not the file; run `git lfs pull`");
        refused(file, PAGE.as_bytes(), "an HTML page");
        refused(file, b"", "empty");
    }
    for file in WEIGHTS {
        refused(file, b"PK\x03\x04\0\0\x08\x08\0\0", "`qwen3-tts convert`");
        refused(file, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "pickle");
        refused(file, b"GGUF\x03\0\0\0\0\0\0\0", "GGUF");
        let whole = fs::read(checkpoint("custom_voice_0b6").join(file)).unwrap();
        for len in [whole.len() - 1, whole.len() / 2] {
            refused(file, &whole[..len], &format!("truncated: it has {len} of {}", whole.len()));
        }
        refused(
            file,
            &[&whole[..], b"!"].concat(),
            &format!("but its header describes {}", whole.len()),
        );
    }
    refused("config.json", &[0xff, 0xfe, b'{', 0, b'}', 0], "UTF-16");
    refused("vocab.json", b"{\"\xe9\": 0}", "not text in UTF-8");
}

#[test]
fn a_wrong_file_is_named_when_a_checkpoint_is_described_or_converted() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        for (bytes, word) in [(POINTER, "`git lfs pull`"), (PAGE, "HTML"), ("", "empty")] {
            let copy = TempCheckpoint::new("custom_voice_0b6");
            copy.damage(file, &Damage::Replaced(bytes.into()));
            let model = copy.path().to_str().unwrap();
            refuses(&run(["info", model]), &[file, word]);
            refuses(
                &command(["convert", model, "out"]).current_dir(&dir).output().unwrap(),
                &[file, word],
            );
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn wrong_voices_and_codes_are_named_for_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    for (bytes, word) in [
        (POINTER.as_bytes(), "`git lfs pull`"),
        (PAGE.as_bytes(), "HTML"),
        (b"", "empty"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a recording"),
    ] {
        fs::write(&file, bytes).unwrap();
        let file = file.to_str().unwrap();
        refuses(&run(["voice", "show", file]), &[file, word]);
        refuses(&run(["codec", "decode", file, "-o", "/dev/null"]), &[file, word]);
    }
}

#[test]
fn what_lies_in_the_place_of_missing_weights_is_named() {
    for (found, words) in [
        ("model.safetensors.incomplete", &["model.safetensors is missing", "did not finish"][..]),
        ("pytorch_model.bin", &["pytorch_model.bin is there", "`qwen3-tts convert`"]),
        ("qwen3-tts-q8_0.gguf", &["qwen3-tts-q8_0.gguf is there", "GGUF cannot be read"]),
    ] {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        fs::rename(copy.file("model.safetensors"), copy.file(found)).unwrap();
        refuses(&run(["info", copy.path().to_str().unwrap()]), words);
    }
    let copy = TempCheckpoint::new("custom_voice_0b6");
    copy.damage("model.safetensors", &Damage::Missing);
    let words = ["model.safetensors is missing; a model directory needs all files"];
    refuses(&run(["info", copy.path().to_str().unwrap()]), &words);
}

#[test]
fn a_byte_order_mark_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, marked) = (dir.path().join("plain.json"), dir.path().join("marked.json"));
    succeeds(&speak(&checkpoint("custom_voice_0b6"), &plain));
    let copy = TempCheckpoint::new("custom_voice_0b6");
    for file in TEXTS {
        let bytes = fs::read(copy.file(file)).unwrap();
        copy.damage(file, &Damage::Replaced([b"\xef\xbb\xbf", &bytes[..]].concat()));
    }
    succeeds(&speak(copy.path(), &marked));
    assert_eq!(fs::read(&marked).unwrap(), fs::read(&plain).unwrap());
    // The codes themselves may have one.
    fs::write(&marked, [b"\xef\xbb\xbf", &fs::read(&plain).unwrap()[..]].concat()).unwrap();
    let [a, b] = ["a.wav", "b.wav"].map(|name| dir.path().join(name));
    for (codes, wav) in [(&plain, &a), (&marked, &b)] {
        let mut decode = command(["codec", "decode"]);
        decode.arg(codes).arg("-o").arg(wav).arg("--model").arg(copy.path());
        succeeds(&decode.output().unwrap());
    }
    assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap());
}

#[test]
fn a_zip_under_the_name_of_safetensors_is_converted() {
    let dir = tempfile::tempdir().unwrap();
    let copy = TempCheckpoint::new("custom_voice_0b6");
    let pickle = qwen3_tts_testkit::fixtures_dir().join("goldens/pickle/state_dict.bin");
    fs::copy(pickle, copy.file("model.safetensors")).unwrap();
    let out = dir.path().join("out");
    succeeds(&command(["convert"]).arg(copy.path()).arg(&out).output().unwrap());
    let head = fs::read(out.join("model.safetensors")).unwrap();
    assert_eq!(head[8], b'{');
}

#[test]
fn the_speech_tokenizer_alone_encodes_and_decodes() {
    let dir = tempfile::tempdir().unwrap();
    let whole = checkpoint("base_0b6");
    // The published repository is such a folder too.
    let alone = whole.join("speech_tokenizer");
    let wav = dir.path().join("tone.wav");
    let tone: Vec<f32> = (0..12_000).map(|i| (i as f32 * 0.05).sin() * 0.4).collect();
    let wav_bytes = qwen3_tts_pipeline::WavFormat::S16.encode(&tone, 24_000);
    fs::write(&wav, wav_bytes).unwrap();
    let mut made = Vec::new();
    for (name, model) in [("whole", &whole), ("alone", &alone)] {
        let (json, out) = (dir.path().join(format!("{name}.json")), dir.path().join(name));
        let codec = |verb: &str, input: &Path, output: &Path| {
            let mut codec = command(["codec", verb]);
            codec.arg(input).arg("--model").arg(model).arg("-o").arg(output);
            let output = codec.output().unwrap();
            succeeds(&output);
            assert_eq!(stderr(&output), "");
        };
        codec("encode", &wav, &json);
        codec("decode", &json, &out.with_extension("wav"));
        made.push((fs::read(json).unwrap(), fs::read(out.with_extension("wav")).unwrap()));
    }
    assert!(made[0].0.len() > 100 && made[0].1.starts_with(b"RIFF"));
    assert_eq!(made[0], made[1]);
}

#[test]
fn the_speech_tokenizer_alone_does_not_speak() {
    let alone = checkpoint("base_0b6").join("speech_tokenizer");
    let alone = alone.to_str().unwrap();
    let words = [alone, "a speech tokenizer alone", "does not speak", "name a whole checkpoint"];
    refuses(&run(["speak", "Hello there.", "-o", "-", "--model", alone]), &words);
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("tone.wav");
    let tone: Vec<f32> = (0..24_000).map(|i| (i as f32 * 0.05).sin() * 0.4).collect();
    fs::write(&wav, qwen3_tts_pipeline::WavFormat::S16.encode(&tone, 24_000)).unwrap();
    let voice = dir.path().join("a.voice");
    let mut create = command(["voice", "create", "--x-vector-only", "--ref-audio"]);
    create.arg(&wav).args(["--model", alone, "-o"]).arg(&voice);
    refuses(&create.output().unwrap(), &words);
    assert!(!voice.exists());
}
