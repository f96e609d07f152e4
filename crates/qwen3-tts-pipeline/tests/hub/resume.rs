//! Interrupted downloads.

use std::fs;
use std::path::{Path, PathBuf};

use qwen3_tts_pipeline::HubError;

use crate::server::{
    COMMIT, MODEL, Request, Running, Server, WEIGHTS, answer, download, download_again, hub,
    partial, published, resolve, same_as_published, snapshot_in,
};

#[test]
fn an_interrupted_download_goes_on_and_is_never_taken_for_whole() {
    for no_ranges in [false, true] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server {
            break_off_after: Some(100),
            no_ranges,
            version: Some("v1"),
            ..Server::with_checkpoint()
        };
        let server = server.run();
        let mut hub = hub(cache.path(), &server.address);
        hub.retries = 0;
        let mut attempts = 0;
        let snapshot = loop {
            attempts += 1;
            assert!(attempts < 50);
            match resolve(&hub) {
                Ok(snapshot) => break snapshot,
                Err(error) => {
                    assert!(matches!(error, HubError::Unavailable { .. }), "{error}");
                    assert!(!error.to_string().contains('\n'));
                    assert_eq!(hub.find(MODEL).unwrap(), None);
                }
            }
        };
        assert!(attempts > 5);
        same_as_published(&snapshot);
        assert!(server.requests().iter().any(|request| request.from() == Some(100)));
        let left = fs::read_dir(&snapshot).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(left.into_iter().all(|name| !name.to_str().unwrap().contains("incomplete")));
    }
}

#[test]
fn a_part_that_is_too_long_starts_over() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().run();
    let snapshot = cache.path().join("models--Someone--Tiny-TTS/snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join("config.json.incomplete"), vec![b'x'; 1 << 20]).unwrap();
    let found = resolve(&hub(cache.path(), &server.address)).unwrap();
    assert_eq!(found, snapshot);
    same_as_published(&found);
}

/// Leaves a beginning of the weights in a cache, as an interrupted download of the version `tag`
/// does.
fn leave(cache: &Path, bytes: &[u8], tag: Option<&str>) -> PathBuf {
    let part = snapshot_in(cache).join(format!("{WEIGHTS}.incomplete"));
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, bytes).unwrap();
    if let Some(tag) = tag {
        fs::write(snapshot_in(cache).join(format!("{WEIGHTS}.incomplete.etag")), tag).unwrap();
    }
    part
}

/// Returns the requests for the weights.
fn asked(server: &Running) -> Vec<Request> {
    let requests = server.requests();
    requests.into_iter().filter(|request| request.file() == Some(WEIGHTS)).collect()
}

/// Completes the snapshot, and checks that nothing else is left.
fn complete(cache: &Path, server: &Running) {
    same_as_published(&resolve(&hub(cache, &server.address)).unwrap());
    let left = fs::read_dir(snapshot_in(cache)).unwrap();
    let mut names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.all(|name| !name.contains("incomplete")));
}

#[test]
fn the_rest_is_asked_for_of_the_same_version() {
    let cache = tempfile::tempdir().unwrap();
    let weights = published(WEIGHTS);
    let server = Server::with_checkpoint().script(move |request| {
        let headers = "ETag: \"v1\"\r\n";
        (request.file() == Some(WEIGHTS)).then(|| match (request.from(), request.earlier) {
            (None, _) => {
                let mut whole = answer("200 OK", headers, &weights);
                whole.truncate(whole.len() - weights.len() + 1000);
                whole
            }
            (Some(from), _) => partial(&weights, from, headers),
        })
    });
    let server = server.run();
    complete(cache.path(), &server);
    let asked = asked(&server);
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].from(), Some(1000));
    assert_eq!(asked[1].header("if-range"), Some("\"v1\""));
}

#[test]
fn the_version_is_remembered_by_the_next_process() {
    let cache = tempfile::tempdir().unwrap();
    leave(cache.path(), &published(WEIGHTS)[..500], Some("\"v1\""));
    let server = Server { version: Some("v1"), ..Server::with_checkpoint() }.run();
    complete(cache.path(), &server);
    assert_eq!(asked(&server)[0].header("if-range"), Some("\"v1\""));
    assert_eq!(asked(&server)[0].from(), Some(500));
}

#[test]
fn a_file_that_has_changed_midway_starts_over() {
    // The server says so with the whole file, or with a part of another version.
    for is_whole in [true, false] {
        let cache = tempfile::tempdir().unwrap();
        leave(cache.path(), &[b'x'; 500], Some("\"v1\""));
        let weights = published(WEIGHTS);
        let server = Server::with_checkpoint().script(move |request| {
            let headers = "ETag: \"v2\"\r\n";
            (request.file() == Some(WEIGHTS)).then(|| match request.from() {
                Some(from) if !is_whole => partial(&weights, from, headers),
                _ => answer("200 OK", headers, &weights),
            })
        });
        let server = server.run();
        complete(cache.path(), &server);
        assert_eq!(asked(&server).len(), if is_whole { 1 } else { 2 });
    }
}

#[test]
fn a_range_that_was_not_asked_for_is_refused() {
    for range in ["bytes 0-499/{size}", "bytes 600-999/{size}", "bytes 500-999/7", "500", ""] {
        let cache = tempfile::tempdir().unwrap();
        leave(cache.path(), &published(WEIGHTS)[..500], None);
        let weights = published(WEIGHTS);
        let range = range.replace("{size}", &weights.len().to_string());
        let server = Server { lists_hashes: true, ..Server::with_checkpoint() };
        let server = server.script(move |request| {
            let header = format!("Content-Range: {range}\r\n");
            let is_rest = request.file() == Some(WEIGHTS) && request.from().is_some();
            is_rest.then(|| answer("206 Partial Content", &header, &[b'x'; 500]))
        });
        let server = server.run();
        complete(cache.path(), &server);
        assert_eq!(asked(&server).len(), 2);
        assert_eq!(asked(&server)[1].from(), None);
    }
}

#[test]
fn bytes_of_another_version_are_found_by_the_hash() {
    let cache = tempfile::tempdir().unwrap();
    leave(cache.path(), &[b'x'; 500], None);
    let server = Server { lists_hashes: true, ..Server::with_checkpoint() }.run();
    complete(cache.path(), &server);
    let froms: Vec<_> = asked(&server).iter().map(Request::from).collect();
    assert_eq!(froms, [Some(500), None]);
}

#[test]
fn bytes_of_an_unknown_version_are_fetched_again() {
    for (old, new) in [(None, None), (None, Some("v2")), (Some("\"v1\""), None)] {
        let cache = tempfile::tempdir().unwrap();
        leave(cache.path(), &[b'x'; 500], old);
        let server = Server { version: new, ..Server::with_checkpoint() }.run();
        complete(cache.path(), &server);
        assert_eq!(asked(&server).last().unwrap().from(), None);
    }
}

#[test]
fn a_complete_part_is_not_asked_for_again() {
    let cache = tempfile::tempdir().unwrap();
    leave(cache.path(), &published(WEIGHTS), None);
    let server = Server { lists_hashes: true, ..Server::with_checkpoint() }.run();
    complete(cache.path(), &server);
    assert!(asked(&server).is_empty());
}

#[test]
fn parts_of_killed_downloads_are_removed() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server { lists_hashes: true, ..Server::with_checkpoint() }.run();
    let hub = hub(cache.path(), &server.address);
    resolve(&hub).unwrap();
    // As a killed `download --force` leaves them, beside files that are complete.
    leave(cache.path(), b"half", Some("\"v1\""));
    let references = cache.path().join("models--Someone--Tiny-TTS/refs");
    fs::write(references.join(".qwen3-tts-0123456789.part"), "0123").unwrap();
    let held = fs::File::create(snapshot_in(cache.path()).join("config.json.incomplete")).unwrap();
    held.lock().unwrap();
    download(&hub).unwrap();
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>()
    };
    assert_eq!(names(&references), ["main"]);
    let left = names(&snapshot_in(cache.path()));
    let left = left.iter().filter(|name| name.contains("incomplete"));
    assert_eq!(left.collect::<Vec<_>>(), ["config.json.incomplete"], "it is in use");
}

#[test]
fn many_forced_downloads_at_once_leave_whole_files() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server { lists_hashes: true, ..Server::with_checkpoint() }.run();
    let hub = hub(cache.path(), &server.address);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    download_again(&hub).unwrap();
                }
            });
        }
    });
    complete(cache.path(), &server);
}

#[test]
fn two_downloads_of_one_model_share_the_work() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server { lists_hashes: true, ..Server::with_checkpoint() };
    let weights = published(WEIGHTS);
    let server = server.script(move |request| {
        (request.file() == Some(WEIGHTS)).then(|| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            answer("200 OK", "", &weights)
        })
    });
    let server = server.run();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| complete_snapshot(cache.path(), &server));
        }
    });
    assert_eq!(asked(&server).len(), 1);
}

fn complete_snapshot(cache: &Path, server: &Running) {
    same_as_published(&resolve(&hub(cache, &server.address)).unwrap());
}
