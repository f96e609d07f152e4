//! A client of the Wyoming protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use qwen3_tts_server::Settings;
use serde_json::{Value, json};

use crate::support::{Running, settings, start};

/// A client that is connected.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

/// An event of the service.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub kind: String,
    pub data: Value,
    pub payload: Vec<u8>,
}

/// Starts a service with the protocol, after a change of its settings.
pub fn start_with(model: &str, change: impl FnOnce(&mut Settings)) -> (Running, SocketAddr) {
    // A port that is free now.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = settings(&[model]);
    settings.wyoming = Some(address.to_string());
    change(&mut settings);
    (start(settings), address)
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Sends an event as the Python package does: its data after the line.
    pub fn send(&mut self, kind: &str, data: Value) {
        let data = if data == json!({}) { String::new() } else { data.to_string() };
        let mut header = json!({ "type": kind, "version": "1.10.2" });
        if !data.is_empty() {
            header["data_length"] = data.len().into();
        }
        self.send_bytes(format!("{header}\n{data}").as_bytes());
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// Receives an event; `None` at the end of the connection.
    pub fn event(&mut self) -> Option<Event> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let header: Value = serde_json::from_str(&line).unwrap();
        let length = |name: &str| header[name].as_u64().unwrap_or(0) as usize;
        let (mut data, mut payload) =
            (vec![0; length("data_length")], vec![0; length("payload_length")]);
        self.stream.read_exact(&mut data).unwrap();
        self.stream.read_exact(&mut payload).unwrap();
        let data = if data.is_empty() { json!({}) } else { serde_json::from_slice(&data).unwrap() };
        Some(Event { kind: header["type"].as_str().unwrap().to_owned(), data, payload })
    }

    /// Receives the events up to one of this kind.
    #[track_caller]
    pub fn events_to(&mut self, kind: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            events.push(self.event().unwrap_or_else(|| panic!("no {kind} after {events:?}")));
            if events.last().unwrap().kind == kind {
                return events;
            }
        }
    }

    /// Receives an error, after which the connection ends.
    #[track_caller]
    pub fn last_error(&mut self) -> String {
        let error = self.events_to("error").pop().unwrap();
        assert_eq!(self.event(), None);
        error.data["text"].as_str().unwrap().to_owned()
    }
}

/// Returns the kinds of events, without those of audio after the first.
pub fn kinds(events: &[Event]) -> Vec<&str> {
    let mut kinds: Vec<&str> = events.iter().map(|event| &*event.kind).collect();
    kinds.dedup_by(|next, last| *next == "audio-chunk" && *last == "audio-chunk");
    kinds
}

/// Returns the audio in events.
pub fn audio(events: &[Event]) -> Vec<u8> {
    let chunks = events.iter().filter(|event| event.kind == "audio-chunk");
    chunks.flat_map(|chunk| chunk.payload.clone()).collect()
}
