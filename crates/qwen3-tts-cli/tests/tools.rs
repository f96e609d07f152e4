//! Commands about models, the machine and the command itself: `voices`, `doctor`, `completions`, `man`.

mod support;

use std::fs;
use std::process::Output;

use qwen3_tts_testkit::{Damage, TempCheckpoint, checkpoint};
use serde_json::{Value, json};
use support::{command, in_dir, names, refuses, run, stderr, succeeds};

/// Returns the standard output of a command that succeeds without messages.
#[track_caller]
fn told(output: &Output) -> String {
    succeeds(output);
    assert_eq!(stderr(output), "");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns the output of `voices` for a tiny checkpoint.
fn voices(name: &str) -> String {
    told(&run(["voices", checkpoint(name).to_str().unwrap()]))
}

/// Returns the output of `voices --json` for a tiny checkpoint.
fn voices_json(name: &str) -> Value {
    let told = told(&run(["voices", "--json", checkpoint(name).to_str().unwrap()]));
    serde_json::from_str(&told).unwrap()
}

#[test]
fn voices_of_the_demo_voice() {
    let text = told(&run(["voices"]));
    for line in [
        "model             demo voice, built in",
        "speakers          arlo (default)",
        "                  mina",
        "languages         auto, english",
        "instructions      no",
        "cloned voices     yes, with --ref-audio FILE; the closer of the two speakers is used",
        "described voices  no",
    ] {
        assert!(text.lines().any(|found| found == line), "{text} lacks {line:?}");
    }
    let json: Value = serde_json::from_str(&told(&run(["voices", "--json"]))).unwrap();
    assert_eq!(json["built_in"], true);
    assert_eq!(json["speakers"][1], json!({"name": "mina", "dialect": null}));
    assert_eq!(json["languages"], json!(["english"]));
}

#[test]
fn voices_of_a_custom_voice_model() {
    let text = voices("custom_voice_1b7");
    assert!(text.contains("model             1.7B custom_voice\n"), "{text}");
    assert!(text.contains("\nspeakers          serena (default)\n"), "{text}");
    assert!(
        text.contains(" eric (sichuan dialect if the language is chinese or auto)\n"),
        "{text}"
    );
    assert!(text.contains("\nlanguages         auto, chinese, english, "), "{text}");
    assert!(text.contains("\ninstructions      yes, with --instruct TEXT\n"), "{text}");
    assert!(text.contains("\ncloned voices     no\n"), "{text}");
    let json = voices_json("custom_voice_1b7");
    let takes = json!({"instructions": true, "recordings": false, "descriptions": false});
    assert_eq!((&json["takes"], &json["model_size"]), (&takes, &json!("1.7B")));
    let eric = json!({"name": "eric", "dialect": "sichuan_dialect"});
    assert!(json["speakers"].as_array().unwrap().contains(&eric), "{json}");
    // The 0.6B drops instructions.
    assert_eq!(voices_json("custom_voice_0b6")["takes"]["instructions"], false);
}

#[test]
fn voices_of_models_without_speakers() {
    let base = voices("base_0b6");
    assert!(base.contains("\nspeakers          none\n"), "{base}");
    let cloned =
        "\ncloned voices     yes, with --ref-audio FILE --ref-text TEXT, or --voice FILE\n";
    assert!(base.contains(cloned), "{base}");
    let design = voices("voice_design_1b7");
    assert!(design.contains("\ndescribed voices  yes, with --instruct TEXT\n"), "{design}");
    assert!(design.contains("\ninstructions      no\n"), "{design}");
    let takes = json!({"instructions": false, "recordings": false, "descriptions": true});
    assert_eq!(voices_json("voice_design_1b7")["takes"], takes);
}

#[test]
fn voices_reads_the_configuration_only() {
    let copy = TempCheckpoint::new("custom_voice_0b6");
    let model = copy.path().to_str().unwrap();
    copy.damage("model.safetensors", &Damage::Missing);
    assert!(told(&run(["voices", model])).contains("serena"));
    copy.damage("config.json", &Damage::Halved);
    refuses(&run(["voices", model]), &["config.json", "EOF"]);
    let codec = checkpoint("speech_tokenizer_48k");
    refuses(&run(["voices", codec.to_str().unwrap()]), &["does not speak"]);
    refuses(&run(["voices", "nobody/none"]), &["not downloaded", "qwen3-tts download nobody/none"]);
}

#[test]
fn completions_know_every_command_and_flag() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = told(&run(["completions", shell]));
        for word in ["qwen3-tts", "speak", "completions", "ref-audio", "max-frames"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
    refuses(&run(["completions", "tcsh"]), &["tcsh", "bash, elvish, fish, powershell, zsh"]);
    refuses(&run(["completions"]), &["SHELL"]);
}

#[test]
fn man_prints_the_page_of_a_command() {
    let page = told(&run(["man"]));
    assert!(page.contains(".TH qwen3-tts 1") && page.contains("Text to speech"), "{page}");
    let version = concat!("\"qwen3-tts ", env!("CARGO_PKG_VERSION"), "\"");
    for (args, title, word) in [
        (&["man", "speak"][..], ".TH qwen3-tts-speak 1", "ref\\-audio"),
        (&["man", "voice", "create"], ".TH qwen3-tts-voice-create 1", "Voice file to write"),
    ] {
        let page = told(&run(args));
        assert!(page.contains(title) && page.contains(word) && page.contains(version), "{page}");
    }
    let unknown = run(["man", "shout"]);
    refuses(
        &unknown,
        &["qwen3-tts has no command \"shout\"", "expected speak, batch, serve, voice"],
    );
    refuses(&run(["man", "voice", "x"]), &["qwen3-tts voice has no command \"x\"", "create, show"]);
    refuses(&run(["man", "info", "x"]), &["qwen3-tts info has no commands of its own", "\"x\""]);
}

#[test]
fn man_writes_a_page_per_command() {
    let dir = tempfile::tempdir().unwrap();
    let output = told(&in_dir(dir.path(), &["man", "--dir", "a/man1"]));
    let pages = names(&dir.path().join("a/man1"));
    assert_eq!(output, format!("a/man1: {} pages\n", pages.len()));
    for page in ["qwen3-tts.1", "qwen3-tts-speak.1", "qwen3-tts-voice-create.1"] {
        assert!(pages.contains(&page.to_owned()), "{pages:?}");
        let text = fs::read_to_string(dir.path().join("a/man1").join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{text}");
    }
    fs::write(dir.path().join("file"), "").unwrap();
    refuses(&in_dir(dir.path(), &["man", "--dir", "file/x"]), &["cannot write file/x"]);
    refuses(&in_dir(dir.path(), &["man", "speak", "--dir", "b"]), &["--dir"]);
}

#[test]
fn doctor_describes_the_machine() {
    let text = told(&run(["doctor", "--no-bench", "--threads", "1"]));
    for line in [
        concat!("version           ", env!("CARGO_PKG_VERSION")),
        "CPU               ",
        "CPU features      ",
        "threads           1 of ",
        "memory            ",
        "device            cpu",
        "cache             /nonexistent",
        "                  no models; `qwen3-tts download HUB_ID` fetches one",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{text} lacks {line:?}");
    }
    assert!(!text.contains("Expected"), "{text}");
    let json: Value =
        serde_json::from_str(&told(&run(["doctor", "--no-bench", "--json"]))).unwrap();
    assert_eq!(json["devices"][0], json!({"name": "cpu", "missing": null}));
    assert!(json["cpu"]["cores"].as_u64() >= Some(1), "{json}");
    assert_eq!((&json["benchmark"], &json["estimates"]), (&json!(null), &json!([])));
    refuses(&run(["doctor", "--threads", "0"]), &["--threads"]);
}

#[test]
fn doctor_says_which_instruction_set_is_used_and_why() {
    let used = |wanted: &str| {
        let mut doctor = command(["doctor", "--no-bench", "--json"]);
        let output = doctor.env("QWEN3_TTS_ISA", wanted).output().unwrap();
        let json: Value = serde_json::from_str(&told(&output)).unwrap();
        let set = &json["instruction_set"];
        (set["name"].clone(), set["reason"].as_str().unwrap().to_owned())
    };
    assert_eq!(used("portable"), (json!("portable"), "chosen by QWEN3_TTS_ISA".to_owned()));
    let (_, reason) = used("mmx\u{1b}[2J");
    assert!(reason.contains("QWEN3_TTS_ISA=mmx\u{1b}[2J is ignored"), "{reason}");
}

#[test]
fn doctor_lists_the_models_of_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let copy_to = |model: &str| {
        let folder = cache.path().join(format!("models--{}", model.replace('/', "--")));
        fs::create_dir_all(folder.join("refs")).unwrap();
        fs::write(folder.join("refs/main"), commit).unwrap();
        let snapshot = folder.join("snapshots").join(commit);
        fs::create_dir_all(snapshot.join("speech_tokenizer")).unwrap();
        snapshot
    };
    let snapshot = copy_to("ann/tiny");
    copy_to("ann/unfinished");
    let source = checkpoint("custom_voice_0b6");
    for folder in ["", "speech_tokenizer"] {
        for entry in fs::read_dir(source.join(folder)).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                fs::copy(entry.path(), snapshot.join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    let mut doctor = command(["doctor", "--no-bench", "--json"]);
    let output = doctor.env("HF_HUB_CACHE", cache.path()).output().unwrap();
    let json: Value = serde_json::from_str(&told(&output)).unwrap();
    let models = json["cache"]["models"].as_array().unwrap();
    assert_eq!(models.len(), 1, "{json}");
    assert_eq!((&models[0]["id"], &json["cache"]["others"]), (&json!("ann/tiny"), &json!(1)));
    assert!(models[0]["bytes"].as_u64() > Some(1 << 20), "{json}");
}

#[test]
fn doctor_measures_and_estimates() {
    let text = told(&run(["doctor"]));
    for words in ["memory is read at ", "products ", "convolutions ", "demo voice ", "\n0.6B    8 "]
    {
        assert!(text.contains(words), "{text} lacks {words:?}");
    }
    assert!(text.contains("These are estimates"), "{text}");
}
