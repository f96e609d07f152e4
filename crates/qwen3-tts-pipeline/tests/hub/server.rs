//! A stand-in for the hub on the loopback address: a server with one model, which can misbehave on
//! demand.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use qwen3_tts_pipeline::{DownloadProgress, Hub, HubError};
use qwen3_tts_testkit::{TempCheckpoint, checkpoint};
use serde_json::json;
use sha1::{Digest, Sha1};
use sha2::Sha256;

pub const MODEL: &str = "Someone/Tiny-TTS";
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// A file of the checkpoint, and another.
pub const CONFIG: &str = "config.json";
pub const WEIGHTS: &str = "model.safetensors";

#[derive(Clone, Default)]
pub struct Server {
    pub files: HashMap<String, Vec<u8>>,
    /// Number of bytes of each file after which it breaks off, once.
    pub break_off_after: Option<usize>,
    /// True if `Range` is ignored.
    pub no_ranges: bool,
    /// Token that is required.
    pub token: Option<String>,
    /// True if the size and hash of each file are listed.
    pub lists_hashes: bool,
    /// Version of the files (`ETag`).
    pub version: Option<&'static str>,
    /// Function whose answers replace those of the hub.
    pub script: Option<Script>,
}

pub type Script = Arc<dyn Fn(&Request) -> Option<Vec<u8>> + Send + Sync>;

/// A request that the server got.
#[derive(Clone, Debug)]
pub struct Request {
    /// Without the query.
    pub path: String,
    pub query: String,
    headers: Vec<(String, String)>,
    /// Number of requests for the same path before this one.
    pub earlier: usize,
}

impl Request {
    /// Returns the value of a header, whose name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| &**value)
    }

    /// Returns the first byte of the range that is asked for.
    pub fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }

    /// Returns the name of the file that is asked for.
    pub fn file(&self) -> Option<&str> {
        let folders = [format!("/{MODEL}/resolve/{COMMIT}/"), format!("/cache/{COMMIT}/")];
        folders.iter().find_map(|folder| self.path.strip_prefix(folder))
    }

    pub fn read(stream: impl Read) -> Option<Self> {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let first = lines.next()?;
        let target = first.split(' ').nth(1)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        });
        let (path, query) = (path.to_owned(), query.to_owned());
        Some(Self { path, query, headers: headers.collect(), earlier: 0 })
    }
}

pub struct Running {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Running {
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the names of the files that were asked for, in order.
    pub fn files(&self) -> Vec<String> {
        self.requests().iter().filter_map(|request| request.file().map(str::to_owned)).collect()
    }
}

impl Server {
    pub fn with_checkpoint() -> Self {
        let dir = checkpoint("custom_voice_0b6");
        let read = |name: &str| (name.to_owned(), fs::read(dir.join(name)).unwrap());
        let mut files: HashMap<_, _> =
            TempCheckpoint::FILES.iter().map(|name| read(name)).collect();
        files.insert("README.md".to_owned(), b"not needed".to_vec());
        files.insert("../../escape.json".to_owned(), b"not wanted".to_vec());
        files.insert("other/escape.json".to_owned(), b"not wanted".to_vec());
        Self { files, ..Self::default() }
    }

    pub fn script(
        mut self,
        script: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        self.script = Some(Arc::new(script));
        self
    }

    pub fn run(self) -> Running {
        let (listener, address) = listen();
        self.serve(listener, format!("http://{address}"), |stream, answer| {
            let Some(request) = Request::read(stream.try_clone().unwrap()) else { return };
            let _ = (&stream).write_all(&answer(request));
        })
    }

    /// Serves connections with `talk`, which reads a request, and writes what the function that it
    /// is given makes of it.
    pub fn serve(
        self,
        listener: TcpListener,
        address: String,
        talk: impl Fn(TcpStream, &dyn Fn(Request) -> Vec<u8>) + Send + Sync + 'static,
    ) -> Running {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, shared) = (Arc::clone(&requests), Arc::new((self, talk)));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, shared) = (Arc::clone(&seen), Arc::clone(&shared));
                std::thread::spawn(move || {
                    let (server, talk) = &*shared;
                    talk(stream.unwrap(), &|request| server.answer(request, &seen));
                });
            }
        });
        Running { address, requests }
    }

    pub fn answer(&self, mut request: Request, seen: &Mutex<Vec<Request>>) -> Vec<u8> {
        let mut seen = seen.lock().unwrap();
        request.earlier = seen.iter().filter(|before| before.path == request.path).count();
        seen.push(request.clone());
        drop(seen);
        let scripted = self.script.as_ref().and_then(|script| script(&request));
        scripted.unwrap_or_else(|| self.response(&request))
    }

    fn response(&self, request: &Request) -> Vec<u8> {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if self.token.is_some() && self.token.as_deref() != token {
            return answer("401 Unauthorized", "", b"");
        }
        let revision = request.path.strip_prefix(&format!("/api/models/{MODEL}/revision/"));
        if revision.is_some_and(|revision| ["main", "v1.0", "refs%2Fpr%2F1"].contains(&revision)) {
            return answer("200 OK", "", self.listing().as_bytes());
        }
        if revision.is_some() {
            return answer("404 Not Found", "X-Error-Code: RevisionNotFound\r\n", b"");
        }
        let Some(file) = request.file().and_then(|name| self.files.get(name)) else {
            return answer("404 Not Found", "", b"");
        };
        let from = request.from().filter(|_| !self.no_ranges);
        if from.is_some_and(|from| from >= file.len()) {
            return answer("416 Range Not Satisfiable", "", b"");
        }
        let tag = self.version.map(|version| format!("ETag: \"{version}\"\r\n"));
        let headers = tag.unwrap_or_default();
        let mut response = match from {
            Some(from) => partial(file, from, &headers),
            None => answer("200 OK", &headers, file),
        };
        if let Some(sent) = self.break_off_after.filter(|_| request.earlier == 0) {
            let body = file.len() - from.unwrap_or(0);
            response.truncate(response.len() - body + sent.min(body));
        }
        response
    }

    fn listing(&self) -> String {
        let siblings = self.files.iter().map(|(name, content)| match self.lists_hashes {
            false => json!({ "rfilename": name }),
            true if name.ends_with(".safetensors") => json!({
                "rfilename": name,
                "size": content.len(),
                "blobId": git_hash(b"the pointer"),
                "lfs": { "sha256": sha256(content), "size": content.len(), "pointerSize": 134 },
            }),
            true => json!({
                "rfilename": name, "size": content.len(), "blobId": git_hash(content)
            }),
        });
        json!({ "sha": COMMIT, "siblings": siblings.collect::<Vec<_>>() }).to_string()
    }
}

pub fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// Returns a response, with `headers` that end in a line break each.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Returns a response with the bytes of `file` from `from` on.
pub fn partial(file: &[u8], from: usize, headers: &str) -> Vec<u8> {
    let range =
        format!("Content-Range: bytes {from}-{}/{}\r\n{headers}", file.len() - 1, file.len());
    answer("206 Partial Content", &range, &file[from..])
}

pub fn redirect(status: u16, location: &str) -> Vec<u8> {
    answer(&format!("{status} Elsewhere"), &format!("Location: {location}\r\n"), b"elsewhere")
}

pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

/// Returns the hash of `content` as a Git blob.
pub fn git_hash(content: &[u8]) -> String {
    hex(&Sha1::digest([format!("blob {}\0", content.len()).as_bytes(), content].concat()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the settings of a machine with these hub variables alone.
pub fn machine(cache: &Path, endpoint: &str, variables: &[(&str, &str)]) -> Hub {
    let mut hub = Hub::from_variables(|name| {
        let variable = variables.iter().find(|(variable, _)| *variable == name);
        variable.map(|(_, value)| (*value).to_owned())
    });
    hub.cache = cache.to_owned();
    hub.endpoint = endpoint.to_owned();
    hub
}

pub fn hub(cache: &Path, endpoint: &str) -> Hub {
    machine(cache, endpoint, &[])
}

pub fn resolve(hub: &Hub) -> Result<PathBuf, HubError> {
    hub.resolve(MODEL, &mut |_| ())
}

/// Returns the error of a resolution, which is one line.
pub fn failure(hub: &Hub) -> String {
    let message = resolve(hub).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

pub fn download(hub: &Hub) -> Result<PathBuf, HubError> {
    hub.download(MODEL, &mut |_| ())
}

pub fn download_again(hub: &Hub) -> Result<PathBuf, HubError> {
    hub.download_again(MODEL, &mut |_| ())
}

/// Resolves the model, and returns the waits that were reported too.
pub fn resolve_with_waits(hub: &Hub) -> (Result<PathBuf, HubError>, Vec<String>) {
    let mut waits = Vec::new();
    let resolved = hub.resolve(MODEL, &mut |progress| {
        if let DownloadProgress::Waiting { reason, duration: Some(duration), .. } = progress {
            waits.push(format!("{reason}: {duration:?}"));
        }
    });
    (resolved, waits)
}

pub fn same_as_published(snapshot: &Path) {
    for name in TempCheckpoint::FILES {
        assert!(fs::read(snapshot.join(name)).unwrap() == published(name), "{name}");
    }
}

/// Returns the content of a file of the checkpoint.
pub fn published(name: &str) -> Vec<u8> {
    fs::read(checkpoint("custom_voice_0b6").join(name)).unwrap()
}

pub fn snapshot_in(cache: &Path) -> PathBuf {
    cache.join("models--Someone--Tiny-TTS/snapshots").join(COMMIT)
}
