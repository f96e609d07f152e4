//! What a caller of an engine hears.

use std::pin::Pin;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll, ready};

use async_channel::Receiver;
use futures_core::Stream;

use super::worker::Event;
use crate::{AudioChunk, BatchEvent, Error, Result, SpeechResult};

/// Speech that an [`Engine`](crate::Engine) makes: an iterator over its chunks, and the same as a
/// [`Stream`]. Dropping it gives the request up and frees all that it held.
///
/// A listener who is slow holds up nobody but itself.
pub struct EngineStream {
    heard: Pin<Box<Receiver<BatchEvent>>>,
    engine: Sender<Event>,
    result: Option<Box<SpeechResult>>,
    has_ended: bool,
}

impl EngineStream {
    pub(super) fn new(heard: Receiver<BatchEvent>, engine: Sender<Event>) -> Self {
        Self { heard: Box::pin(heard), engine, result: None, has_ended: false }
    }

    /// What the speech was and what it took, without the audio: there once the last chunk was
    /// heard and nothing failed.
    pub fn result(&self) -> Option<&SpeechResult> {
        self.result.as_deref()
    }

    /// As [`Self::result`], for keeps.
    pub fn finish(mut self) -> Option<SpeechResult> {
        self.result.take().map(|result| *result)
    }

    fn hear(&mut self, event: Option<BatchEvent>) -> Option<Result<AudioChunk>> {
        // There is room again.
        self.wake();
        match event {
            Some(BatchEvent::Chunk(chunk)) => return Some(Ok(chunk)),
            Some(BatchEvent::Done(result)) => self.result = Some(result),
            Some(BatchEvent::Failed(error)) => {
                self.has_ended = true;
                return Some(Err(error));
            }
            None => {
                self.has_ended = true;
                return Some(Err(Error::Stopped));
            }
        }
        self.has_ended = true;
        None
    }

    fn wake(&self) {
        // An engine that is gone needs no waking.
        let _ = self.engine.send(Event::Wake);
    }
}

impl Iterator for EngineStream {
    type Item = Result<AudioChunk>;

    /// The next chunk, for which it waits. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let event = self.heard.recv_blocking().ok();
        self.hear(event)
    }
}

impl Stream for EngineStream {
    type Item = Result<AudioChunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let event = ready!(self.heard.as_mut().poll_next(context));
        Poll::Ready(self.hear(event))
    }
}

impl Drop for EngineStream {
    fn drop(&mut self) {
        self.heard.close();
        self.wake();
    }
}
