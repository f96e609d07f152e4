//! The commands of `docs/recipes/` run as they are written there, with the demo voice.

#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use qwen3_tts_testkit::fixtures_dir;

/// Programs that the recipes use and a test machine may lack: a player, which would also need a sound
/// card, and jq.
const STAND_INS: [(&str, &str); 2] =
    [("aplay", "#!/bin/sh\ncat >/dev/null\n"), ("jq", "#!/bin/sh\necho '{\"file\": \"text\"}'\n")];

/// Files that the recipes say to have.
fn prepare(dir: &Path) {
    fs::create_dir(dir.join("chapters")).unwrap();
    for (name, text) in [("01.txt", "It was a dark night.\n\nThe wind rose."), ("02.txt", "Day.")] {
        fs::write(dir.join("chapters").join(name), text).unwrap();
    }
    fs::copy(fixtures_dir().join("goldens/demo_voice/arlo-0.flac"), dir.join("me.wav")).unwrap();
    fs::create_dir(dir.join("bin")).unwrap();
    let has_jq = Command::new("jq").arg("--version").output().is_ok();
    for (name, script) in STAND_INS.into_iter().filter(|(name, _)| *name != "jq" || !has_jq) {
        let path = dir.join("bin").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_qwen3-tts"), dir.join("bin/qwen3-tts")).unwrap();
}

/// Returns the blocks of shell commands of a document.
fn commands(document: &str) -> Vec<&str> {
    let blocks = document.split("```sh\n").skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap()).collect()
}

/// Runs the commands of a recipe, and returns the names of the files that it leaves.
fn run(recipe: &str) -> Vec<PathBuf> {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let path = fixtures_dir().join("../docs/recipes").join(recipe);
    let document = fs::read_to_string(path).unwrap();
    let blocks = commands(&document);
    assert!(!blocks.is_empty(), "{recipe} has no commands");
    for block in blocks {
        let path = format!("{}/bin:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-euc", block]).current_dir(dir.path()).env("PATH", path);
        shell.env("HF_HUB_OFFLINE", "1").stdin(Stdio::null());
        let output = shell.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{recipe}: {block}\n{message}");
    }
    let mut files = Vec::new();
    list(dir.path(), Path::new(""), &mut files);
    files
}

fn list(dir: &Path, under: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = under.join(entry.file_name());
        match entry.path().is_dir() {
            true => list(&entry.path(), &name, files),
            false => files.push(name),
        }
    }
}

#[track_caller]
fn leaves(recipe: &str, expected: &[&str]) {
    let files = run(recipe);
    for file in expected {
        assert!(files.contains(&PathBuf::from(file)), "{recipe} leaves no {file}: {files:?}");
    }
}

#[test]
fn the_recipe_of_an_audiobook_runs() {
    leaves("audiobook.md", &["audio/01.opus", "audio/02.opus", "scene.flac"]);
}

#[test]
fn the_recipe_of_voice_notes_runs() {
    leaves("voice-notes.md", &["late.opus", "me.voice"]);
}

#[test]
fn the_recipe_of_a_dataset_runs() {
    leaves("dataset.md", &["dataset/off-mina.flac", "shared/manifest.jsonl", "on-mina.json"]);
}

#[test]
fn the_recipe_of_live_speech_runs() {
    leaves("live.md", &["talk.vtt", "talk.opus"]);
}

#[test]
fn every_recipe_has_a_test_and_a_link() {
    let docs = fixtures_dir().join("../docs");
    let models = fs::read_to_string(docs.join("models.md")).unwrap();
    let tests = include_str!("recipes.rs");
    for entry in fs::read_dir(docs.join("recipes")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        assert!(tests.contains(&format!("leaves(\"{name}\"")), "{name} has no test");
        assert!(models.contains(&format!("(recipes/{name})")), "{name} has no link");
    }
}
