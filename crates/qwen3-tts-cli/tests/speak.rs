//! `qwen3-tts speak`, `codec decode` and `info` on valid input.

mod support;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use qwen3_tts_testkit::{Golden, checkpoint};
use support::{command, names, run, run_with_input, stderr, succeeds};

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns the arguments that repeat a golden's request.
fn request(golden: &Golden) -> Vec<String> {
    let model = checkpoint(golden.string("checkpoint"));
    let mut args = vec!["speak", golden.string("text"), "--greedy", "--language"];
    args.extend([golden.string("language"), "--model", model.to_str().unwrap()]);
    for name in ["speaker", "instruct"] {
        if let Some(value) = golden.optional_string(name) {
            args.extend([if name == "speaker" { "--speaker" } else { "--instruct" }, value]);
        }
    }
    if !golden.flag("non_streaming_text") {
        args.push("--streaming-text");
    }
    let mut args: Vec<String> = args.into_iter().map(str::to_owned).collect();
    args.extend(["--max-frames".to_owned(), golden.number("max_frames").to_string()]);
    args
}

#[test]
fn the_codes_are_the_official_ones() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ends_by_eos", "dialect_auto", "large_instruct_streaming", "design"] {
        let golden = Golden::load(&format!("speech/{name}"));
        let (wav, codes) = (dir.path().join("a.wav"), dir.path().join("a.json"));
        let mut command = command(request(&golden));
        let output = command.arg("-o").arg(&wav).arg("--codes").arg(&codes).output().unwrap();
        succeeds(&output);
        let is_cut = golden.string("stop_reason") == "max_frames";
        let said = stderr(&output);
        assert!(if is_cut { said.contains("cut off") } else { said.is_empty() }, "{name}: {said}");

        let written = json(&codes);
        let frames: Vec<Vec<u32>> = serde_json::from_value(written["codes"].clone()).unwrap();
        assert_eq!(frames.concat(), golden.u32("codes").1, "{name}");
        assert_eq!(written["stop_reason"], golden.string("stop_reason"));
        let wav = hound::WavReader::open(&wav).unwrap();
        assert_eq!(wav.duration() as usize, golden.number("frames") * 1920, "{name}");
    }
}

#[test]
fn weights_are_quantised_by_part_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let stats = dir.path().join("stats.json");
    for (asked, told) in [
        ("none", "bf16"),
        ("8", "q8"),
        ("talker=4,code-predictor=8", "q4, code predictor q8"),
        ("code-predictor=6", "bf16, code predictor q6"),
    ] {
        let mut command = command(["speak", "Hello.", "--greedy", "--max-frames", "3"]);
        command.args(["--quantize", asked, "-o", "a.wav"]).current_dir(dir.path());
        command.args(["--model".as_ref(), checkpoint("custom_voice_0b6").as_os_str()]);
        succeeds(&command.arg("--stats").arg(&stats).output().unwrap());
        assert_eq!(json(&stats)["weight_type"], told);
    }
}

#[test]
fn without_a_model_the_built_in_one_speaks_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(["speak", "Hello there!"]).current_dir(dir.path()).output().unwrap();
    succeeds(&output);
    let message = stderr(&output);
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("demo") && message.contains("--model"), "{message}");
    assert_eq!(names(dir.path()), ["out.wav"]);
    let wav = hound::WavReader::open(dir.path().join("out.wav")).unwrap();
    assert_eq!((wav.spec().sample_rate, wav.spec().bits_per_sample), (24_000, 16));
    assert!(wav.duration() >= 1920);
}

#[test]
fn stats_contain_the_timings() {
    let dir = tempfile::tempdir().unwrap();
    let stats = dir.path().join("s.json");
    let mut command = command(["speak", "Hello there!", "--max-frames", "7", "--threads", "1"]);
    command.current_dir(dir.path()).arg("--stats").arg(&stats);
    succeeds(&command.output().unwrap());
    let stats = json(&stats);
    for name in [
        "load_seconds",
        "prefill_seconds",
        "talker_seconds",
        "code_predictor_seconds",
        "codec_seconds",
        "time_to_first_audio_seconds",
        "rtf",
    ] {
        assert!(stats[name].as_f64().is_some_and(|seconds| seconds > 0.0), "{name}: {stats}");
    }
    let frames = stats["frames"].as_u64().unwrap();
    assert!((1..=7).contains(&frames));
    assert_eq!(stats["stop_reason"], if frames == 7 { "max_frames" } else { "eos" });
    assert_eq!((&stats["threads"], &stats["device"]), (&1.into(), &"cpu".into()));
    assert_eq!(stats["weight_type"], "bf16");
    assert!(stats["seed"].is_u64());
    assert!(stats["peak_memory_bytes"].is_null() || stats["peak_memory_bytes"].as_u64() > Some(0));
}

#[test]
fn a_drawn_seed_repeats_the_speech() {
    let dir = tempfile::tempdir().unwrap();
    let speak = |seed: Option<String>, name: &str| {
        let mut command = command(["speak", "Hello there!", "--stats", "s.json", "-o", name]);
        command.current_dir(dir.path()).args(seed.iter().flat_map(|seed| ["--seed", seed]));
        succeeds(&command.output().unwrap());
        let seed = json(&dir.path().join("s.json"))["seed"].to_string();
        (seed, fs::read(dir.path().join(name)).unwrap())
    };
    let (seed, first) = speak(None, "a.wav");
    assert_eq!(speak(Some(seed.clone()), "b.wav"), (seed.clone(), first.clone()));
    assert_ne!(speak(None, "c.wav"), (seed, first));
}

#[test]
fn standard_input_and_output_work() {
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("a.wav");
    let rest = ["--greedy", "--max-frames", "3", "--sample-format", "f32", "-o"];
    let said =
        run(["speak", "Hello there!"].into_iter().chain(rest).chain([wav.to_str().unwrap()]));
    succeeds(&said);
    let file = fs::read(&wav).unwrap();
    for input in ["Hello there!", "Hello there!\n", "Hello there!\r\n"] {
        let args = ["speak", "-"].into_iter().chain(rest).chain(["-"]);
        let piped = run_with_input(args, input.as_bytes());
        succeeds(&piped);
        assert_eq!(piped.stdout, file);
    }
}

#[test]
fn a_closed_standard_output_is_not_a_failure() {
    let mut command = command(["speak", "Hello there!", "-o", "-"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut head = [0; 4];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut head).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(&head, b"RIFF");
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    succeeds(&output);
}

#[test]
fn codes_decode_to_the_same_audio() {
    let dir = tempfile::tempdir().unwrap();
    let speak = ["speak", "Hello there!", "-o", "a.wav", "--codes", "a.json"];
    let decode = ["codec", "decode", "a.json", "-o", "b.wav"];
    succeeds(&command(speak).current_dir(dir.path()).output().unwrap());
    let output = command(decode).current_dir(dir.path()).output().unwrap();
    succeeds(&output);
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("a.wav"), read("b.wav"));
}

#[test]
fn info_describes_a_checkpoint() {
    let dir = checkpoint("custom_voice_1b7");
    let text = run(["info", dir.to_str().unwrap()]);
    succeeds(&text);
    let text = String::from_utf8(text.stdout).unwrap();
    for word in ["1.7B custom_voice", "ryan", "eric (sichuan_dialect)", "english", "BF16"] {
        assert!(text.contains(word), "{text}");
    }
    let json = run(["info", "--json", dir.to_str().unwrap()]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["model_type"], "custom_voice");
    assert_eq!(json["takes_instruct"], true);
    assert_eq!(json["speech_tokenizer"]["frame_rate"], 12.5);
    let size = fs::metadata(dir.join("model.safetensors")).unwrap().len();
    let files = json["files"].as_array().unwrap();
    assert!(files.iter().any(|f| f["name"] == "model.safetensors" && f["bytes"] == size));
    assert!(json["talker"]["parameters"].as_u64() > Some(1000));
    succeeds(&run(["info"]));
}

#[test]
fn help_and_version_are_printed() {
    for args in [&["--help"][..], &["speak", "--help"], &["codec", "decode", "--help"], &["-V"]] {
        let output = run(args);
        succeeds(&output);
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn text_is_read_in_the_encodings_of_editors() {
    let text = "Grüße an dich!";
    let flags =
        ["--seed", "4", "--max-frames", "3", "--streaming-text", "--format", "pcm", "-o", "-"];
    let said = run(["speak", text].into_iter().chain(flags));
    succeeds(&said);
    let utf16: Vec<u16> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).collect();
    for bytes in [
        format!("\u{feff}{text}\r\n").into_bytes(),
        utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
    ] {
        for stream in [&[][..], &["--stream"]] {
            let args = ["speak", "-"].into_iter().chain(flags).chain(stream.iter().copied());
            let piped = run_with_input(args, &bytes);
            succeeds(&piped);
            assert!(piped.stdout == said.stdout, "{bytes:?} {stream:?}");
        }
    }
    let argument = format!("\u{feff}{text}");
    let args = ["speak", argument.as_str()].into_iter().chain(flags);
    assert!(run(args).stdout == said.stdout);
}

#[test]
fn a_text_may_begin_with_a_hyphen() {
    let flags = ["--seed", "4", "--max-frames", "3", "--format", "pcm", "-o", "-"];
    for text in ["-5 degrees outside.", "- hello", "-5", "--wait, what?"] {
        let escaped = run(["speak"].into_iter().chain(flags).chain(["--", text]));
        succeeds(&escaped);
        for args in [
            ["speak", text].into_iter().chain(flags).collect::<Vec<_>>(),
            ["speak"].into_iter().chain(flags).chain([text]).collect(),
        ] {
            let output = run(&args);
            succeeds(&output);
            assert!(output.stdout == escaped.stdout, "{args:?}");
        }
    }
    succeeds(&run(["speak"].into_iter().chain(flags).chain(["--", "--greedy"])));
    let model = checkpoint("voice_design_1b7");
    let instruct = ["--instruct", "- softly", "--model", model.to_str().unwrap()];
    succeeds(&run(["speak", "Hello."].into_iter().chain(flags).chain(instruct)));
}

#[test]
fn a_temperature_of_zero_is_greedy() {
    let speak = |more: &[&str]| {
        let flags = ["speak", "Hello.", "--max-frames", "4", "--format", "pcm", "-o", "-"];
        let output = run(flags.iter().chain(more));
        succeeds(&output);
        output.stdout
    };
    let greedy = speak(&["--greedy"]);
    for seed in ["1", "2"] {
        assert!(speak(&["--temperature", "0", "--seed", seed]) == greedy);
        assert!(speak(&["--seed", seed]) != greedy);
    }
}

#[test]
fn languages_have_their_usual_names() {
    let model = checkpoint("custom_voice_0b6");
    let speak = |language: &str| {
        let flags =
            ["speak", "Hello.", "--max-frames", "2", "--greedy", "--format", "pcm", "-o", "-"];
        let model = ["--model", model.to_str().unwrap(), "--language", language];
        let output = run(flags.into_iter().chain(model));
        succeeds(&output);
        output.stdout
    };
    let chinese = speak("chinese");
    for name in ["zh", "zh-CN", "中文", "ZH_tw", "Mandarin"] {
        assert!(speak(name) == chinese, "{name}");
    }
    assert!(speak("Deutsch") == speak("german"));
}
