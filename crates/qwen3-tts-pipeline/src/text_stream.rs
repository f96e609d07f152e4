//! Text that is still coming while it is spoken.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use crate::request::{Planner, SUFFIX};
use crate::text::tokenizer::{IncrementalTokenizer, WRAPPED_AFTER, WRAPPED_BEFORE};
use crate::{Error, Result};

/// The writing end of a text that is spoken while it comes: words from a language model, or lines
/// from a pipe.
///
/// The ids are those of the whole text, wherever it is cut. Speech that has caught up with the text
/// waits for more of it. Dropping the stream finishes the text.
pub struct TextStream {
    planner: Arc<Planner>,
    pieces: IncrementalTokenizer,
    /// Ids that wait for something to say: a text of nothing but space is not spoken.
    waiting: Vec<u32>,
    is_blank: bool,
    is_finished: bool,
    parts: Sender<TextPart>,
    /// Tells whoever speaks that there is something new.
    wake: Option<Box<dyn Fn() + Send>>,
}

struct TextPart {
    ids: Vec<u32>,
    is_last: bool,
}

/// The reading end: ids of the wrapped text, but for the last ones of the wrapping.
pub(crate) struct TextFeed {
    parts: Receiver<TextPart>,
    is_complete: bool,
}

impl TextStream {
    pub(crate) fn new(planner: Arc<Planner>) -> Result<(Self, TextFeed)> {
        let (sender, receiver) = mpsc::channel();
        let mut stream = Self {
            planner,
            pieces: IncrementalTokenizer::default(),
            waiting: Vec::new(),
            is_blank: true,
            is_finished: false,
            parts: sender,
            wake: None,
        };
        stream.take(WRAPPED_BEFORE)?;
        Ok((stream, TextFeed { parts: receiver, is_complete: false }))
    }

    pub(crate) fn on_push(mut self, wake: impl Fn() + Send + 'static) -> Self {
        self.wake = Some(Box::new(wake));
        self
    }

    /// Adds to the text.
    ///
    /// # Errors
    /// [`Error::SpeechEnded`] once nobody speaks the text any more: it ended, failed, or was
    /// dropped. If a word is longer than any prompt can be.
    pub fn push(&mut self, text: &str) -> Result<()> {
        self.is_blank &= text.trim().is_empty();
        self.take(text)
    }

    /// Says that the text is complete.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn finish(mut self) -> Result<()> {
        self.end()
    }

    fn take(&mut self, text: &str) -> Result<()> {
        self.waiting.extend(self.pieces.push(&self.planner.tokenizer, text)?);
        if self.is_blank || self.waiting.is_empty() {
            return Ok(());
        }
        let ids = std::mem::take(&mut self.waiting);
        self.send(TextPart { ids, is_last: false })
    }

    fn end(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.is_finished, true) {
            return Ok(());
        }
        let rest = self.rest();
        // Whatever happens, the speech must not wait for more. Without ids there is nothing to say.
        let ids = rest.as_ref().map_or(Vec::new(), Vec::clone);
        self.send(TextPart { ids, is_last: true }).and(rest.map(drop))
    }

    /// The ids that were held back, but for the last ones of the wrapping.
    fn rest(&mut self) -> Result<Vec<u32>> {
        if self.is_blank {
            return Ok(Vec::new());
        }
        let tokenizer = &self.planner.tokenizer;
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut ids = std::mem::take(&mut self.waiting);
        ids.extend(pieces.push(tokenizer, WRAPPED_AFTER)?);
        ids.extend(pieces.finish(tokenizer)?);
        ids.truncate(ids.len().saturating_sub(SUFFIX));
        Ok(ids)
    }

    fn send(&self, part: TextPart) -> Result<()> {
        self.parts.send(part).map_err(|_| Error::SpeechEnded)?;
        if let Some(wake) = &self.wake {
            wake();
        }
        Ok(())
    }
}

impl Drop for TextStream {
    fn drop(&mut self) {
        // Nobody may be listening any more, which is no news by then.
        let _ = self.end();
    }
}

impl TextFeed {
    /// The ids that came since the last time; where there are none, waits for the next ones if
    /// `wait` says so.
    pub fn take(&mut self, wait: bool) -> Vec<u32> {
        let mut ids = Vec::new();
        while !self.is_complete {
            let part = match ids.is_empty() && wait {
                true => self.parts.recv().ok(),
                false => match self.parts.try_recv() {
                    Err(mpsc::TryRecvError::Empty) => return ids,
                    part => part.ok(),
                },
            };
            self.is_complete = part.as_ref().is_none_or(|part| part.is_last);
            ids.extend(part.into_iter().flat_map(|part| part.ids));
        }
        ids
    }

    /// Whether the text has come to its end.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}
