//! Promises of the command about files: an output is complete or not there, nothing overwrites
//! what is read, and runs do not mix.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use qwen3_tts_testkit::{TempCheckpoint, signal};
use serde_json::{Value, json};
use support::{command, in_dir, names, refuses, stderr, succeeds};

const SHORT: [&str; 4] = ["--max-frames", "2", "--seed", "1"];

fn speak(dir: &Path, flags: &[&str]) -> Output {
    in_dir(dir, &[&["speak", "One two."], &SHORT[..], flags].concat())
}

/// A text of many pieces, which takes a while to speak.
fn long_text() -> String {
    "One dog and two cats. ".repeat(30)
}

const LONG: [&str; 8] =
    ["--piece-tokens", "16", "--max-frames", "12", "--seed", "7", "--batch-size", "1"];

fn start(dir: &Path, args: &[&str]) -> std::process::Child {
    command(args).current_dir(dir).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn wait_for(path: &Path) {
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{} is missing", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn record(path: &Path, n_samples: usize) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    signal(n_samples).into_iter().for_each(|sample| wav.write_sample(sample).unwrap());
    wav.finalize().unwrap();
}

/// Returns the names and contents of all files in a directory.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    names(dir).into_iter().map(|name| (name.clone(), fs::read(dir.join(name)).unwrap())).collect()
}

/// Stops a run, so that it holds its locks for as long as `during` takes.
#[cfg(unix)]
fn stopped(run: &std::process::Child, during: impl FnOnce()) {
    let signal = |name: &str| {
        let id = run.id().to_string();
        assert!(Command::new("kill").args([name, id.as_str()]).status().unwrap().success());
    };
    signal("-STOP");
    during();
    signal("-CONT");
}

#[cfg(unix)]
#[test]
fn a_resumed_run_has_its_pieces_for_itself() {
    let dir = tempfile::tempdir().unwrap();
    let text = long_text();
    let args = |output| [&["speak", &text, "-o", output], &LONG[..]].concat();
    succeeds(&in_dir(dir.path(), &args("want.wav")));
    let resumed = [&args("a.wav")[..], &["--resume"]].concat();
    let first = start(dir.path(), &resumed);
    wait_for(&dir.path().join("a.wav.parts/00000.json"));
    stopped(&first, || {
        refuses(&in_dir(dir.path(), &resumed), &["a.wav.parts", "another run"]);
    });
    succeeds(&first.wait_with_output().unwrap());
    let [got, want] = ["a.wav", "want.wav"].map(|name| fs::read(dir.path().join(name)).unwrap());
    assert!(got == want);
    assert_eq!(names(dir.path()), ["a.wav", "want.wav"]);
}

#[cfg(unix)]
#[test]
fn a_batch_has_its_folder_for_itself() {
    let dir = tempfile::tempdir().unwrap();
    let line = json!({"text": long_text(), "seed": 7, "max_frames": 12});
    fs::write(dir.path().join("r.jsonl"), line.to_string()).unwrap();
    let args = ["batch", "r.jsonl", "-o", "out", "--piece-tokens", "16", "--batch-size", "1"];
    let first = start(dir.path(), &args);
    wait_for(&dir.path().join("out/manifest.jsonl"));
    stopped(&first, || {
        for flags in [&["--resume"][..], &[]] {
            let second = in_dir(dir.path(), &[&args, flags].concat());
            refuses(&second, &["manifest.jsonl", "another run"]);
        }
    });
    succeeds(&first.wait_with_output().unwrap());
    assert_eq!(names(&dir.path().join("out")), ["00001.wav", "manifest.jsonl"]);
}

#[test]
fn folders_of_others_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let parts = dir.path().join("a.wav.parts");
    let resumed = ["-o", "a.wav", "--resume"];
    for (files, word) in [
        (&["notes.txt"][..], "notes.txt"),
        (&["00000.json", "00000.f32"], "request.json"),
        (&["request.json"], "another request"),
        (&["request.json", "00000.json", "0.json"], "0.json"),
    ] {
        fs::create_dir(&parts).unwrap();
        files.iter().for_each(|name| fs::write(parts.join(name), "precious").unwrap());
        let before = contents(&parts);
        refuses(&speak(dir.path(), &resumed), &["a.wav.parts", word]);
        assert_eq!(contents(&parts), before);
        assert_eq!(names(dir.path()), ["a.wav.parts"]);
        fs::remove_dir_all(&parts).unwrap();
    }
    fs::write(&parts, "precious").unwrap();
    refuses(&speak(dir.path(), &resumed), &["a.wav.parts", "not a folder"]);
    assert_eq!(fs::read(&parts).unwrap(), b"precious");
    fs::remove_file(&parts).unwrap();
    // An empty folder serves, and stays.
    fs::create_dir(&parts).unwrap();
    succeeds(&speak(dir.path(), &resumed));
    assert_eq!(names(dir.path()), ["a.wav", "a.wav.parts"]);
    assert_eq!(names(&parts), [""; 0]);
}

#[test]
fn pieces_of_another_model_are_not_reused() {
    let dir = tempfile::tempdir().unwrap();
    let tiny = TempCheckpoint::new("custom_voice_0b6");
    let text = long_text();
    let model = tiny.path().to_str().unwrap();
    let args = [&["speak", &text, "-o", "a.wav", "--resume", "--model", model], &LONG[..]].concat();
    let mut first = start(dir.path(), &args);
    wait_for(&dir.path().join("a.wav.parts/00000.json"));
    first.kill().unwrap();
    first.wait().unwrap();
    // The same weights, written later.
    let weights = tiny.file("model.safetensors");
    let later = std::time::SystemTime::now() + Duration::from_secs(60);
    fs::File::options().append(true).open(weights).unwrap().set_modified(later).unwrap();
    refuses(&in_dir(dir.path(), &args), &["a.wav.parts", "another request"]);
}

#[test]
fn a_batch_resumes_only_with_its_settings() {
    let dir = tempfile::tempdir().unwrap();
    record(&dir.path().join("ann.wav"), 36_000);
    let line = |n: u64| json!({"text": "One.", "seed": n, "max_frames": 2});
    let cloned = json!({"text": "Two.", "seed": 3, "max_frames": 2, "ref_audio": "ann.wav",
                        "x_vector_only": true});
    let run = |lines: &[&Value], flags: &[&str]| {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(dir.path().join("r.jsonl"), lines).unwrap();
        in_dir(dir.path(), &[&["batch", "r.jsonl", "-o", "out"], flags].concat())
    };
    let tiny = TempCheckpoint::new("custom_voice_0b6");
    succeeds(&run(&[&line(1)], &[]));
    let before = contents(&dir.path().join("out"));
    for (flags, word) in [
        (&["--sample-format", "f32"][..], "sample_format null instead of \"f32\""),
        (&["--model", tiny.path().to_str().unwrap()], "model"),
        (&["--quantize", "8"], "quantize"),
        (&["--kv-cache", "f32"], "kv_cache"),
        (&["--no-split"], "piece_tokens 256 instead of null"),
        (&["--retries", "0"], "retries"),
    ] {
        let output = run(&[&line(1), &line(2)], &[flags, &["--resume"]].concat());
        refuses(&output, &["manifest.jsonl", "--resume", word]);
        assert_eq!(contents(&dir.path().join("out")), before);
    }
    // A recording that was replaced is another request.
    let lines = [&cloned];
    succeeds(&run(&lines, &[]));
    let out = dir.path().join("out/00001.wav");
    fs::write(&out, "kept").unwrap();
    succeeds(&run(&lines, &["--resume"]));
    assert_eq!(fs::read(&out).unwrap(), b"kept");
    record(&dir.path().join("ann.wav"), 40_000);
    succeeds(&run(&lines, &["--resume"]));
    assert!(fs::read(&out).unwrap().starts_with(b"RIFF"));
}

#[cfg(unix)]
#[test]
fn no_output_overwrites_what_is_read_or_written() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let tiny = TempCheckpoint::new("custom_voice_0b6");
    let model = tiny.path().to_str().unwrap();
    let config = format!("{model}/config.json");
    let path = |name: &str| dir.path().join(name);
    record(&path("r.wav"), 36_000);
    fs::hard_link(path("r.wav"), path("hard.wav")).unwrap();
    symlink("r.wav", path("soft.wav")).unwrap();
    symlink("new.wav", path("dangling.wav")).unwrap();
    fs::create_dir(path("folder")).unwrap();
    let codes = json!({ "codes": [vec![0; 16]] }).to_string();
    fs::write(path("c.wav"), codes).unwrap();
    fs::write(path("ann.voice.wav"), "not read before the names are compared").unwrap();
    let before = contents_of_files(dir.path());
    let clone = ["--ref-audio", "r.wav", "--x-vector-only"];
    let cases: [(&[&str], &[&str], [&str; 2]); 16] = [
        (&["speak", "Hi."], &["-o", "x.wav", "--codes", "./x.wav"], ["x.wav", "./x.wav"]),
        (&["speak", "Hi."], &["-o", "x.wav", "--stats", "folder/../x.wav"], ["-o", "--stats"]),
        (&["speak", "Hi."], &["--codes", "s", "--stats", "./s"], ["--codes s", "--stats ./s"]),
        (&["speak", "Hi."], &["--stats", "out.wav"], ["-o out.wav", "--stats"]),
        (&["speak", "Hi."], &["-o", "dangling.wav", "--codes", "new.wav"], ["-o", "--codes"]),
        (&["speak", "Hi."], &["-o", "-", "--codes", "-"], ["-o -", "--codes -"]),
        (&["speak", "Hi."], &["-o", "-", "--stats", "/dev/stdout"], ["-o -", "/dev/stdout"]),
        (&["speak", "Hi.", "--model", model], &["--codes", &config], ["--codes", "--model"]),
        (
            &["speak", "Hi."],
            &["--voice", "ann.voice.wav", "-o", "./ann.voice.wav"],
            ["-o", "--voice"],
        ),
        (&["speak", "Hi."], &[&clone[..], &["-o", "r.wav"]].concat(), ["-o", "--ref-audio"]),
        (&["speak", "Hi."], &[&clone[..], &["-o", "hard.wav"]].concat(), ["-o", "--ref-audio"]),
        (
            &["speak", "Hi."],
            &[&clone[..], &["--codes", "soft.wav"]].concat(),
            ["--codes", "--ref-audio"],
        ),
        (&["voice", "create"], &[&clone[..], &["-o", "./r.wav"]].concat(), ["-o", "--ref-audio"]),
        (&["codec", "encode", "r.wav"], &["-o", "soft.wav"], ["-o soft.wav", "r.wav"]),
        (&["codec", "decode", "c.wav"], &["-o", "./c.wav"], ["-o ./c.wav", "c.wav"]),
        (&["convert", model, "folder"], &[], ["folder", "exist"]),
    ];
    for (args, flags, words) in cases {
        let output = in_dir(dir.path(), &[args, flags].concat());
        eprintln!("{}", stderr(&output).trim());
        refuses(&output, &words);
        assert_eq!(contents_of_files(dir.path()), before);
    }
    // The index of a checkpoint in shards.
    let index = tiny.path().join("model.safetensors.index.json");
    let shard = "model-00001-of-00001.safetensors";
    fs::rename(tiny.path().join("model.safetensors"), tiny.path().join(shard)).unwrap();
    fs::write(&index, json!({"weight_map": {"talker.codec_head.weight": shard}}).to_string())
        .unwrap();
    let listed = fs::read(&index).unwrap();
    let args = ["speak", "Hi.", "--model", model, "--codes", index.to_str().unwrap()];
    refuses(&in_dir(dir.path(), &args), &["--codes", "--model", "index.json"]);
    assert_eq!(fs::read(&index).unwrap(), listed);
    // A redirected text.
    fs::write(path("text.wav"), "Hi.").unwrap();
    let mut piped = command(["speak", "-", "-o", "text.wav"]);
    piped.current_dir(dir.path()).stdin(fs::File::open(path("text.wav")).unwrap());
    refuses(&piped.output().unwrap(), &["-o text.wav", "the text"]);
    assert_eq!(fs::read(path("text.wav")).unwrap(), b"Hi.");
}

fn contents_of_files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let files = names(dir).into_iter().filter(|name| dir.join(name).is_file());
    files.map(|name| (name.clone(), fs::read(dir.join(name)).unwrap())).collect()
}

#[cfg(unix)]
#[test]
fn a_batch_overwrites_nothing_that_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    record(&out.join("r.wav"), 36_000);
    std::os::unix::fs::symlink("b.wav", out.join("a.wav")).unwrap();
    let good = json!({"text": "One.", "file": "x.wav", "max_frames": 2});
    for (file, lines, words) in [
        ("out/manifest.jsonl", vec![good.clone()], ["manifest.jsonl", "requests"]),
        ("out/x.wav", vec![good.clone()], ["line 1: out/x.wav", "the requests"]),
        (
            "r.jsonl",
            vec![
                json!({"text": "One.", "file": "r.wav"}),
                json!({"text": "Two.", "ref_audio": "./out/r.wav", "x_vector_only": true}),
            ],
            ["line 1: out/r.wav", "line 2: ./out/r.wav"],
        ),
        (
            "r.jsonl",
            vec![json!({"text": "One.", "file": "v.wav", "voice": "out/../out/v.wav"})],
            ["line 1: out/v.wav", "out/../out/v.wav"],
        ),
        (
            "r.jsonl",
            vec![
                json!({"text": "One.", "file": "a.wav"}),
                json!({"text": "Two.", "file": "b.wav"}),
            ],
            ["line 1: out/a.wav", "line 2: out/b.wav"],
        ),
    ] {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(dir.path().join(file), &text).unwrap();
        let before = contents_of_files(&out);
        let output = in_dir(dir.path(), &["batch", file, "-o", "out"]);
        eprintln!("{}", stderr(&output).trim());
        refuses(&output, &words);
        assert_eq!(contents_of_files(&out), before);
        fs::remove_file(dir.path().join(file)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir(path("folder")).unwrap();
    std::os::unix::fs::symlink("folder/new.wav", path("link.wav")).unwrap();
    for _ in 0..2 {
        // First dangling, then not.
        succeeds(&speak(dir.path(), &["-o", "link.wav"]));
        assert!(fs::symlink_metadata(path("link.wav")).unwrap().is_symlink());
        assert!(fs::read(path("folder/new.wav")).unwrap().starts_with(b"RIFF"));
        assert_eq!(names(&path("folder")), ["new.wav"]);
    }
    std::os::unix::fs::symlink("none/new.wav", path("nowhere.wav")).unwrap();
    std::os::unix::fs::symlink("loop.wav", path("loop.wav")).unwrap();
    for link in ["nowhere.wav", "loop.wav"] {
        refuses(&speak(dir.path(), &["-o", link]), &["cannot write", link]);
        assert!(fs::symlink_metadata(path(link)).unwrap().is_symlink());
    }
}

#[test]
fn names_may_be_as_long_as_the_system_allows() {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("{}.wav", "a".repeat(251));
    for flags in [&[][..], &["--stream"], &["--resume"]] {
        succeeds(&speak(dir.path(), &[&["-o", &long], flags].concat()));
        assert_eq!(names(dir.path()), [long.as_str()]);
    }
}

#[test]
fn a_conversion_leaves_one_folder_of_any_name() {
    let dir = tempfile::tempdir().unwrap();
    let tiny = TempCheckpoint::new("custom_voice_0b6");
    let long = "a".repeat(255);
    // As a killed run leaves it.
    fs::create_dir(dir.path().join(".qwen3-tts-0123456789.part")).unwrap();
    succeeds(&in_dir(dir.path(), &["convert", tiny.path().to_str().unwrap(), &long]));
    let left = if cfg!(unix) { 1 } else { 2 };
    assert_eq!(names(dir.path()).len(), left);
    assert!(dir.path().join(long).join("config.json").is_file());
}

#[test]
fn files_of_killed_runs_are_removed_and_block_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let text = long_text();
    let args = [&["speak", &text, "-o", "a.wav", "--stream"], &LONG[..]].concat();
    let mut killed = start(dir.path(), &args);
    let begin = Instant::now();
    // Until it has more than a header.
    let has_audio = || {
        let files = fs::read_dir(dir.path()).unwrap();
        files.flatten().any(|file| file.metadata().is_ok_and(|file| file.len() > 44))
    };
    while !has_audio() {
        assert!(begin.elapsed() < Duration::from_secs(60));
        assert!(killed.try_wait().unwrap().is_none(), "it ended before it was killed");
    }
    // The file of a run that goes on is left alone.
    succeeds(&speak(dir.path(), &["-o", "b.wav"]));
    assert_eq!(names(dir.path()).len(), 2);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(names(dir.path()).len(), 2);
    let own = dir.path().join(".a.wav.1.part");
    fs::write(&own, "of another program").unwrap();
    succeeds(&speak(dir.path(), &["-o", "b.wav"]));
    assert_eq!(names(dir.path()), [".a.wav.1.part", "b.wav"]);
}

#[cfg(unix)]
#[test]
fn streams_are_written_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    succeeds(&speak(dir.path(), &["-o", "want.wav"]));
    let want = fs::read(path("want.wav")).unwrap();
    let piped = speak(dir.path(), &["-o", "/dev/stdout"]);
    succeeds(&piped);
    assert!(piped.stdout == want);
    // Behind a redirection, what is there stays.
    fs::write(path("kept.wav"), "kept").unwrap();
    let mut appended = command(["speak", "One two.", "-o", "/dev/stdout"]);
    let file = fs::File::options().append(true).open(path("kept.wav")).unwrap();
    succeeds(&appended.args(SHORT).stdout(file).output().unwrap());
    assert!(fs::read(path("kept.wav")).unwrap() == [b"kept", &want[..]].concat());
    // By another name.
    std::os::unix::fs::symlink("/dev/stdout", path("link.wav")).unwrap();
    for name in ["link.wav", "/dev/../dev/stdout"] {
        fs::write(path("kept.wav"), "kept").unwrap();
        let mut appended = command(["speak", "One two.", "-o", name]);
        let file = fs::File::options().append(true).open(path("kept.wav")).unwrap();
        succeeds(&appended.args(SHORT).current_dir(dir.path()).stdout(file).output().unwrap());
        assert!(fs::read(path("kept.wav")).unwrap() == [b"kept", &want[..]].concat(), "{name}");
    }
    fs::remove_file(path("link.wav")).unwrap();
    // A pipe with a name.
    let made = Command::new("mkfifo").arg(path("pipe")).status().unwrap();
    assert!(made.success());
    let reader = std::thread::spawn({
        let pipe = path("pipe");
        move || fs::read(pipe).unwrap()
    });
    succeeds(&speak(dir.path(), &["-o", "pipe"]));
    assert!(reader.join().unwrap() == want);
    let codes = speak(dir.path(), &["-o", "want.wav", "--codes", "-"]);
    succeeds(&codes);
    let codes: Value = serde_json::from_slice(&codes.stdout).unwrap();
    assert_eq!(codes["codes"].as_array().unwrap().len(), 2);
    assert_eq!(names(dir.path()), ["kept.wav", "pipe", "want.wav"]);
}

#[test]
fn a_process_substitution_is_a_stream() {
    let dir = tempfile::tempdir().unwrap();
    succeeds(&speak(dir.path(), &["-o", "want.wav"]));
    let script = "\"$0\" speak 'One two.' --max-frames 2 --seed 1 -o >(cat > got.wav; echo > done)";
    let Ok(status) = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_qwen3-tts")])
        .current_dir(dir.path())
        .status()
    else {
        return;
    };
    assert!(status.success());
    wait_for(&dir.path().join("done"));
    let [got, want] = ["got.wav", "want.wav"].map(|name| fs::read(dir.path().join(name)).unwrap());
    assert!(got == want);
}

#[test]
fn a_name_says_what_the_file_holds() {
    let dir = tempfile::tempdir().unwrap();
    for (flags, words) in [
        (&["-o", "a.wma"][..], ["a.wma", ".wav"]),
        (&["-o", "a.wav.txt"], ["a.wav.txt", ".flac"]),
        (&["-o", "a.wav", "--format", "pcm"], ["a.wav", ".pcm"]),
        (&["-o", "a.flac", "--format", "opus"], ["a.flac", ".opus"]),
        (&["-o", "a.flac", "--sample-format", "f32"], ["FLAC", "s16, s24"]),
        (&["-o", "a.ogg", "--sample-rate", "44100"], ["Opus", "48000"]),
        (&["--bitrate", "64"], ["WAV", "64 kbit/s"]),
    ] {
        refuses(&speak(dir.path(), flags), &words);
    }
    fs::write(dir.path().join("c.json"), json!({ "codes": [vec![0; 16]] }).to_string()).unwrap();
    refuses(&in_dir(dir.path(), &["codec", "decode", "c.json", "-o", "a.au"]), &["a.au", ".wav"]);
    fs::write(dir.path().join("r.jsonl"), json!({"text": "A.", "file": "a.wma"}).to_string())
        .unwrap();
    let batch = in_dir(dir.path(), &["batch", "r.jsonl", "-o", "out"]);
    assert!(stderr(&batch).contains("line 1: cannot write a.wma"), "{}", stderr(&batch));
    fs::remove_dir_all(dir.path().join("out")).unwrap();
    for (flags, name, head) in [
        (&["-o", "a.WAV"][..], "a.WAV", &b"RIFF"[..]),
        (&["-o", "a"], "a", b"RIFF"),
        (&["-o", "b", "--format", "flac"], "b", b"fLaC"),
        (&["-o", "a.flac", "--format", "flac", "--sample-format", "s24"], "a.flac", b"fLaC"),
        (&["-o", "a.Ogg", "--bitrate", "24"], "a.Ogg", b"OggS"),
        (&["-o", "a.raw", "--sample-rate", "8000"], "a.raw", b""),
        (&["--format", "pcm"], "out.pcm", b""),
    ] {
        succeeds(&speak(dir.path(), flags));
        let bytes = fs::read(dir.path().join(name)).unwrap();
        assert!(bytes.len() > 500 && bytes.starts_with(head), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn inputs_have_an_end() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["codec", "decode", "/dev/zero", "-o", "a.wav"][..],
        &["batch", "/dev/zero", "-o", "out"],
        &["voice", "show", "/dev/zero"],
    ] {
        refuses(&in_dir(dir.path(), args), &["/dev/zero", "than"]);
    }
    let mut piped = command(["batch", "-", "-o", "out"]);
    piped.current_dir(dir.path()).stdin(fs::File::open("/dev/zero").unwrap());
    refuses(&piped.output().unwrap(), &["longer than"]);
    assert!(names(dir.path()).is_empty());
}

/// Returns true if the process that created the folder may write everything.
#[cfg(unix)]
fn is_superuser(dir: &Path) -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata(dir).unwrap()) == 0
}

/// Returns the command without the rights of the superuser, who may write everything.
#[cfg(unix)]
fn unprivileged(dir: &Path, args: &[&str]) -> Output {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let mut command = command(args);
    if is_superuser(dir) {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir(dir).output().unwrap()
}

#[cfg(unix)]
#[test]
fn what_cannot_be_written_is_refused_first() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let mode = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode));
    fs::create_dir_all(path("open/out")).unwrap();
    fs::create_dir(path("closed")).unwrap();
    fs::write(path("open/old.wav"), "precious").unwrap();
    fs::write(path("open/out/00001.wav"), "precious").unwrap();
    fs::write(path("r.jsonl"), json!({"text": "One.", "max_frames": 2}).to_string()).unwrap();
    for (name, bits) in [("", 0o755), ("r.jsonl", 0o644), ("open", 0o777), ("open/out", 0o777)] {
        mode(&path(name), bits).unwrap();
    }
    for (name, bits) in [("closed", 0o555), ("open/old.wav", 0o444), ("open/out/00001.wav", 0o444)]
    {
        mode(&path(name), bits).unwrap();
    }
    // The model is missing too; the error names the output only if that is checked first.
    for output in ["closed/a.wav", "open/old.wav"] {
        let args = ["speak", "One.", "--model", "/nonexistent", "-o", output];
        refuses(&unprivileged(dir.path(), &args), &["cannot write", output, "denied"]);
        let args =
            ["speak", "One.", "--model", "/nonexistent", "-o", "open/a.wav", "--codes", output];
        refuses(&unprivileged(dir.path(), &args), &["cannot write", output, "denied"]);
    }
    let args = ["batch", "r.jsonl", "-o", "closed"];
    refuses(&unprivileged(dir.path(), &args), &["closed/manifest.jsonl", "denied"]);
    let args = ["batch", "r.jsonl", "-o", "open/out"];
    let output = unprivileged(dir.path(), &args);
    assert!(stderr(&output).contains("line 1: cannot write open/out/00001.wav"));
    assert_eq!(fs::read(path("open/out/00001.wav")).unwrap(), b"precious");
    assert_eq!(fs::read(path("open/old.wav")).unwrap(), b"precious");
    assert_eq!(names(&path("open")), ["old.wav", "out"]);
    // A shared folder, where only the owner of a file may replace it.
    fs::create_dir(path("shared")).unwrap();
    fs::write(path("shared/a.wav"), "precious").unwrap();
    mode(&path("shared"), 0o1777).unwrap();
    mode(&path("shared/a.wav"), 0o666).unwrap();
    let args = ["speak", "One.", "--model", "/nonexistent", "-o", "shared/a.wav"];
    let words = if is_superuser(dir.path()) { "another user" } else { "/nonexistent" };
    refuses(&unprivileged(dir.path(), &args), &[words]);
    mode(&path("closed"), 0o755).unwrap();
}
