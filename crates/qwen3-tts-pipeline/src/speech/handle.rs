//! The handle to an active speech.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_channel::Receiver;
use futures_core::Stream;

use super::codes::SpeechCodes;
use super::delivery::{Gauge, Message};
use super::output::{AudioChunk, PieceOutput, Progress, SpeechEvent, SpeechOutput, StageTimings};
use super::request::{SpeechRequest, Voice};
use super::stop_reason::StopReason;
use crate::error::{Error, Result};
use crate::text::TextPiece;
use crate::text::markup::MarkedText;

/// Speech that is generated on the model's thread: an iterator over its chunks, and an asynchronous
/// [`Stream`] of them. `Send + 'static`.
///
/// Speech is generated ahead, up to [`buffered_chunks`](crate::SpeechRequest::buffered_chunks). A
/// slow consumer delays only its own speech. Dropping a `Speech` cancels it and frees its memory.
///
/// ```no_run
/// use qwen3_tts_pipeline::{LoadOptions, SpeechRequest, Synthesizer};
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let tts = Synthesizer::load("Qwen3-TTS-12Hz-0.6B-CustomVoice", &LoadOptions::default())?;
/// let mut speech = tts.speak(SpeechRequest::new("Hello!").speaker("Ryan"))?;
/// for chunk in &mut speech {
///     println!("{} samples to play", chunk?.samples.len());
/// }
/// if let Some(output) = speech.output() {
///     println!("ended by {}", output.stop_reason);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Speech {
    messages: Pin<Box<Receiver<Message>>>,
    control: SpeechControl,
    facts: SpeechFacts,
    /// Pieces that are complete.
    complete: Vec<Arc<PieceOutput>>,
    n_samples: usize,
    output: Option<SpeechOutput>,
    has_ended: bool,
}

/// Properties of a speech that are known before it begins.
pub(super) struct SpeechFacts {
    pub sample_rate: u32,
    pub seed: u64,
    pub pieces: Arc<[TextPiece]>,
    /// The request and its text without marks, unless the text is incremental.
    pub request: Option<(Arc<SpeechRequest>, Arc<MarkedText>)>,
}

/// Observes and cancels a [`Speech`] from other threads. Clones control the same speech.
#[derive(Clone)]
pub struct SpeechControl {
    gauge: Arc<Gauge>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl SpeechControl {
    pub(super) fn new(gauge: Arc<Gauge>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { gauge, wake: Arc::new(wake) }
    }

    /// Returns the progress of the speech. Frames that are not heard yet count.
    pub fn progress(&self) -> Progress {
        self.gauge.progress()
    }

    /// Ends the speech after the current frame. Chunks that were generated before can still be
    /// taken; the output has the codes of these chunks and [`StopReason::Cancelled`].
    pub fn cancel(&self) {
        self.gauge.cancel();
        (self.wake)();
    }
}

impl Speech {
    pub(super) fn new(
        messages: Receiver<Message>,
        control: SpeechControl,
        facts: SpeechFacts,
    ) -> Self {
        Self {
            messages: Box::pin(messages),
            control,
            facts,
            complete: Vec::new(),
            n_samples: 0,
            output: None,
            has_ended: false,
        }
    }

    /// Returns the sample rate in Hz.
    pub fn sample_rate(&self) -> u32 {
        self.facts.sample_rate
    }

    /// Returns the seed, the base of the seeds of the pieces.
    pub fn seed(&self) -> u64 {
        self.facts.seed
    }

    /// Returns the text of the request, which the ranges of [`Self::pieces`] refer to. Empty for an
    /// incremental text.
    pub fn text(&self) -> &str {
        self.facts.request.as_ref().map_or("", |(request, _)| &request.text)
    }

    /// Returns the pieces that the text is spoken in, including skipped ones. Empty for an
    /// incremental text.
    pub fn pieces(&self) -> &[TextPiece] {
        &self.facts.pieces
    }

    /// Returns the words of a piece, without marks. Empty for an incremental text.
    ///
    /// # Panics
    /// If there is no such piece.
    pub fn piece_text(&self, index: usize) -> &str {
        let text = self.facts.request.as_ref().map(|(_, text)| text);
        text.map_or("", |text| &text.spoken[self.facts.pieces[index].spoken.clone()])
    }

    /// Returns the preset speaker of a piece, as the request or a mark names it; `None` if neither
    /// does.
    ///
    /// # Panics
    /// If there is no such piece.
    pub fn piece_speaker(&self, index: usize) -> Option<&str> {
        let (request, text) = self.facts.request.as_ref()?;
        let style = text.sections[self.facts.pieces[index].section].style;
        match &request.voice {
            Voice::Speaker(name) => Some(text.value(style.speaker).unwrap_or(name)),
            _ => text.value(style.speaker),
        }
    }

    /// Returns the index of the chapter that a piece is in, from 0; `None` before the first heading.
    ///
    /// # Panics
    /// If there is no such piece.
    pub fn piece_chapter(&self, index: usize) -> Option<usize> {
        let (_, text) = self.facts.request.as_ref()?;
        text.sections[self.facts.pieces[index].section].chapter
    }

    /// Returns the titles of the chapters, which headings of a text with
    /// [marks](SpeechRequest::markup) begin.
    pub fn chapters(&self) -> &[String] {
        self.facts.request.as_ref().map_or(&[], |(_, text)| &text.chapters)
    }

    /// Returns the progress of the speech. Frames that are not heard yet count.
    pub fn progress(&self) -> Progress {
        self.control.progress()
    }

    /// Cancels the speech, as [`SpeechControl::cancel`].
    pub fn cancel(&self) {
        self.control.cancel();
    }

    /// Returns a handle that observes and cancels the speech from other threads.
    pub fn control(&self) -> SpeechControl {
        self.control.clone()
    }

    /// Returns the speech without its audio, which was delivered in chunks. `None` before the end
    /// and after an error.
    pub fn output(&self) -> Option<&SpeechOutput> {
        self.output.as_ref()
    }

    /// Waits for the end of the speech and returns it. The audio is that of all chunks that were
    /// not taken before.
    ///
    /// # Errors
    /// Returns the error that ended the speech.
    pub fn collect_audio(mut self) -> Result<SpeechOutput> {
        let mut audio = Vec::new();
        for chunk in &mut self {
            audio.extend(chunk?.samples);
        }
        // After an error was taken from the iterator there is no output.
        let output = self.output.take().ok_or(Error::Stopped)?;
        Ok(SpeechOutput { audio, ..output })
    }

    /// Waits for the next chunk or the end of a piece. Returns `None` after the end or an error.
    pub fn next_event(&mut self) -> Option<Result<SpeechEvent>> {
        if self.has_ended {
            return None;
        }
        let message = self.messages.recv_blocking().ok();
        self.take(message)
    }

    /// Polls for the next chunk or the end of a piece, as [`Self::next_event`].
    pub fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<SpeechEvent>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let message = ready!(self.messages.as_mut().poll_next(context));
        Poll::Ready(self.take(message))
    }

    fn take(&mut self, message: Option<Message>) -> Option<Result<SpeechEvent>> {
        match message {
            Some(Message::Chunk(chunk)) => {
                self.n_samples += chunk.samples.len();
                // There is room for another one.
                (self.control.wake)();
                Some(Ok(SpeechEvent::Chunk(chunk)))
            }
            Some(Message::Piece(piece)) => {
                self.complete.push(Arc::clone(&piece));
                (self.control.wake)();
                Some(Ok(SpeechEvent::Piece(piece)))
            }
            Some(Message::Done { is_cancelled, processing_time }) => {
                self.has_ended = true;
                self.output = Some(self.assemble(is_cancelled, processing_time));
                None
            }
            Some(Message::Failed(error)) => {
                self.has_ended = true;
                Some(Err(error))
            }
            None => {
                self.has_ended = true;
                Some(Err(Error::Stopped))
            }
        }
    }

    fn assemble(&mut self, is_cancelled: bool, processing_time: Duration) -> SpeechOutput {
        let mut pieces = std::mem::take(&mut self.complete);
        // In the order of the text.
        pieces.sort_by_key(|piece| piece.index);
        let codes = pieces.iter().flat_map(|piece| piece.codes.codes.iter().cloned()).collect();
        let worst = pieces.iter().map(|piece| piece.stop_reason).max();
        let stop_reason = match is_cancelled {
            true => StopReason::Cancelled,
            false => worst.unwrap_or(StopReason::Eos),
        };
        SpeechOutput {
            audio: Vec::new(),
            sample_rate: self.facts.sample_rate,
            n_samples: self.n_samples,
            codes: SpeechCodes { codes },
            stop_reason,
            seed: self.facts.seed,
            prompt_tokens: pieces.iter().map(|piece| piece.prompt_tokens).sum(),
            timings: StageTimings::sum(&pieces),
            processing_time,
            pieces,
        }
    }
}

impl Iterator for Speech {
    type Item = Result<AudioChunk>;

    /// Waits for the next chunk. Returns `None` after the end or an error.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_event()? {
                Ok(SpeechEvent::Chunk(chunk)) => return Some(Ok(chunk)),
                Ok(SpeechEvent::Piece(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl std::iter::FusedIterator for Speech {}

impl Stream for Speech {
    type Item = Result<AudioChunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.poll_event(context)) {
                Some(Ok(SpeechEvent::Chunk(chunk))) => return Poll::Ready(Some(Ok(chunk))),
                Some(Ok(SpeechEvent::Piece(_))) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        self.messages.close();
        (self.control.wake)();
    }
}
