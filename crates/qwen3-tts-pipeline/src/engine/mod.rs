//! A model on a thread of its own, for any number of callers.

mod stream;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Instant;

use qwen3_tts_config::ModelConfig;

use crate::request::{Plan, Planner};
use crate::text_stream::TextFeed;
use crate::{ChunkSchedule, Error, Result, SpeechRequest, Synthesizer, TextStream};
pub use stream::EngineStream;
use worker::{Event, Job, Worker};

/// A handle to a model that speaks many requests at once, for services. Clones are handles to the
/// same model; it goes when the last handle and the last stream are dropped.
///
/// A thread of its own has the model. Requests that are there at the same time are spoken together,
/// so that they share each read of the weights; one joins or leaves between frames, and has the
/// codes and samples that it has alone.
///
/// ```no_run
/// use qwen3_tts_pipeline::{Engine, EngineOptions, LoadOptions, SpeechRequest, Synthesizer};
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let model = Synthesizer::load("Qwen3-TTS-12Hz-0.6B-CustomVoice", &LoadOptions::default())?;
/// let engine = Engine::start(model, EngineOptions::default())?;
/// for chunk in engine.speak(&SpeechRequest::new("Hello!").speaker("Ryan"))? {
///     println!("{} samples to send", chunk?.samples.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Engine {
    events: Sender<Event>,
    planner: Arc<Planner>,
    /// Requests that wait or are under way.
    present: Arc<AtomicUsize>,
    options: EngineOptions,
}

/// What an [`Engine`] does at once, and what it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// The most requests that are spoken at the same time.
    pub max_active: usize,
    /// The most requests that wait for their turn; one more is refused with [`Error::Busy`].
    pub max_waiting: usize,
    /// Chunks of a request that wait to be heard. When there are as many, that request pauses.
    pub buffered_chunks: usize,
    /// How long the chunks are.
    pub chunks: ChunkSchedule,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            max_active: 8,
            max_waiting: 64,
            buffered_chunks: 4,
            chunks: ChunkSchedule::default(),
        }
    }
}

impl Engine {
    /// Gives a model its thread.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system refuses a thread.
    pub fn start(model: Synthesizer, options: EngineOptions) -> Result<Self> {
        let (events, received) = mpsc::channel();
        let planner = Arc::clone(&model.planner);
        let present = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&present);
        std::thread::Builder::new()
            .name("qwen3-tts".to_owned())
            .spawn(move || Worker::new(&model, received, counter, options).run())
            .map_err(|error| Error::Internal(format!("no thread for the model: {error}")))?;
        Ok(Self { events, planner, present, options })
    }

    /// What the checkpoint is.
    pub fn config(&self) -> &ModelConfig {
        &self.planner.config
    }

    /// Says whether the model can honour a request, without computing anything.
    ///
    /// # Errors
    /// As [`Synthesizer::check`].
    pub fn check(&self, request: &SpeechRequest) -> Result<()> {
        self.planner.plan(request).map(drop)
    }

    /// Speaks a request. The stream is an iterator, and a [`Stream`](futures_core::Stream) for
    /// asynchronous callers; dropping it gives the request up.
    ///
    /// # Errors
    /// If the model cannot honour the request; [`Error::Busy`] if too many wait; [`Error::Stopped`].
    pub fn speak(&self, request: &SpeechRequest) -> Result<EngineStream> {
        let begin = Instant::now();
        self.submit(self.planner.plan(request)?, None, begin)
    }

    /// Speaks a text that is still coming, as [`Synthesizer::stream_text`] does. A request that has
    /// caught up with its text pauses.
    ///
    /// # Errors
    /// As [`Self::speak`].
    pub fn speak_text(&self, request: &SpeechRequest) -> Result<(TextStream, EngineStream)> {
        let begin = Instant::now();
        let plan = self.planner.plan_open(request)?;
        let (text, feed) = TextStream::new(Arc::clone(&self.planner))?;
        let stream = self.submit(plan, Some(feed), begin)?;
        let events = self.events.clone();
        // A model that is gone shows in the stream.
        let text = text.on_push(move || drop(events.send(Event::Wake)));
        Ok((text, stream))
    }

    fn submit(&self, plan: Plan, text: Option<TextFeed>, begin: Instant) -> Result<EngineStream> {
        let most = self.options.max_active.max(1).saturating_add(self.options.max_waiting);
        let present = self.present.fetch_add(1, Ordering::Relaxed);
        if present >= most {
            self.present.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Busy { present });
        }
        // The last chunk and the result may come at once.
        let (sender, receiver) = async_channel::bounded(self.options.buffered_chunks.max(1) + 1);
        let job = Job { plan, text, begin, listener: sender };
        self.events.send(Event::Job(Box::new(job))).map_err(|_| Error::Stopped)?;
        Ok(EngineStream::new(receiver, self.events.clone()))
    }
}
