//! A session of the WebSocket protocol.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio::time::{sleep_until, timeout};

use super::audio::SentenceAudio;
use super::config::{DEFAULT_FORMAT, SessionConfig};
use super::message::{ClientMessage, MAX_TEXT_BYTES};
use super::open::OpenSession;
use super::outbox::{Gone, Outbox};
use super::speaker::{Speaker, Step};
use crate::access::Caller;
use crate::error::{ApiError, ApiResult};
use crate::service::Service;
use crate::speech::Prepared;

/// Time in which the first configuration has to come.
const FIRST_CONFIG: Duration = Duration::from_secs(10);

/// Time in which a client has to answer the end of a session.
const GOODBYE: Duration = Duration::from_secs(2);

/// Maximum number of messages that come before the text before them is spoken.
const MAX_EARLY_MESSAGES: usize = 1024;

/// A session: texts of one client, spoken one after the other.
pub struct Session {
    service: Arc<Service>,
    caller: Caller,
    outbox: Outbox<Message>,
    /// The end from which the connection takes messages, until it begins.
    messages: Option<tokio::sync::mpsc::Receiver<Message>>,
    manner: Option<Manner>,
    /// The text that is being written or spoken.
    speaker: Option<Speaker>,
    /// Audio of the sentence that is heard.
    audio: Option<SentenceAudio>,
    /// Messages after a complete text that is still being spoken.
    early: VecDeque<ClientMessage>,
    n_early_bytes: usize,
    /// Number of texts that were spoken.
    n_texts: usize,
    /// Time of the last message or step.
    active_at: Instant,
}

/// Manner of speaking all texts until the next configuration.
struct Manner {
    config: SessionConfig,
    prepared: Arc<Prepared>,
}

/// The end of a session.
enum Ending {
    /// The client is gone.
    Gone,
    /// The session is closed with this code, after an error that is not reported yet.
    Closed(u16, Option<ApiError>),
}

impl From<Gone> for Ending {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl Session {
    /// Begins a session of a caller.
    pub fn new(service: Arc<Service>, caller: Caller) -> Self {
        let (outbox, messages) = Outbox::new();
        Self {
            service,
            caller,
            outbox,
            messages: Some(messages),
            manner: None,
            speaker: None,
            audio: None,
            early: VecDeque::new(),
            n_early_bytes: 0,
            n_texts: 0,
            active_at: Instant::now(),
        }
    }

    /// Runs the session to its end.
    pub async fn run(mut self, socket: WebSocket) {
        let begin = Instant::now();
        let service = Arc::clone(&self.service);
        let _open = OpenSession::new(Arc::clone(&service));
        let (mut sink, mut messages) = socket.split();
        let mut outgoing = self.messages.take().expect("a session runs once");
        let slow_readers = service.metrics.slow_readers.clone();
        let writer = tokio::spawn(async move {
            while let Some(message) = outgoing.recv().await {
                if let Err(error) = sink.send(message).await {
                    slow_readers.increment(u64::from(is_timeout(&error)));
                    return;
                }
            }
        });
        let ending = self.converse(&mut messages).await;
        // Cancels what is being spoken.
        self.speaker = None;
        let n_texts = self.n_texts;
        if let Ending::Closed(code, error) = ending {
            self.close(code, error).await;
        }
        // The rest of the closing handshake.
        let answer = async { while let Some(Ok(_)) = messages.next().await {} };
        let _ = timeout(GOODBYE, answer).await;
        writer.abort();
        let seconds = begin.elapsed().as_secs_f64();
        tracing::info!(texts = n_texts, seconds, "session ended");
    }

    async fn converse(&mut self, messages: &mut SplitStream<WebSocket>) -> Ending {
        let service = Arc::clone(&self.service);
        loop {
            let (is_busy, is_open) = (self.is_busy(), self.is_open());
            let deadline = self.deadline();
            let is_writable = self.outbox.is_empty();
            let ended = tokio::select! {
                biased;
                handed = self.outbox.hand_over() => handed.map_err(Ending::from),
                message = messages.next() => self.receive(message).await,
                step = next_step(&mut self.speaker), if is_writable => self.take(step).await,
                () = service.draining.cancelled(), if !is_open => {
                    let error = ApiError::unavailable("the service is being stopped", 5);
                    Err(Ending::Closed(close_code::AWAY, Some(error)))
                }
                () = sleep_until(deadline.into()), if !is_busy => Err(self.idle()),
            };
            if let Err(ending) = ended {
                return ending;
            }
        }
    }

    /// Returns true if there is something to speak.
    fn is_busy(&self) -> bool {
        self.speaker.as_ref().is_some_and(Speaker::is_busy)
    }

    /// Returns true from the first word of a text until it is spoken.
    fn is_open(&self) -> bool {
        let is_open = |speaker: &Speaker| speaker.has_text() || speaker.is_finished();
        self.speaker.as_ref().is_some_and(is_open)
    }

    fn deadline(&self) -> Instant {
        let limit = self.service.settings.limits.idle_session;
        self.active_at + if self.manner.is_some() { limit } else { limit.min(FIRST_CONFIG) }
    }

    fn idle(&self) -> Ending {
        let missing = if self.manner.is_some() { "message" } else { "session.config" };
        let message = format!("no {missing} came in time");
        let error = ApiError::invalid(message).code("idle_timeout");
        Ending::Closed(close_code::POLICY, Some(error))
    }

    async fn receive(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), Ending> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Binary(_))) => {
                let error = ApiError::invalid("a binary message: send JSON as text");
                let error = error.code("invalid_message");
                return Err(Ending::Closed(close_code::UNSUPPORTED, Some(error)));
            }
            Some(Ok(Message::Close(_))) | None => return Err(Ending::Gone),
            Some(Err(error)) => return Err(broken(&error)),
        };
        self.active_at = Instant::now();
        let message = match ClientMessage::parse(&text) {
            Ok(message) => message,
            Err(error) => return self.blame(error, close_code::PROTOCOL),
        };
        if !self.speaker.as_ref().is_some_and(Speaker::is_finished) {
            return self.handle(message).await;
        }
        self.n_early_bytes += text.len();
        self.early.push_back(message);
        let most = self.service.settings.limits.max_text_chars.max(MAX_TEXT_BYTES);
        if self.early.len() > MAX_EARLY_MESSAGES || self.n_early_bytes > most {
            let message = "too much text came before the text before it was spoken";
            let error = ApiError::busy(message, 1);
            return Err(Ending::Closed(close_code::POLICY, Some(error)));
        }
        Ok(())
    }

    /// Answers a wrong message. Before the first configuration it ends the session.
    fn blame(&mut self, error: ApiError, code: u16) -> Result<(), Ending> {
        if self.manner.is_none() || self.outbox.is_full() {
            return Err(Ending::Closed(code, Some(error)));
        }
        self.outbox.push(error_message(&error));
        Ok(())
    }

    async fn handle(&mut self, message: ClientMessage) -> Result<(), Ending> {
        if let ClientMessage::Config(object) = message {
            return self.configure(object).await;
        }
        if message == ClientMessage::Close {
            return Err(Ending::Closed(close_code::NORMAL, None));
        }
        let Some(speaker) = self.speaker() else {
            let error = ApiError::invalid("the first message has to be session.config");
            return self.blame(error.code("invalid_message"), close_code::PROTOCOL);
        };
        let done = match message {
            ClientMessage::Text(text) => speaker.push(&text).await,
            _ => speaker.finish(),
        };
        done.map_err(|error| Ending::Closed(close_code::SIZE, Some(error)))
    }

    /// Returns the text that is being written. Begins one if necessary.
    fn speaker(&mut self) -> Option<&mut Speaker> {
        let Manner { config, prepared } = self.manner.as_ref()?;
        Some(self.speaker.get_or_insert_with(|| {
            let (service, prepared) = (Arc::clone(&self.service), Arc::clone(prepared));
            Speaker::new(service, self.caller, prepared, config.granularity)
        }))
    }

    async fn configure(&mut self, object: Map<String, Value>) -> Result<(), Ending> {
        if self.is_open() {
            let message =
                "session.config cannot be applied to a text under way: send input.done first";
            return self
                .blame(ApiError::invalid(message).code("invalid_message"), close_code::PROTOCOL);
        }
        match self.prepare(object).await {
            Ok(manner) => {
                self.manner = Some(manner);
                self.speaker = None;
                self.active_at = Instant::now();
                Ok(())
            }
            Err(error) => self.blame(error, close_code::POLICY),
        }
    }

    async fn prepare(&mut self, object: Map<String, Value>) -> ApiResult<Manner> {
        let mut config = SessionConfig::from_object(object)?;
        // Cloning a voice is work, as speaking is.
        let _permit = match config.fields.ref_audio {
            Some(_) => Some(self.service.admit(&self.caller)?),
            None => None,
        };
        // A text in place of those that are to come.
        config.fields.input = Some("Hello.".to_owned());
        let mut prepared = self.service.prepare(&config.fields, DEFAULT_FORMAT).await?;
        prepared.request.chunks = config.chunks;
        prepared.model.tts.check(&prepared.request)?;
        config.fields.ref_audio = None;
        Ok(Manner { config, prepared: Arc::new(prepared) })
    }

    /// Reports a step of the speech to the client.
    async fn take(&mut self, step: Step) -> Result<(), Ending> {
        self.active_at = Instant::now();
        match step {
            Step::Start { index, text } => self.start(index, &text),
            Step::Samples(samples) => {
                if let Some(audio) = &mut self.audio {
                    let encoded = audio.push(samples).await;
                    self.send_audio(encoded);
                }
            }
            Step::End { index, error } => self.end(index, error).await,
            Step::Done { n_sentences } => {
                self.outbox.push(message(&json!({
                    "type": "session.done", "utterance_index": self.n_texts,
                    "total_sentences": n_sentences,
                })));
                self.n_texts += 1;
                self.speaker = None;
                return self.catch_up().await;
            }
        }
        Ok(())
    }

    fn start(&mut self, index: usize, text: &str) {
        let Some(Manner { config, prepared }) = &self.manner else { return };
        let rate = prepared.model.tts.sample_rate();
        let encoding = &prepared.format.encoding;
        self.outbox.push(message(&json!({
            "type": "audio.start", "utterance_index": self.n_texts, "sentence_index": index,
            "sentence_text": text, "format": encoding.format().name(),
            "sample_rate": encoding.sample_rate().unwrap_or(rate),
        })));
        match SentenceAudio::begin(&prepared.format, rate, config) {
            Ok(audio) => self.audio = Some(audio),
            Err(error) => self.outbox.push(error_message(&error)),
        }
    }

    async fn end(&mut self, index: usize, error: Option<ApiError>) {
        let audio = self.audio.take();
        let has_failed = error.is_some() || audio.is_none();
        let mut n_bytes = audio.as_ref().map_or(0, |audio| audio.n_bytes);
        match (audio, error) {
            (_, Some(error)) => {
                let mut body = error_body(&error);
                if n_bytes > 0 {
                    body["partial_audio"] = true.into();
                    body["action"] = "discard".into();
                }
                self.outbox.push(message(&body));
            }
            (Some(mut audio), None) => {
                let rest = audio.finish().await;
                n_bytes = audio.n_bytes;
                self.send_audio(rest);
            }
            // The failure of the encoder was reported.
            (None, None) => {}
        }
        self.outbox.push(message(&json!({
            "type": "audio.done", "utterance_index": self.n_texts, "sentence_index": index,
            "total_bytes": n_bytes, "error": has_failed,
        })));
    }

    fn send_audio(&mut self, encoded: ApiResult<Vec<u8>>) {
        match encoded {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => self.outbox.push(Message::Binary(bytes.into())),
            Err(error) => {
                self.audio = None;
                self.outbox.push(error_message(&error));
            }
        }
    }

    /// Handles the messages that came while the text was being spoken.
    async fn catch_up(&mut self) -> Result<(), Ending> {
        while !self.speaker.as_ref().is_some_and(Speaker::is_finished) {
            let Some(message) = self.early.pop_front() else {
                self.n_early_bytes = 0;
                break;
            };
            self.handle(message).await?;
        }
        Ok(())
    }

    /// Reports the error that ends the session, and closes it.
    async fn close(mut self, code: u16, error: Option<ApiError>) {
        if let Some(error) = &error {
            self.outbox.push(error_message(error));
        }
        let reason = error.map_or_else(String::new, |error| short(&error.message));
        self.outbox.push(Message::Close(Some(CloseFrame { code, reason: reason.into() })));
        let limit = self.service.settings.limits.slow_reader;
        let _ = timeout(limit, self.outbox.flush()).await;
    }
}

/// Waits for the next step of a text.
async fn next_step(speaker: &mut Option<Speaker>) -> Step {
    match speaker {
        Some(speaker) => speaker.next().await,
        None => pending().await,
    }
}

/// Returns the ending of a connection that broke WebSocket's own rules.
fn broken(error: &axum::Error) -> Ending {
    let reason = error.to_string();
    let code = match reason.contains("too long") || reason.contains("too big") {
        true => close_code::SIZE,
        false => close_code::PROTOCOL,
    };
    Ending::Closed(code, Some(ApiError::invalid(reason).code("invalid_message")))
}

fn is_timeout(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.kind() == std::io::ErrorKind::TimedOut;
        }
        cause = error.source();
    }
    false
}

/// Returns the beginning of a text, as long as the reason of a close may be.
fn short(text: &str) -> String {
    let end = (0..=text.len().min(120)).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

fn message(body: &Value) -> Message {
    Message::Text(body.to_string().into())
}

fn error_message(error: &ApiError) -> Message {
    message(&error_body(error))
}

fn error_body(error: &ApiError) -> Value {
    let mut body = json!({ "type": "error", "message": error.message });
    if let Some(code) = error.code {
        body["code"] = code.into();
    }
    if let Some(param) = &error.param {
        body["param"] = param.as_str().into();
    }
    body
}
