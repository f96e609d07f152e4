//! Models by name: directories, the cache, and downloads from a local server.

#![cfg(feature = "hub")]

mod content;
mod names;
mod proxies;
mod redirects;
mod resume;
mod retries;
mod server;
mod tls;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use qwen3_tts_pipeline::DownloadProgress;
use qwen3_tts_pipeline::{LoadOptions, Synthesizer};
use qwen3_tts_testkit::{TempCheckpoint, checkpoint};
use server::{COMMIT, MODEL, Server, hub, resolve, same_as_published};

#[test]
fn a_directory_is_itself() {
    let dir = checkpoint("custom_voice_0b6");
    let hub = hub(Path::new("/nonexistent"), "http://127.0.0.1:9");
    let found = hub.resolve(dir.to_str().unwrap(), &mut |_| ()).unwrap();
    assert_eq!(found, dir);
}

#[test]
fn a_download_is_complete_and_happens_once() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().run();
    let hub = hub(cache.path(), &server.address);
    assert_eq!(hub.find(MODEL).unwrap(), None);

    let mut done = HashMap::new();
    let snapshot = hub.resolve(MODEL, &mut |progress| {
        let DownloadProgress::File { name, done: bytes, total, .. } = progress else {
            panic!("{progress:?}");
        };
        let total = total.unwrap();
        assert!(*bytes <= total);
        done.insert(name.clone(), (*bytes, total));
    });
    let snapshot = snapshot.unwrap();
    same_as_published(&snapshot);
    assert!(snapshot.ends_with(format!("models--Someone--Tiny-TTS/snapshots/{COMMIT}")));
    assert_eq!(done.len(), TempCheckpoint::FILES.len());
    assert!(done.values().all(|(done, total)| done == total));
    assert!(!snapshot.join("README.md").exists());
    assert!(!cache.path().join("escape.json").exists());
    assert!(!snapshot.join("other").exists());
    Synthesizer::load(&snapshot, &LoadOptions::default()).unwrap();

    let before = server.requests().len();
    assert_eq!(resolve(&hub).unwrap(), snapshot);
    assert_eq!(hub.find(MODEL).unwrap(), Some(snapshot.clone()));
    let mut offline = hub.clone();
    offline.offline = true;
    assert_eq!(resolve(&offline).unwrap(), snapshot);
    assert_eq!(server.requests().len(), before);
}

#[test]
fn an_incomplete_snapshot_of_another_library_is_completed() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("models--Someone--Tiny-TTS");
    let snapshot = folder.join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(folder.join("refs")).unwrap();
    fs::write(folder.join("refs/main"), COMMIT).unwrap();
    fs::copy(checkpoint("custom_voice_0b6").join("config.json"), snapshot.join("config.json"))
        .unwrap();
    let server = Server::with_checkpoint().run();
    let found = resolve(&hub(cache.path(), &server.address)).unwrap();
    assert_eq!(found, snapshot);
    same_as_published(&found);
    assert!(!server.files().contains(&"config.json".to_owned()));
}

#[test]
fn a_token_is_sent() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server { token: Some("secret".to_owned()), ..Server::with_checkpoint() }.run();
    let without = hub(cache.path(), &server.address);
    let error = resolve(&without).unwrap_err().to_string();
    assert!(error.contains("HF_TOKEN"), "{error}");
    let mut with = without.clone();
    with.token = Some("secret".to_owned());
    same_as_published(&resolve(&with).unwrap());
}

#[test]
fn what_is_not_there_is_explained() {
    let cache = tempfile::tempdir().unwrap();
    let explain = |model: &str, endpoint: &str, offline: bool| {
        let mut hub = hub(cache.path(), endpoint);
        hub.offline = offline;
        let error = hub.resolve(model, &mut |_| ()).unwrap_err();
        let message = error.to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    };
    let server = Server::with_checkpoint().run();
    let how = format!("hf download {MODEL}");
    assert!(explain(MODEL, "http://127.0.0.1:9", false).contains(&how));
    assert!(explain(MODEL, &server.address, true).contains("HF_HUB_OFFLINE"));
    let other = explain("Someone/Else", &server.address, false);
    assert!(other.contains("no such model"), "{other}");
    for name in ["no-owner", "a/b/c", "../x", "a/..", "/a/b", "a/", ".", "a b/c", ""] {
        let message = match hub(cache.path(), "").resolve(name, &mut |_| ()) {
            Ok(path) => {
                assert_eq!(name, ".", "{path:?}");
                continue;
            }
            Err(error) => error.to_string(),
        };
        assert!(message.contains("no directory"), "{name}: {message}");
    }
}

#[test]
fn a_model_of_another_kind_is_refused() {
    let cache = tempfile::tempdir().unwrap();
    let files = HashMap::from([("config.json".to_owned(), b"{}".to_vec())]);
    let server = Server { files, ..Server::default() }.run();
    let error = resolve(&hub(cache.path(), &server.address)).unwrap_err().to_string();
    assert!(error.contains("lacks") && error.contains("model.safetensors"), "{error}");
}
