//! A connection of a client: requests one after the other.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qwen3_tts_audio::Format;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{sleep_until, timeout};

use super::event::{Event, EventError, EventLimits, read_event, write_event};
use super::info::info;
use super::request::Request;
use crate::access::Caller;
use crate::error::{ApiError, ApiResult};
use crate::live::{Gone, Granularity, Outbox, Speaker, Step};
use crate::service::Service;
use crate::speech::{BlockEncoder, Prepared, SpeechFields};

/// Time that a text may stand still while it is being written: a language model may look something up.
const PAUSE_OF_TEXT: Duration = Duration::from_secs(300);

/// Maximum size in bytes of what follows the data of an event. No event to this service has any.
const MAX_PAYLOAD: usize = 1 << 20;

/// Number of requests that are read before the one before them is spoken.
const MAX_EARLY_REQUESTS: usize = 64;

/// A connection of a client.
pub struct Session {
    service: Arc<Service>,
    outbox: Outbox<Vec<u8>>,
    /// The text that is being written or spoken.
    text: Option<Text>,
    /// Requests after a complete text that is still being spoken.
    early: VecDeque<Request>,
    /// Time of the last event or step.
    active_at: Instant,
}

/// A text that is being written or spoken.
struct Text {
    speaker: Speaker,
    manner: Arc<Prepared>,
    encoder: Option<BlockEncoder>,
    /// True if it came by `synthesize-start`.
    is_streamed: bool,
    has_begun: bool,
}

/// The end of a connection.
enum Ending {
    /// The client is gone, or has got all that it asked for.
    Over,
    /// The connection is closed after this error.
    Failed(ApiError),
}

impl From<Gone> for Ending {
    fn from(_: Gone) -> Self {
        Self::Over
    }
}

impl From<ApiError> for Ending {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

/// Serves a client to the end of its connection.
pub async fn serve(service: Arc<Service>, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
    let (reader, writer) = tokio::io::split(stream);
    let (outbox, outgoing) = Outbox::new();
    let (events, incoming) = mpsc::channel(1);
    let limits = EventLimits { data: service.settings.limits.max_body_bytes, payload: MAX_PAYLOAD };
    let reading = tokio::spawn(read(BufReader::new(reader), limits, events));
    let writing = tokio::spawn(write(writer, outgoing, Arc::clone(&service)));
    let (text, early, active_at) = (None, VecDeque::new(), Instant::now());
    let slow_reader = service.settings.limits.slow_reader;
    let mut session = Session { service, outbox, text, early, active_at };
    let ending = session.converse(incoming).await;
    let Session { mut outbox, text, .. } = session;
    drop(text);
    if let Ending::Failed(error) = ending {
        tracing::info!(error = %error.message, "a Wyoming client was refused");
        outbox.push(error_event(&error));
    }
    if timeout(slow_reader, outbox.flush()).await.is_ok() {
        // Ends when all is written, and the client is told that nothing follows.
        let _ = timeout(slow_reader, writing).await;
    }
    reading.abort();
}

async fn read(
    mut reader: impl tokio::io::AsyncBufRead + Unpin,
    limits: EventLimits,
    events: Sender<Result<Event, EventError>>,
) {
    loop {
        let event = match read_event(&mut reader, limits).await {
            Ok(Some(event)) => Ok(event),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let is_last = event.is_err();
        if events.send(event).await.is_err() || is_last {
            return;
        }
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut outgoing: Receiver<Vec<u8>>,
    service: Arc<Service>,
) {
    while let Some(bytes) = outgoing.recv().await {
        if let Err(error) = writer.write_all(&bytes).await {
            let is_slow = error.kind() == std::io::ErrorKind::TimedOut;
            service.metrics.slow_readers.increment(u64::from(is_slow));
            return;
        }
    }
    let _ = writer.shutdown().await;
}

impl Session {
    async fn converse(&mut self, mut events: Receiver<Result<Event, EventError>>) -> Ending {
        let service = Arc::clone(&self.service);
        let mut has_ended = false;
        loop {
            let is_busy = self.text.as_ref().is_some_and(|text| text.speaker.is_busy());
            let is_free = self.text.is_none();
            if has_ended && !self.text.as_ref().is_some_and(|text| text.speaker.is_finished()) {
                return Ending::Over;
            }
            let may_read =
                !has_ended && self.early.len() < MAX_EARLY_REQUESTS && !self.outbox.is_full();
            let is_writable = self.outbox.is_empty();
            let deadline = self.deadline();
            let ended = tokio::select! {
                biased;
                handed = self.outbox.hand_over() => handed.map_err(Ending::from),
                event = events.recv(), if may_read => match event {
                    Some(event) => self.receive(event).await,
                    None => {
                        has_ended = true;
                        Ok(())
                    }
                },
                step = next_step(&mut self.text), if is_writable => self.take(step).await,
                () = service.draining.cancelled(), if is_free && is_writable => Err(Ending::Over),
                () = sleep_until(deadline.into()), if !is_busy => Err(self.idle()),
            };
            if let Err(ending) = ended {
                return ending;
            }
        }
    }

    fn deadline(&self) -> Instant {
        let limit = self.service.settings.limits.idle_session;
        self.active_at + if self.text.is_some() { limit.max(PAUSE_OF_TEXT) } else { limit }
    }

    fn idle(&self) -> Ending {
        match self.text {
            Some(_) => Ending::Failed(ApiError::invalid("the text stood still for too long")),
            None => Ending::Over,
        }
    }

    async fn receive(&mut self, event: Result<Event, EventError>) -> Result<(), Ending> {
        self.active_at = Instant::now();
        let mut event = event.map_err(|error| match error {
            EventError::Io(_) => Ending::Over,
            error => Ending::Failed(ApiError::invalid(error.to_string()).code("invalid_event")),
        })?;
        match Request::of_event(&mut event)? {
            None => Ok(()),
            Some(Request::Ping(text)) => {
                self.outbox.push(write_event("pong", json!({ "text": text }), &[]));
                Ok(())
            }
            Some(request) if self.text.as_ref().is_some_and(|text| text.speaker.is_finished()) => {
                self.early.push_back(request);
                Ok(())
            }
            Some(request) => self.handle(request).await,
        }
    }

    async fn handle(&mut self, request: Request) -> Result<(), Ending> {
        match (request, &mut self.text) {
            (Request::Describe, _) => {
                let info = info(&self.service).await?;
                self.outbox.push(write_event("info", info, &[]));
            }
            (Request::Begin(fields), None) => self.begin(*fields, Granularity::Sentence).await?,
            (Request::Speak { text, fields }, None) => {
                self.begin(*fields, Granularity::Whole).await?;
                if let Some(open) = &mut self.text {
                    open.speaker.push(&text).await?;
                    open.speaker.finish()?;
                }
            }
            (Request::Text(part), Some(text)) => text.speaker.push(&part).await?,
            (Request::End, Some(text)) => text.speaker.finish()?,
            // The text again as a whole, for services that do not know streams.
            (Request::Speak { .. }, Some(_)) => {}
            (Request::Begin(_), Some(_)) => return Err(out_of_order("synthesize-start", "in")),
            (Request::Text(_), None) => return Err(out_of_order("synthesize-chunk", "outside")),
            (Request::End, None) => return Err(out_of_order("synthesize-stop", "outside")),
            // Answered at once.
            (Request::Ping(_), _) => {}
        }
        Ok(())
    }

    async fn begin(&mut self, mut fields: SpeechFields, granularity: Granularity) -> ApiResult<()> {
        // A text in place of the one that is to come.
        fields.input = Some("Hello.".to_owned());
        let manner = Arc::new(self.service.prepare(&fields, Format::Pcm).await?);
        manner.model.tts.check(&manner.request)?;
        let (service, caller) = (Arc::clone(&self.service), Caller::default());
        let speaker = Speaker::new(service, caller, Arc::clone(&manner), granularity);
        let is_streamed = granularity == Granularity::Sentence;
        self.text = Some(Text { speaker, manner, encoder: None, is_streamed, has_begun: false });
        Ok(())
    }

    /// Reports a step of the speech to the client.
    async fn take(&mut self, step: Step) -> Result<(), Ending> {
        self.active_at = Instant::now();
        let Some(text) = &mut self.text else { return Ok(()) };
        match step {
            Step::Start { .. } => text.start(&mut self.outbox)?,
            Step::Samples(samples) => text.send(samples, &mut self.outbox).await?,
            Step::End { error: Some(error), .. } => return Err(Ending::Failed(error)),
            Step::End { error: None, .. } => {}
            Step::Done { .. } => {
                text.end(&mut self.outbox).await?;
                self.text = None;
                return self.catch_up().await;
            }
        }
        Ok(())
    }

    /// Handles the requests that came while the text was being spoken.
    async fn catch_up(&mut self) -> Result<(), Ending> {
        while !self.text.as_ref().is_some_and(|text| text.speaker.is_finished()) {
            let Some(request) = self.early.pop_front() else { break };
            self.handle(request).await?;
        }
        Ok(())
    }
}

impl Text {
    /// Begins the audio, all sentences of which are one.
    fn start(&mut self, outbox: &mut Outbox<Vec<u8>>) -> ApiResult<()> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        self.encoder = Some(BlockEncoder::begin(&self.manner.format, self.speaker.sample_rate())?);
        outbox.push(write_event("audio-start", self.format(), &[]));
        Ok(())
    }

    async fn send(&mut self, samples: Vec<f32>, outbox: &mut Outbox<Vec<u8>>) -> ApiResult<()> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        let bytes = encoder.push(samples).await?;
        self.push_chunk(&bytes, outbox);
        Ok(())
    }

    async fn end(&mut self, outbox: &mut Outbox<Vec<u8>>) -> ApiResult<()> {
        self.start(outbox)?;
        if let Some(mut encoder) = self.encoder.take() {
            let rest = encoder.finish().await?.rest;
            self.push_chunk(&rest, outbox);
        }
        outbox.push(write_event("audio-stop", json!({ "timestamp": null }), &[]));
        if self.is_streamed {
            outbox.push(write_event("synthesize-stopped", json!({}), &[]));
        }
        Ok(())
    }

    fn push_chunk(&self, bytes: &[u8], outbox: &mut Outbox<Vec<u8>>) {
        if !bytes.is_empty() {
            outbox.push(write_event("audio-chunk", self.format(), bytes));
        }
    }

    /// Returns the form of the samples, as events with audio have it.
    fn format(&self) -> Value {
        let rate = self.speaker.sample_rate();
        json!({ "rate": rate, "width": 2, "channels": 1, "timestamp": null })
    }
}

/// Waits for the next step of a text.
async fn next_step(text: &mut Option<Text>) -> Step {
    match text {
        Some(text) => text.speaker.next().await,
        None => pending().await,
    }
}

fn out_of_order(event: &str, place: &str) -> Ending {
    let message = format!("{event} came {place} a stream of text");
    Ending::Failed(ApiError::invalid(message).code("invalid_event"))
}

fn error_event(error: &ApiError) -> Vec<u8> {
    let mut data = json!({ "text": error.message });
    if let Some(code) = error.code {
        data["code"] = code.into();
    }
    write_event("error", data, &[])
}
