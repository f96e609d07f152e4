//! A client of the WebSocket protocol.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::http::StatusCode;
use tungstenite::{HandshakeError, Message, WebSocket};

use crate::support::Running;

/// A client that is connected.
pub struct Client {
    pub socket: WebSocket<TcpStream>,
}

/// The answers to a text.
#[derive(Debug, Default)]
pub struct Answers {
    /// Messages in JSON.
    pub messages: Vec<Value>,
    /// Audio of each sentence, in its messages.
    pub audio: Vec<Vec<Vec<u8>>>,
}

impl Client {
    pub fn connect(service: &Running) -> Self {
        Self::connect_with(service, &[]).expect("the service accepts").0
    }

    /// Connects with these headers. Returns the status if the service refuses.
    pub fn connect_with(
        service: &Running,
        headers: &[(&'static str, &str)],
    ) -> Result<(Self, Response), StatusCode> {
        let stream = TcpStream::connect(service.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self::connect_over(stream, service, headers)
    }

    pub fn connect_over(
        stream: TcpStream,
        service: &Running,
        headers: &[(&'static str, &str)],
    ) -> Result<(Self, Response), StatusCode> {
        let url = format!("ws://{}/v1/audio/speech/stream", service.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tungstenite::client(request, stream) {
            Ok((socket, response)) => Ok((Self { socket }, response)),
            Err(HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                Err(response.status())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Connects, and sends a configuration with these fields.
    pub fn configured(service: &Running, fields: Value) -> Self {
        let mut client = Self::connect(service);
        client.configure(fields);
        client
    }

    pub fn configure(&mut self, mut fields: Value) {
        fields["type"] = "session.config".into();
        self.send(&fields);
    }

    pub fn send(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).unwrap();
    }

    pub fn send_text(&mut self, text: &str) {
        self.send(&json!({ "type": "input.text", "text": text }));
    }

    pub fn send_done(&mut self) {
        self.send(&json!({ "type": "input.done" }));
    }

    /// Speaks a text that is sent in parts.
    pub fn speak(&mut self, parts: &[&str]) -> Answers {
        for part in parts {
            self.send_text(part);
        }
        self.send_done();
        self.answers()
    }

    /// Receives everything up to `session.done`.
    #[track_caller]
    pub fn answers(&mut self) -> Answers {
        let mut answers = Answers::default();
        loop {
            match self.socket.read().expect("the session goes on") {
                Message::Binary(bytes) => answers.audio.last_mut().unwrap().push(bytes.to_vec()),
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    let kind = message["type"].clone();
                    answers.messages.push(message);
                    match kind.as_str() {
                        Some("audio.start") => answers.audio.push(Vec::new()),
                        Some("session.done") => return answers,
                        _ => {}
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Receives the next message in JSON.
    #[track_caller]
    pub fn message(&mut self) -> Value {
        loop {
            match self.socket.read().expect("a message") {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Binary(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Receives an error, and the code with which the session is closed after it.
    #[track_caller]
    pub fn last_error(&mut self) -> (Value, u16) {
        let error = self.message();
        assert_eq!(error["type"], "error", "{error}");
        (error, self.close_code())
    }

    /// Receives the code with which the session is closed.
    #[track_caller]
    pub fn close_code(&mut self) -> u16 {
        loop {
            match self.socket.read().expect("the session is closed") {
                Message::Close(frame) => return frame.expect("a code").code.into(),
                Message::Binary(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Answers {
    /// Returns the messages of a type.
    pub fn of_type(&self, kind: &str) -> Vec<&Value> {
        self.messages.iter().filter(|message| message["type"] == kind).collect()
    }

    /// Returns the texts of the sentences.
    pub fn sentences(&self) -> Vec<&str> {
        let starts = self.of_type("audio.start");
        starts.iter().map(|start| start["sentence_text"].as_str().unwrap()).collect()
    }

    /// Returns all audio.
    pub fn bytes(&self) -> Vec<u8> {
        self.audio.concat().concat()
    }
}
