//! Checkpoints as they are found: wrong files, newer spellings, other rates, the speech tokenizer
//! alone.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use qwen3_tts_testkit::{Damage, TempCheckpoint, checkpoint};
use serde_json::{Map, Value, json};
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

fn wav_bytes(samples: &[f32]) -> Vec<u8> {
    let wav = qwen3_tts_audio::Encoding::default();
    wav.encode(samples, 24_000, qwen3_tts_audio::Metadata::default()).unwrap()
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

/// Reading them would never end, or never begin.
#[cfg(unix)]
#[test]
fn pipes_devices_and_folders_are_no_checkpoint_files() {
    let dir = tempfile::tempdir().unwrap();
    let codes = dir.path().join("codes.json");
    for file in TEXTS.iter().chain(&WEIGHTS) {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        let path = copy.file(file);
        let refused = |kind: &str| {
            refuses(&speak(copy.path(), &codes), &[path.to_str().unwrap(), kind]);
            fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
        };
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        refused("a named pipe; expected a regular file");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        refused("a device; expected a regular file");
        fs::create_dir(&path).unwrap();
        refused("a folder; expected a regular file");
    }
    for file in ["config.json", "model.safetensors.index.json"] {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        fs::remove_file(copy.file("model.safetensors")).unwrap();
        let _ = fs::remove_file(copy.file(file));
        assert!(Command::new("mkfifo").arg(copy.file(file)).status().unwrap().success());
        let model = copy.path().to_str().unwrap();
        refuses(&command(["convert", model, "out"]).current_dir(&dir).output().unwrap(), &[model]);
    }
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
        let model = copy.path().to_str().unwrap();
        refuses(&run(["info", model]), words);
        if found != "pytorch_model.bin" {
            let out = copy.file("out");
            refuses(&run(["convert", model, out.to_str().unwrap()]), &words[1..]);
        }
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
    fs::write(&wav, wav_bytes(&tone)).unwrap();
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
    fs::write(&wav, wav_bytes(&tone)).unwrap();
    let voice = dir.path().join("a.voice");
    let mut create = command(["voice", "create", "--x-vector-only", "--ref-audio"]);
    create.arg(&wav).args(["--model", alone, "-o"]).arg(&voice);
    refuses(&create.output().unwrap(), &words);
    assert!(!voice.exists());
}

/// A tiny checkpoint whose decoder has one more block: 48 kHz.
fn at_48_khz() -> TempCheckpoint {
    let copy = TempCheckpoint::new("custom_voice_0b6");
    for file in ["config.json", "model.safetensors"] {
        let from = checkpoint("speech_tokenizer_48k").join(file);
        fs::copy(from, copy.file("speech_tokenizer").join(file)).unwrap();
    }
    copy
}

/// Returns the sample rate of a WAV file, and its samples.
fn read_wav(bytes: &[u8]) -> (u32, Vec<i16>) {
    let mut reader = hound::WavReader::new(bytes).unwrap();
    let samples = reader.samples::<i16>().map(Result::unwrap).collect();
    (reader.spec().sample_rate, samples)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn speech_has_the_rate_of_its_decoder() {
    let model = at_48_khz();
    let dir = tempfile::tempdir().unwrap();
    let speak = |flags: &[&str]| {
        let mut speak = command(["speak", "Hello there. How are you?", "--seed", "5"]);
        speak.args(["--max-frames", "12", "--piece-tokens", "4", "--model"]).arg(model.path());
        let output = speak.args(flags).current_dir(&dir).output().unwrap();
        succeeds(&output);
        output.stdout
    };
    speak(&["-o", "whole.wav", "--codes", "codes.json", "--stats", "stats.json"]);
    let file = fs::read(dir.path().join("whole.wav")).unwrap();
    let (rate, samples) = read_wav(&file);
    assert_eq!(rate, 48_000);
    let stats = read_json(&dir.path().join("stats.json"));
    assert!(stats["pieces"].as_u64() > Some(1), "{stats}");
    assert_eq!(stats["sample_rate"], 48_000);
    let seconds = stats["audio_seconds"].as_f64().unwrap();
    assert_eq!(samples.len(), (seconds * 48_000.0).round() as usize);
    // 80 ms for each frame, and pauses of 0.1 to 2 s between the pieces.
    let frames = stats["frames"].as_u64().unwrap() as usize;
    let pauses = samples.len() - frames * 3840;
    assert!((4_800..96_000).contains(&pauses), "{pauses}");

    let streamed = speak(&["--stream", "-o", "-"]);
    assert_eq!(streamed[24..28], 48_000u32.to_le_bytes());
    assert_eq!(streamed[44..], file[44..]);
    speak(&["--resume", "-o", "resumed.wav"]);
    assert_eq!(fs::read(dir.path().join("resumed.wav")).unwrap(), file);

    let mut decode = command(["codec", "decode", "codes.json", "-o", "decoded.wav", "--model"]);
    succeeds(&decode.arg(model.path()).current_dir(&dir).output().unwrap());
    let (rate, decoded) = read_wav(&fs::read(dir.path().join("decoded.wav")).unwrap());
    assert_eq!((rate, decoded.len()), (48_000, frames * 3840));
    // What it decodes at 48 kHz, it encodes at 24 kHz.
    let mut encode = command(["codec", "encode", "decoded.wav", "-o", "again.json", "--model"]);
    succeeds(&encode.arg(model.path()).current_dir(&dir).output().unwrap());
    let again = read_json(&dir.path().join("again.json"));
    assert_eq!(again["codes"].as_array().unwrap().len(), frames);
}

#[test]
fn rates_that_disagree_with_the_decoder_are_refused() {
    for (field, value, word) in [
        ("/output_sample_rate", json!(24_000), "`output_sample_rate`"),
        ("/decode_upsample_rate", json!(1920), "`decode_upsample_rate`: expected 3840"),
        ("/decoder_config/upsample_rates", json!([8, 5, 4, 3]), "`decode_upsample_rate`"),
        ("/decoder_config/upsample_rates", json!([8, 5, 4, 0, 2]), "upsample_rates"),
    ] {
        let model = at_48_khz();
        model.damage("speech_tokenizer/config.json", &Damage::Field(field.to_owned(), value));
        let words = ["speech_tokenizer/config.json", word];
        refuses(&speak(model.path(), Path::new("codes.json")), &words);
    }
}

/// Writes the rotary positions of a section as transformers 5 does.
fn as_transformers_5(config: &mut Value, section: &str) {
    let section = config.pointer_mut(section).unwrap().as_object_mut().unwrap();
    let scaling = section.remove("rope_scaling").filter(Value::is_object);
    let mut parameters = scaling.unwrap_or(json!({ "rope_type": "default" }));
    parameters["rope_theta"] = section.remove("rope_theta").unwrap();
    section.insert("rope_parameters".to_owned(), parameters);
    section.insert("dtype".to_owned(), json!("bfloat16"));
}

#[test]
fn a_configuration_of_transformers_5_speaks_the_same_codes() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old.json"), dir.path().join("new.json"));
    let codes = |model: &Path, codes: &Path| {
        let mut speak = command(["speak", "Hello there.", "--max-frames", "2", "--seed", "1"]);
        speak.args(["--speaker", "ryan", "-o", "/dev/null", "--codes"]).arg(codes);
        succeeds(&speak.arg("--model").arg(model).output().unwrap());
        fs::read(codes).unwrap()
    };
    let expected = codes(&checkpoint("custom_voice_0b6"), &old);
    let copy = TempCheckpoint::new("custom_voice_0b6");
    for (file, sections) in [
        ("config.json", ["/talker_config", "/talker_config/code_predictor_config"]),
        ("speech_tokenizer/config.json", ["/decoder_config", "/encoder_config"]),
    ] {
        let mut config = read_json(&copy.file(file));
        sections.iter().for_each(|section| as_transformers_5(&mut config, section));
        copy.damage(file, &Damage::Replaced(config.to_string().into_bytes()));
    }
    assert_eq!(codes(copy.path(), &new), expected);
}

/// Returns the output of `info --json`.
fn info(model: &Path) -> Value {
    let output = run(["info", "--json", model.to_str().unwrap()]);
    succeeds(&output);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn info_counts_the_weights_that_quantised_ones_stand_for() {
    let source = checkpoint("base_0b6");
    let full = info(&source);
    assert_eq!(full["talker"]["quantization"], json!([]));
    let dir = tempfile::tempdir().unwrap();
    for (bits, group_size) in [(8, 64), (4, 32), (4, 64), (6, 32)] {
        let out = dir.path().join(format!("{bits}-{group_size}"));
        let (b, g) = (bits.to_string(), group_size.to_string());
        let mut convert = command(["convert", "--quantize", &b, "--group-size", &g]);
        succeeds(&convert.arg(&source).arg(&out).output().unwrap());
        let quantised = info(&out);
        assert_eq!(quantised["talker"]["parameters"], full["talker"]["parameters"]);
        let groups = json!([{ "bits": bits, "group_size": group_size }]);
        assert_eq!(quantised["talker"]["quantization"], groups);
        assert_eq!(quantised["code_predictor"]["quantization"], groups);
        assert_eq!(quantised["speech_tokenizer"], full["speech_tokenizer"]);
        let text = run(["info", out.to_str().unwrap()]);
        let text = String::from_utf8(text.stdout).unwrap();
        let words = format!(", {bits} bits in groups of {group_size}");
        assert_eq!(text.matches(&words).count(), 2, "{text}");
        // What tools add to the section changes nothing, nor does its other name.
        let mut config = read_json(&out.join("config.json"));
        let mut section = config["quantization"].take();
        section["quant_method"] = json!("mlx");
        section["mode"] = json!(null);
        config.as_object_mut().unwrap().remove("quantization");
        config["quantization_config"] = section;
        fs::write(out.join("config.json"), config.to_string()).unwrap();
        let renamed = info(&out);
        for part in ["talker", "code_predictor", "speech_tokenizer"] {
            assert_eq!(renamed[part], quantised[part]);
        }
    }
}

#[test]
fn info_describes_the_speech_tokenizer_alone() {
    let whole = info(&checkpoint("base_0b6"));
    let alone = checkpoint("base_0b6").join("speech_tokenizer");
    let json = info(&alone);
    assert_eq!(json["speech_tokenizer"], whole["speech_tokenizer"]);
    assert!(json["speech_tokenizer"]["parameters"].as_u64() > Some(1000));
    assert_eq!(json["talker"], json!(null));
    let files: Vec<_> = json["files"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
    assert_eq!(files, ["config.json", "model.safetensors"]);
    let text = String::from_utf8(run(["info", alone.to_str().unwrap()]).stdout).unwrap();
    assert!(text.contains("speech tokenizer alone") && text.contains("24000 Hz"), "{text}");
    let other = info(&checkpoint("speech_tokenizer_48k"));
    let rates = ["sample_rate", "input_sample_rate"].map(|rate| &other["speech_tokenizer"][rate]);
    assert_eq!(rates, [48_000, 24_000]);
}

#[test]
fn schemes_that_cannot_be_read_are_refused_by_name() {
    for (section, words) in [
        (json!({ "group_size": 32, "bits": 4, "mode": "mxfp4" }), ["mode", "\"mxfp4\""]),
        (json!({ "group_size": 16, "bits": 4, "mode": "nvfp4" }), ["mode", "\"nvfp4\""]),
        (json!({ "quant_method": "gptq", "bits": 4 }), ["quant_method", "\"gptq\""]),
    ] {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        let mut config = read_json(&copy.file("config.json"));
        config["quantization"] = section;
        copy.damage("config.json", &Damage::Replaced(config.to_string().into_bytes()));
        refuses(&speak(copy.path(), Path::new("codes.json")), &words);
    }
}

/// Removes the tensors of a safetensors file whose names begin with `prefix`.
fn without_tensors(bytes: &[u8], prefix: &str) -> Vec<u8> {
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Map<String, Value> = serde_json::from_slice(&bytes[8..start]).unwrap();
    let before = header.len();
    header.retain(|name, _| !name.starts_with(prefix));
    assert!(header.len() < before, "no tensor {prefix}");
    let mut data = Vec::new();
    for info in header.values_mut().filter(|info| info["data_offsets"].is_array()) {
        let [from, to] = [0, 1].map(|i| info["data_offsets"][i].as_u64().unwrap() as usize);
        info["data_offsets"] = json!([data.len(), data.len() + to - from]);
        data.extend_from_slice(&bytes[start + from..start + to]);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// The official script fine-tunes a base checkpoint: it names one speaker, keeps the section of the
/// speaker encoder in config.json, and drops the encoder's weights.
#[test]
fn a_fine_tuned_checkpoint_speaks_with_its_speaker() {
    let copy = TempCheckpoint::new("base_0b6");
    let mut config = read_json(&copy.file("config.json"));
    assert!(config["speaker_encoder_config"].is_object());
    config["tts_model_type"] = json!("custom_voice");
    config["talker_config"]["spk_id"] = json!({ "my_voice": 1000 });
    config["talker_config"]["spk_is_dialect"] = json!({ "my_voice": false });
    copy.damage("config.json", &Damage::Replaced(config.to_string().into_bytes()));
    let weights = fs::read(copy.file("model.safetensors")).unwrap();
    let weights = without_tensors(&weights, "speaker_encoder.");
    copy.damage("model.safetensors", &Damage::Replaced(weights));
    let speak = |speaker: &str| {
        let mut speak = command(["speak", "Hello there.", "--max-frames", "2", "--seed", "1"]);
        speak
            .args(["--speaker", speaker, "-o", "-", "--format", "pcm", "--model"])
            .arg(copy.path());
        speak.output().unwrap()
    };
    let output = speak("My_Voice");
    succeeds(&output);
    assert!(!output.stdout.is_empty());
    refuses(&speak("ryan"), &["ryan", "my_voice"]);
}
