//! Invalid input: `qwen3-tts` prints one line, exits with 2 and leaves nothing behind.

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use qwen3_tts_testkit::{Damage, TempCheckpoint, checkpoint};
use serde_json::json;
use support::{command, names, refuses, run, run_with_input, stderr, succeeds};

/// Speaks a few frames with a model and checks that a refusal leaves no file.
fn speak(model: &Path, args: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let mut command = command(["speak", "--max-frames", "2", "--model"]);
    command.arg(model).args(["-o", "a.wav", "--codes", "c.json", "--stats", "s.json"]);
    let output = command.args(args).current_dir(dir.path()).output().unwrap();
    if output.status.code() != Some(0) {
        assert_eq!(names(dir.path()), [""; 0], "{}", stderr(&output));
    }
    output
}

const TEXT: &str = "Hello there!";

/// Files that speaking does not need.
const UNUSED: [&str; 2] = ["preprocessor_config.json", "speech_tokenizer/preprocessor_config.json"];

#[test]
fn every_file_is_needed_whole() {
    for file in TempCheckpoint::FILES.iter().filter(|file| !UNUSED.contains(file)) {
        let damages = [
            Damage::Missing,
            Damage::Empty,
            Damage::Truncated(5),
            Damage::Halved,
            Damage::Zeroed,
            Damage::Replaced(b"not what it was".to_vec()),
            Damage::Replaced(vec![0xff; 64]),
        ];
        for damage in damages {
            let tiny = TempCheckpoint::new("custom_voice_0b6");
            tiny.damage(file, &damage);
            let output = speak(tiny.path(), &[TEXT]);
            let name = Path::new(file).file_name().unwrap().to_str().unwrap();
            eprintln!("{file} {damage:?}: {}", stderr(&output).trim());
            refuses(&output, &[name]);
        }
    }
}

#[test]
fn weights_without_their_last_byte_are_refused() {
    for file in ["model.safetensors", "speech_tokenizer/model.safetensors"] {
        let tiny = TempCheckpoint::new("custom_voice_0b6");
        let length = fs::metadata(tiny.file(file)).unwrap().len() as usize;
        tiny.damage(file, &Damage::Truncated(length - 1));
        refuses(&speak(tiny.path(), &[TEXT]), &[file, "truncated"]);
    }
}

#[test]
fn weights_that_are_not_numbers_are_refused() {
    for file in ["model.safetensors", "speech_tokenizer/model.safetensors"] {
        let tiny = TempCheckpoint::new("custom_voice_0b6");
        let mut bytes = fs::read(tiny.file(file)).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        // In bf16 and in f32, all ones are NaN.
        bytes[8 + header..].fill(0xff);
        tiny.damage(file, &Damage::Replaced(bytes));
        let output = speak(tiny.path(), &[TEXT]);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        for words in [file, "has NaN at index 0", "fetch it again"] {
            assert!(stderr(&output).contains(words), "{}", stderr(&output));
        }
    }
}

#[test]
fn false_headers_are_refused() {
    for file in ["model.safetensors", "speech_tokenizer/model.safetensors"] {
        for length in [0, 1, 8, 1 << 20, 1 << 40, u64::MAX - 8, u64::MAX] {
            let tiny = TempCheckpoint::new("custom_voice_0b6");
            tiny.damage(file, &Damage::HeaderLength(length));
            refuses(&speak(tiny.path(), &[TEXT]), &[file]);
        }
    }
}

#[test]
fn tensors_have_their_name_shape_and_type() {
    let norm = "talker.model.norm.weight";
    let conv = "decoder.pre_conv.conv.bias";
    for (file, tensor) in
        [("model.safetensors", norm), ("speech_tokenizer/model.safetensors", conv)]
    {
        for damage in [
            Damage::DropTensor(tensor.to_owned()),
            Damage::Shape(tensor.to_owned(), vec![3]),
            Damage::Shape(tensor.to_owned(), vec![1, 64]),
            Damage::Shape(tensor.to_owned(), vec![usize::MAX, usize::MAX]),
            Damage::Dtype(tensor.to_owned(), "I8".to_owned()),
            Damage::Dtype(tensor.to_owned(), "F16".to_owned()),
        ] {
            let tiny = TempCheckpoint::new("custom_voice_0b6");
            tiny.damage(file, &damage);
            let output = speak(tiny.path(), &[TEXT]);
            eprintln!("{damage:?}: {}", stderr(&output).trim());
            refuses(&output, &[file]);
        }
    }
}

#[test]
fn configurations_that_ask_for_too_much_are_refused() {
    for (file, field, value) in [
        ("config.json", "/talker_config/hidden_size", json!(1u64 << 40)),
        ("config.json", "/talker_config/num_hidden_layers", json!(u64::MAX)),
        ("config.json", "/talker_config/num_hidden_layers", json!(900)),
        ("config.json", "/talker_config/hidden_size", json!(4096)),
        ("config.json", "/talker_config/num_key_value_heads", json!(3)),
        ("config.json", "/talker_config/spk_id/ryan", json!(100_000)),
        ("config.json", "/tts_model_type", json!("singing")),
        ("config.json", "/model_type", json!("qwen3")),
        ("generation_config.json", "/temperature", json!(-1)),
        ("generation_config.json", "/max_new_tokens", json!(0)),
        ("speech_tokenizer/config.json", "/decoder_config/codebook_size", json!(8)),
        ("speech_tokenizer/config.json", "/decoder_config/sliding_window", json!(0)),
        ("speech_tokenizer/config.json", "/decode_upsample_rate", json!(1)),
        ("tokenizer_config.json", "/added_tokens_decoder", json!({})),
    ] {
        let tiny = TempCheckpoint::new("custom_voice_0b6");
        tiny.damage(file, &Damage::Field(field.to_owned(), value.clone()));
        let output = speak(tiny.path(), &[TEXT]);
        eprintln!("{field} {value}: {}", stderr(&output).trim());
        refuses(&output, &[]);
    }
}

#[test]
fn requests_that_the_model_cannot_honour_are_refused() {
    let small = checkpoint("custom_voice_0b6");
    let long = "word ".repeat(20_000);
    let cases: &[(&[&str], &[&str])] = &[
        (&[""], &["no text"]),
        (&[" \n\t "], &["no text"]),
        (&[&long, "--no-split"], &["split"]),
        (&[TEXT, "--speaker", "nobody"], &["nobody", "ryan"]),
        (&[TEXT, "--language", "klingon"], &["klingon", "english"]),
        (&[TEXT, "--instruct", "Whisper."], &["0.6B", "instruction"]),
        (&[TEXT, "--temperature", "-1"], &["temperature"]),
        (&[TEXT, "--temperature", "NaN"], &["temperature"]),
        (&[TEXT, "--temperature", "inf"], &["temperature"]),
        (&[TEXT, "--temperature", "warm"], &["temperature"]),
        (&[TEXT, "--temperature", "1e-38"], &["temperature", "0.001", "1e-38"]),
        (&[TEXT, "--repetition-penalty", "1e-38"], &["repetition penalty", "0.001"]),
        (&[TEXT, "--top-p", "0"], &["top-p"]),
        (&[TEXT, "--top-p", "NaN"], &["top-p"]),
        (&[TEXT, "--top-p", "1.5"], &["top-p"]),
        (&[TEXT, "--top-k", "-1"], &["top-k"]),
        (&[TEXT, "--repetition-penalty", "-0.5"], &["repetition"]),
        (&[TEXT, "--subtalker-temperature", "-0.1"], &["subtalker", "temperature"]),
        (&["\u{feff}\u{200b}"], &["no text"]),
        (&[TEXT, "--language", "germn"], &["did you mean \"german\"?"]),
        (&[TEXT, "--speaker", "rian"], &["did you mean \"ryan\"?"]),
        (&[TEXT, "--voice", "ryan"], &["no voice file ryan", "as speaker"]),
        (&[TEXT, "--speaker", "ann.voice"], &["ann.voice is a file", "as voice"]),
        (&[TEXT, "--speaker", "ann.WAV"], &["ann.WAV is a file", "as ref-audio"]),
        (&[TEXT, "--subtalker-top-p", "-1"], &["top-p"]),
        (&[TEXT, "--seed", "-1"], &["seed"]),
        (&[TEXT, "--threads", "0"], &["threads"]),
        (&[TEXT, "--quantize", "5"], &["--quantize", "`5`"]),
        (&[TEXT, "--quantize", "codec=8"], &["--quantize", "talker or code-predictor"]),
        (&[TEXT, "--greedy", "--temperature", "1"], &["--greedy"]),
    ];
    for (args, words) in cases {
        let output = speak(&small, args);
        eprintln!("{}", stderr(&output).trim());
        refuses(&output, words);
    }
    let design = checkpoint("voice_design_1b7");
    refuses(&speak(&design, &[TEXT, "--speaker", "ryan"]), &["no speakers"]);
    for frames in ["0", "40000", "18446744073709551615"] {
        let model = small.to_str().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let args = ["speak", TEXT, "--model", model, "--max-frames", frames];
        refuses(&command(args).current_dir(dir.path()).output().unwrap(), &["frames"]);
        assert_eq!(names(dir.path()), [""; 0]);
    }
}

#[test]
fn a_text_that_is_not_text_is_refused() {
    refuses(&run_with_input(["speak", "-", "-o", "-"], &[0xff, 0xfe, 0x00]), &["standard input"]);
    refuses(&run_with_input(["speak", "-", "-o", "-"], b""), &["no text"]);
    refuses(&run_with_input(["speak", "-", "-o", "-"], b"\xef\xbb\xbf\n"), &["no text"]);
    let words = ["standard input", "line 2, byte 6", "save it as UTF-8"];
    refuses(&run_with_input(["speak", "-", "-o", "-"], b"One.\n\xe9t\xe9"), &words);
    let words = ["NUL", "UTF-16 without a byte order mark"];
    refuses(&run_with_input(["speak", "-", "-o", "-"], b"O\0n\0e\0"), &words);
    refuses(&run_with_input(["speak", "-", "-o", "-"], &vec![b'a'; 3 << 20]), &["split"]);
}

#[test]
fn outputs_that_cannot_be_written_are_refused_first() {
    let dir = tempfile::tempdir().unwrap();
    let existing = dir.path().join("here.wav");
    fs::write(&existing, "precious").unwrap();
    let missing = dir.path().join("no/such/a.wav");
    // The model is missing too; the error names the output only if that is checked first.
    let refused = |args: &[&str], path: &Path| {
        let args = ["speak", TEXT, "--model", "/nonexistent"].iter().chain(args);
        refuses(&run(args.map(std::ffi::OsStr::new).chain([path.as_os_str()])), &["cannot write"]);
    };
    for path in [dir.path(), &missing, &existing.join("below.wav")] {
        refused(&["-o"], path);
    }
    let wav = dir.path().join("a.wav");
    refused(&["-o", wav.to_str().unwrap(), "--codes"], &missing);
    refused(&["-o", wav.to_str().unwrap(), "--stats"], &missing);
    let same = wav.to_str().unwrap();
    refuses(&run(["speak", TEXT, "-o", same, "--codes", same]), &["two outputs"]);
    assert_eq!(fs::read_to_string(&existing).unwrap(), "precious");
    assert_eq!(names(dir.path()), ["here.wav"]);
}

#[test]
fn a_refusal_keeps_an_existing_file() {
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("a.wav");
    fs::write(&wav, "precious").unwrap();
    refuses(&run(["speak", "", "-o", wav.to_str().unwrap()]), &["no text"]);
    assert_eq!(fs::read_to_string(&wav).unwrap(), "precious");
    succeeds(&run(["speak", TEXT, "--max-frames", "2", "-o", wav.to_str().unwrap()]));
    assert!(fs::read(&wav).unwrap().starts_with(b"RIFF"));
    assert_eq!(names(dir.path()), ["a.wav"]);
}

#[test]
fn missing_models_are_refused() {
    for (model, words) in [
        ("/nonexistent/model", &["/nonexistent/model"][..]),
        ("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice", &["hf download Qwen/", "OFFLINE"]),
        ("../a/b", &["../a/b"]),
        ("", &["\"\""]),
        (file!(), &["bad_input.rs"]),
    ] {
        refuses(&run(["speak", TEXT, "-o", "-", "--model", model]), words);
    }
    let unreachable = command(["download", "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"])
        .env_remove("HF_HUB_OFFLINE")
        .env("HF_ENDPOINT", "http://127.0.0.1:9")
        .output()
        .unwrap();
    refuses(&unreachable, &["cannot be downloaded", "127.0.0.1:9", "--local-dir"]);
    refuses(&run(["info", "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"]), &["qwen3-tts download"]);
}

#[test]
fn codes_that_cannot_be_decoded_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let row = |code: i64| vec![code; 16];
    for codes in [
        json!({}),
        json!({ "codes": [] }),
        json!({ "codes": [[]] }),
        json!({ "codes": [[1, 2, 3]] }),
        json!({ "codes": [row(0), row(64)] }),
        json!({ "codes": [row(-1)] }),
        json!({ "codes": "none" }),
        json!([row(0)]),
    ] {
        fs::write(dir.path().join("c.json"), codes.to_string()).unwrap();
        let mut command = command(["codec", "decode", "c.json", "-o", "a.wav"]);
        command.arg("--model").arg(checkpoint("custom_voice_0b6"));
        refuses(&command.current_dir(dir.path()).output().unwrap(), &["c.json"]);
        assert_eq!(names(dir.path()), ["c.json"]);
    }
    for bytes in [&b""[..], b"\xff\xff", b"{\"codes\": [[0, 1"] {
        fs::write(dir.path().join("c.json"), bytes).unwrap();
        let mut command = command(["codec", "decode", "c.json", "-o", "a.wav"]);
        command.arg("--model").arg(checkpoint("custom_voice_0b6"));
        refuses(&command.current_dir(dir.path()).output().unwrap(), &["c.json"]);
    }
    refuses(&run(["codec", "decode", "/nonexistent.json"]), &["/nonexistent.json"]);
}

#[test]
fn invalid_command_lines_are_refused() {
    for args in [
        &["speak"][..],
        &["speak", TEXT, "again"],
        &["speak", TEXT, "--unknown"],
        &["sing", TEXT],
        &["codec", "decode"],
        &["download"],
        &["speak", TEXT, "--format", "wma"],
        &["speak", TEXT, "--progress", "always"],
    ] {
        refuses(&run(args), &[]);
    }
}

#[test]
fn a_misspelt_flag_is_no_text() {
    for (args, words) in [
        (&["speak", "--voise", "a.voice", TEXT][..], &["--voise", "did you mean --voice?"][..]),
        (&["speak", "--voise=a b.voice", TEXT], &["--voise"]),
        (&["speak", TEXT, "--temprature", "-1"], &["--temprature", "did you mean --temperature?"]),
        (&["speak", "-5 degrees.", "--voise", "a.voice"], &["--voise"]),
        (&["speak", "-z", "-5 degrees."], &["-z"]),
        (&["speak", "-zulu"], &["-z", "write --"]),
        (&["speak", "--hullo"], &["--hullo", "write --"]),
        (&["speak", TEXT, "--instruct", "--greedy"], &["--instruct", "--greedy", "flag"]),
        (&["speak", TEXT, "--seed", "-1"], &["--seed"]),
        (&["batch", "-5 degrees."], &["-5"]),
    ] {
        let output = run(args);
        eprintln!("{}", stderr(&output).trim());
        refuses(&output, words);
    }
}

#[test]
fn damaged_checkpoints_are_refused_by_info_too() {
    for file in ["config.json", "model.safetensors", "speech_tokenizer/model.safetensors"] {
        let tiny = TempCheckpoint::new("custom_voice_0b6");
        tiny.damage(file, &Damage::Halved);
        refuses(&run(["info", tiny.path().to_str().unwrap()]), &[file]);
    }
}
