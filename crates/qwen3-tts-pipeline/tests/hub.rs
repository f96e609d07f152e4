//! Models by name: directories, the cache, and downloads from a local server.

#![cfg(feature = "hub")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use qwen3_tts_pipeline::{Hub, HubError, LoadOptions, Synthesizer};
use qwen3_tts_testkit::{TempCheckpoint, checkpoint};

const MODEL: &str = "Someone/Tiny-TTS";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A server with one model, which can misbehave on demand.
#[derive(Clone, Default)]
struct Server {
    files: HashMap<String, Vec<u8>>,
    /// Number of bytes of each file after which it breaks off, once.
    break_off_after: Option<usize>,
    /// True if `Range` is ignored.
    no_ranges: bool,
    /// Token that is required.
    token: Option<String>,
}

struct Running {
    address: String,
    requests: Arc<Requests>,
}

/// Path and range of every request.
type Requests = Mutex<Vec<(String, Option<usize>)>>;

impl Server {
    fn with_checkpoint() -> Self {
        let dir = checkpoint("custom_voice_0b6");
        let read = |name: &str| (name.to_owned(), fs::read(dir.join(name)).unwrap());
        let mut files: HashMap<_, _> =
            TempCheckpoint::FILES.iter().map(|name| read(name)).collect();
        files.insert("README.md".to_owned(), b"not needed".to_vec());
        files.insert("../../escape.json".to_owned(), b"not wanted".to_vec());
        files.insert("other/escape.json".to_owned(), b"not wanted".to_vec());
        Self { files, ..Self::default() }
    }

    fn run(self) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, seen) = (self.clone(), Arc::clone(&seen));
                std::thread::spawn(move || server.answer(stream.unwrap(), &seen));
            }
        });
        Running { address, requests }
    }

    /// One request a connection.
    fn answer(&self, mut stream: TcpStream, seen: &Requests) {
        let mut path = String::new();
        let (mut from, mut token) = (None, None);
        for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
            let lower = line.to_lowercase();
            if let Some(rest) = line.strip_prefix("GET ") {
                path = rest.split(' ').next().unwrap().to_owned();
            } else if let Some(range) = lower.strip_prefix("range: bytes=") {
                from = range.trim_end_matches('-').parse::<usize>().ok();
            } else if lower.starts_with("authorization: bearer ") {
                token = line.split(' ').nth(2).map(str::to_owned);
            } else if line.is_empty() {
                break;
            }
        }
        let first = !seen.lock().unwrap().iter().any(|(before, _)| *before == path);
        seen.lock().unwrap().push((path.clone(), from));
        let _ = stream.write_all(&self.response(&path, from, token, first));
    }

    fn response(
        &self,
        path: &str,
        from: Option<usize>,
        token: Option<String>,
        first: bool,
    ) -> Vec<u8> {
        if self.token.is_some() && self.token != token {
            return head("401 Unauthorized", 0, "");
        }
        if path == format!("/api/models/{MODEL}/revision/main") {
            let names: Vec<_> =
                self.files.keys().map(|name| serde_json::json!({ "rfilename": name })).collect();
            let body = serde_json::json!({ "sha": COMMIT, "siblings": names }).to_string();
            return [head("200 OK", body.len(), ""), body.into_bytes()].concat();
        }
        let name = path.strip_prefix(&format!("/{MODEL}/resolve/{COMMIT}/"));
        let Some(file) = name.and_then(|name| self.files.get(name)) else {
            return head("404 Not Found", 0, "");
        };
        let from = from.filter(|_| !self.no_ranges);
        if from.is_some_and(|from| from >= file.len()) {
            return head("416 Range Not Satisfiable", 0, "");
        }
        let body = &file[from.unwrap_or(0)..];
        let range = format!(
            "Content-Range: bytes {}-{}/{}\r\n",
            file.len() - body.len(),
            file.len() - 1,
            file.len()
        );
        let head = match from {
            Some(_) => head("206 Partial Content", body.len(), &range),
            None => head("200 OK", body.len(), ""),
        };
        let sent = self.break_off_after.filter(|_| first).unwrap_or(body.len()).min(body.len());
        [head, body[..sent].to_vec()].concat()
    }
}

fn head(status: &str, length: usize, more: &str) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n");
    head.into_bytes()
}

fn hub(cache: &Path, endpoint: &str) -> Hub {
    let mut hub = Hub::from_env();
    hub.cache = cache.to_owned();
    hub.endpoint = endpoint.to_owned();
    hub.token = None;
    hub.offline = false;
    hub
}

fn resolve(hub: &Hub) -> Result<PathBuf, HubError> {
    hub.resolve(MODEL, &mut |_| ())
}

fn same_as_published(snapshot: &Path) {
    for name in TempCheckpoint::FILES {
        let published = fs::read(checkpoint("custom_voice_0b6").join(name)).unwrap();
        assert!(fs::read(snapshot.join(name)).unwrap() == published, "{name}");
    }
}

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
        assert!(progress.done <= progress.total);
        done.insert(progress.file.to_owned(), (progress.done, progress.total));
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

    let before = server.requests.lock().unwrap().len();
    assert_eq!(resolve(&hub).unwrap(), snapshot);
    assert_eq!(hub.find(MODEL).unwrap(), Some(snapshot.clone()));
    let mut offline = hub.clone();
    offline.offline = true;
    assert_eq!(resolve(&offline).unwrap(), snapshot);
    assert_eq!(server.requests.lock().unwrap().len(), before);
}

#[test]
fn an_interrupted_download_goes_on_and_is_never_taken_for_whole() {
    for no_ranges in [false, true] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server { break_off_after: Some(100), no_ranges, ..Server::with_checkpoint() };
        let server = server.run();
        let hub = hub(cache.path(), &server.address);
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
        let requests = server.requests.lock().unwrap();
        assert!(requests.iter().any(|(_, from)| *from == Some(100)));
        drop(requests);
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
    let requests = server.requests.lock().unwrap();
    assert!(!requests.iter().any(|(path, _)| path.ends_with(&format!("{COMMIT}/config.json"))));
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
    let how = format!("huggingface-cli download {MODEL}");
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
