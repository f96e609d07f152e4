//! How a model can be named.

use std::fs;
use std::path::Path;

use qwen3_tts_pipeline::{DownloadProgress, Hub, HubError, LoadOptions, Synthesizer};

use crate::server::{
    COMMIT, MODEL, Server, answer, download, download_again, hub, machine, resolve,
    same_as_published, snapshot_in,
};

fn message(model: &str, hub: &Hub) -> String {
    hub.resolve(model, &mut |_| ()).unwrap_err().to_string()
}

#[test]
fn a_revision_is_downloaded_and_found_again() {
    let server = Server::with_checkpoint().run();
    for (name, reference) in [
        (format!("{MODEL}@v1.0"), Some("v1.0")),
        (format!("{MODEL}@refs/pr/1"), Some("refs/pr/1")),
        (format!("{}/{MODEL}/tree/v1.0", server.address), Some("v1.0")),
        (format!("https://huggingface.co/{MODEL}/tree/refs%2Fpr%2F1"), Some("refs/pr/1")),
        (format!("https://huggingface.co/{MODEL}"), Some("main")),
        (format!("hf://{MODEL}"), Some("main")),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let mut hub = hub(cache.path(), &server.address);
        let snapshot = hub.resolve(&name, &mut |_| ()).unwrap();
        same_as_published(&snapshot);
        let refs = cache.path().join("models--Someone--Tiny-TTS/refs");
        if let Some(reference) = reference {
            assert_eq!(fs::read_to_string(refs.join(reference)).unwrap(), COMMIT, "{name}");
        }
        hub.offline = true;
        assert_eq!(hub.resolve(&name, &mut |_| ()).unwrap(), snapshot);
        let by_commit = hub.resolve(&format!("{MODEL}@{COMMIT}"), &mut |_| ());
        assert_eq!(by_commit.unwrap(), snapshot);
        if reference != Some("main") {
            let message = message(MODEL, &hub);
            assert!(message.contains("HF_HUB_OFFLINE"), "{message}");
        }
        let absent = message(&format!("{MODEL}@v2"), &hub);
        assert!(absent.contains(&format!("hf download {MODEL} --revision v2")), "{absent}");
    }
}

#[test]
fn a_revision_that_the_hub_has_not_is_named() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().run();
    let message = message(&format!("{MODEL}@v9"), &hub(cache.path(), &server.address));
    assert!(message.contains("no revision \"v9\"") && message.contains(MODEL), "{message}");
}

#[test]
fn a_folder_of_a_cache_is_its_snapshot() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().run();
    let hub = hub(cache.path(), &server.address);
    let snapshot = resolve(&hub).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut offline = machine(elsewhere.path(), "http://127.0.0.1:9", &[]);
    offline.offline = true;
    let folder = cache.path().join("models--Someone--Tiny-TTS");
    let folder = folder.to_str().unwrap();
    for name in
        [folder, &format!("{folder}/"), &format!("{folder}@main"), &format!("{folder}@{COMMIT}")]
    {
        assert_eq!(offline.find(name).unwrap(), Some(snapshot.clone()), "{name}");
    }
    fs::remove_file(snapshot.join("config.json")).unwrap();
    let message = message(folder, &offline);
    assert!(message.contains(MODEL) && message.contains("HF_HUB_OFFLINE"), "{message}");
    // With a network it is completed where it lies.
    let online = machine(elsewhere.path(), &server.address, &[]);
    assert_eq!(online.resolve(folder, &mut |_| ()).unwrap(), snapshot);
    same_as_published(&snapshot);
}

#[test]
fn a_directory_has_no_revisions() {
    let dir = qwen3_tts_testkit::checkpoint("custom_voice_0b6");
    let hub = hub(Path::new("/nonexistent"), "http://127.0.0.1:9");
    let message = message(&format!("{}@main", dir.display()), &hub);
    assert!(message.contains("is a directory") && message.contains("\"main\""), "{message}");
}

#[test]
fn the_codecs_own_repository_is_complete_without_a_talker() {
    let cache = tempfile::tempdir().unwrap();
    let whole = Server::with_checkpoint();
    let files = whole.files.iter().filter_map(|(name, content)| {
        Some((name.strip_prefix("speech_tokenizer/")?.to_owned(), content.clone()))
    });
    let server = Server { files: files.collect(), lists_hashes: true, ..Server::default() }.run();
    let hub = hub(cache.path(), &server.address);
    let snapshot = resolve(&hub).unwrap();
    assert_eq!(hub.find(MODEL).unwrap(), Some(snapshot.clone()));
    let options = LoadOptions::default().without_talker();
    Synthesizer::load(&snapshot, &options).unwrap();
}

#[test]
fn a_misspelt_name_gets_the_nearest() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().run();
    let hub = hub(cache.path(), &server.address);
    resolve(&hub).unwrap();
    for (name, nearest) in [
        ("Tiny-TTS", MODEL),
        ("Qwen3-TTS-12Hz-1.7B-Base", "Qwen/Qwen3-TTS-12Hz-1.7B-Base"),
        ("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoce", "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"),
    ] {
        let message = message(name, &hub);
        assert!(message.contains(&format!("did you mean {nearest}?")), "{message}");
    }
}

#[test]
fn refusals_say_what_to_do() {
    for (code, words) in [
        ("GatedRepo", &["terms", "/Someone/Tiny-TTS", "HF_TOKEN"][..]),
        ("RepoNotFound", &["no such model", "HF_TOKEN"]),
        ("", &["no permission", "HF_TOKEN"]),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::with_checkpoint().script(move |_| {
            Some(answer("401 Unauthorized", &format!("X-Error-Code: {code}\r\n"), b""))
        });
        let server = server.run();
        let message = message(MODEL, &hub(cache.path(), &server.address));
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
}

#[test]
fn a_server_that_is_no_url_is_refused() {
    let cache = tempfile::tempdir().unwrap();
    for endpoint in ["huggingface.co", "ftp://huggingface.co", "https://", ""] {
        let message = message(MODEL, &hub(cache.path(), endpoint));
        assert!(message.contains("HF_ENDPOINT") && message.contains(endpoint), "{message}");
    }
}

#[test]
fn a_mirror_in_a_folder_of_a_server_works() {
    let cache = tempfile::tempdir().unwrap();
    let behind = Server::with_checkpoint().run();
    let address = behind.address.clone();
    let mirror = Server::default().script(move |request| {
        let path = request.path.strip_prefix("/api/huggingface")?;
        Some(crate::server::redirect(307, &format!("{address}{path}?{}", request.query)))
    });
    let mirror = mirror.run();
    let endpoint = format!("{}/api/huggingface", mirror.address);
    same_as_published(&resolve(&hub(cache.path(), &endpoint)).unwrap());
}

#[test]
fn a_newer_version_is_fetched_by_a_download_only() {
    let cache = tempfile::tempdir().unwrap();
    let old = "89abcdef".repeat(5);
    let folder = cache.path().join("models--Someone--Tiny-TTS");
    fs::create_dir_all(folder.join("refs")).unwrap();
    fs::write(folder.join("refs/main"), &old).unwrap();
    let server = Server::with_checkpoint().run();
    let hub = hub(cache.path(), &server.address);
    // The older snapshot is that of the tag, moved.
    let snapshot = hub.resolve(&format!("{MODEL}@v1.0"), &mut |_| ()).unwrap();
    let older = folder.join("snapshots").join(&old);
    fs::rename(&snapshot, &older).unwrap();
    assert_eq!(resolve(&hub).unwrap(), older);
    assert_eq!(download(&hub).unwrap(), snapshot_in(cache.path()));
    assert_eq!(resolve(&hub).unwrap(), snapshot);
}

#[test]
fn without_the_hub_a_download_gives_what_is_cached() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().run();
    let snapshot = resolve(&hub(cache.path(), &server.address)).unwrap();
    let mut away = hub(cache.path(), "http://127.0.0.1:9");
    let mut reasons = Vec::new();
    let found = away.download(MODEL, &mut |progress| {
        let DownloadProgress::UsingCache { reason, .. } = progress else { panic!("{progress:?}") };
        reasons.push(reason.clone());
    });
    assert_eq!(found.unwrap(), snapshot);
    assert!(reasons.len() == 1 && reasons[0].contains("127.0.0.1:9"), "{reasons:?}");
    let error = download_again(&away).unwrap_err();
    assert!(matches!(error, HubError::Unavailable { .. }), "{error}");
    away.offline = true;
    assert_eq!(download(&away).unwrap(), snapshot);
    let error = download_again(&away).unwrap_err().to_string();
    assert!(error.contains("HF_HUB_OFFLINE"), "{error}");
}
