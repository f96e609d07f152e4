//! Models that are named as on the hub, in a cache.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use qwen3_tts_testkit::{TempCheckpoint, checkpoint};
use support::{command, refuses, stderr, succeeds};

const MODEL: &str = "Someone/Tiny-TTS";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Puts the model into a cache, at `main` and `v1.0`, and returns its folder there.
fn fill(cache: &Path) -> PathBuf {
    let folder = cache.join("models--Someone--Tiny-TTS");
    let snapshot = folder.join("snapshots").join(COMMIT);
    fs::create_dir_all(snapshot.join("speech_tokenizer")).unwrap();
    for name in TempCheckpoint::FILES {
        fs::copy(checkpoint("custom_voice_0b6").join(name), snapshot.join(name)).unwrap();
    }
    fs::create_dir(folder.join("refs")).unwrap();
    for revision in ["main", "v1.0"] {
        fs::write(folder.join("refs").join(revision), COMMIT).unwrap();
    }
    folder
}

fn in_cache(cache: &Path, args: &[&str]) -> Command {
    let mut command = command(args);
    command.env("HF_HUB_CACHE", cache);
    command
}

/// The command printed the path of the snapshot.
fn finds(output: &Output) {
    succeeds(output);
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(printed.contains(COMMIT), "{printed}");
}

#[test]
fn a_model_is_found_by_each_of_its_names() {
    let cache = tempfile::tempdir().unwrap();
    let folder = fill(cache.path());
    let folder = folder.to_str().unwrap();
    for args in [
        &[MODEL][..],
        &["Someone/Tiny-TTS@v1.0"],
        &[MODEL, "--revision", "v1.0"],
        &[MODEL, "--revision", COMMIT],
        &["https://huggingface.co/Someone/Tiny-TTS/tree/v1.0"],
        &["https://huggingface.co/Someone/Tiny-TTS", "--revision", "main"],
        &[folder],
        &[folder, "--revision", "v1.0"],
    ] {
        let args = [&["info", "--json"], args].concat();
        finds(&in_cache(cache.path(), &args).output().unwrap());
    }
}

#[test]
fn a_revision_reaches_every_command() {
    let cache = tempfile::tempdir().unwrap();
    fill(cache.path());
    let dir = tempfile::tempdir().unwrap();
    write_recording(&dir.path().join("a.wav"));
    fs::write(dir.path().join("r.jsonl"), "{\"text\": \"Hello.\"}").unwrap();
    fs::write(dir.path().join("c.json"), "{\"codes\": []}").unwrap();
    for args in [
        &["speak", "Hello", "--model"][..],
        &["batch", "r.jsonl", "-o", "out", "--model"],
        &["voice", "create", "--ref-audio", "a.wav", "--x-vector-only", "-o", "a.voice", "--model"],
        &["codec", "decode", "c.json", "-o", "a.wav", "--model"],
        &["codec", "encode", "a.wav", "-o", "c2.json", "--model"],
        &["download"],
        &["info"],
        &["convert"],
    ] {
        let mut args = [args, &[MODEL]].concat();
        if args[0] == "convert" {
            args.push("converted");
        }
        args.extend(["--revision", "v9"]);
        let output = in_cache(cache.path(), &args).current_dir(dir.path()).output().unwrap();
        refuses(&output, &["Someone/Tiny-TTS@v9"]);
    }
}

/// Writes a second of a sawtooth.
fn write_recording(path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    (0..24_000).for_each(|i| wav.write_sample(i % 100 * 100 - 4_950).unwrap());
    wav.finalize().unwrap();
}

#[test]
fn a_revision_of_a_directory_is_refused() {
    let dir = checkpoint("custom_voice_0b6");
    let output = command(["info", dir.to_str().unwrap(), "--revision", "main"]).output().unwrap();
    refuses(&output, &["is a directory", "\"main\""]);
    refuses(&command(["speak", "Hello", "--revision", "main"]).output().unwrap(), &["--model"]);
}

#[test]
fn the_cache_of_an_env_file_is_expanded() {
    let home = tempfile::tempdir().unwrap();
    fill(&home.path().join("x/hub"));
    for value in ["~/x", "$HOME/x", "${HOME}/x"] {
        let mut command = command(["info", "--json", MODEL]);
        command.env_remove("HF_HUB_CACHE").env("HF_HOME", value).env("HOME", home.path());
        finds(&command.current_dir(home.path()).output().unwrap());
    }
}

#[test]
fn a_download_without_a_network_gives_what_is_cached() {
    let cache = tempfile::tempdir().unwrap();
    fill(cache.path());
    let offline = in_cache(cache.path(), &["download", MODEL]).output().unwrap();
    finds(&offline);
    assert_eq!(stderr(&offline), "");
    let forced = in_cache(cache.path(), &["download", "--force", MODEL]).output().unwrap();
    refuses(&forced, &["HF_HUB_OFFLINE"]);

    let mut unreachable = in_cache(cache.path(), &["download", MODEL]);
    unreachable.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", "http://127.0.0.1:9");
    let unreachable = unreachable.output().unwrap();
    finds(&unreachable);
    assert!(stderr(&unreachable).contains("using the model in the cache"));
    let mut forced = in_cache(cache.path(), &["download", "--force", MODEL]);
    forced.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", "http://127.0.0.1:9");
    refuses(&forced.output().unwrap(), &["127.0.0.1:9"]);
}
