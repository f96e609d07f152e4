//! A service on tiny models, and a client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use qwen3_tts_pipeline::ModelFiles;
use qwen3_tts_server::{ModelSetting, Server, ServerError, Settings};
use qwen3_tts_testkit::checkpoint;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tokio::sync::oneshot;

/// A service that is running.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Settings with these tiny models on any free port.
pub fn settings(models: &[&str]) -> Settings {
    let mut settings = Settings::default();
    settings.port = 0;
    settings.load = settings.load.threads(2);
    settings.models = models.iter().map(|name| model(name)).collect();
    settings
}

/// A tiny model under its own name.
pub fn model(name: &str) -> ModelSetting {
    ModelSetting::new(name, ModelFiles::directory(checkpoint(name)))
}

/// Starts a service and waits until it is ready.
pub fn start(settings: Settings) -> Running {
    let running = start_cold(settings);
    until(|| running.get("/ready").status == 200);
    running
}

/// Starts a service.
pub fn start_cold(settings: Settings) -> Running {
    let (address, bound) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::bind(settings).await?;
            address.send(server.address()).unwrap();
            server.serve(async { drop(stopped.await) }).await
        })
    });
    let address = bound.recv().expect("the service starts");
    Running { address, stop: Some(stop), thread: Some(thread) }
}

impl Running {
    /// Tells the service to end.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits for the end of the service.
    pub fn wait(mut self) -> Result<(), ServerError> {
        self.stop();
        self.thread.take().unwrap().join().unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    /// Asks for a speech.
    pub fn speak(&self, fields: Value) -> Answer {
        self.post("/v1/audio/speech", &fields)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = [("Content-Type", "application/json")];
        self.ask("POST", path, &headers, body.to_string().as_bytes())
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.send(method, path, headers, body);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        Answer::read(&answer)
    }

    /// Sends a request and leaves its answer unread.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // Little fits in: an answer that is not read stops soon.
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&self.address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        // The service may have refused it by its head.
        let _ = stream.write_all(body);
        stream
    }

    /// Returns the value of a measurement, 0 if there is none yet.
    pub fn metric(&self, line: &str) -> f64 {
        let text = self.get("/metrics").text();
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or(0.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let mut answer =
            Self { status, headers: headers.collect(), body: bytes[end + 4..].to_vec() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunk(&answer.body).expect("a complete body");
        }
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// Returns the details of an error.
    pub fn error(&self) -> Value {
        let body = self.json();
        let names: Vec<_> = body["error"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["code", "message", "param", "type"], "{body}");
        body["error"].clone()
    }
}

/// Returns the content of a chunked body; `None` if it breaks off.
pub fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let line = bytes.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).ok()?, 16).ok()?;
        bytes = &bytes[line + 2..];
        if length == 0 {
            return Some(content);
        }
        content.extend(bytes.get(..length)?);
        bytes = bytes.get(length + 2..)?;
    }
}

/// Waits until a condition holds.
#[track_caller]
pub fn until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it never holds");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A short request with a fixed seed, and more fields.
pub fn request(more: Value) -> Value {
    let mut fields = json!({ "input": "Hello there.", "seed": 7, "max_new_tokens": 12 });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}
