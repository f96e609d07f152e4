//! Text that is spoken while it is being written.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};

use qwen3_tts_talker::Prompt;

use super::plan::Planner;
use crate::error::{Error, Result};
use crate::text::is_blank;
use crate::text::tokenizer::{IncrementalTokenizer, WRAPPED_AFTER, WRAPPED_BEFORE};

/// The writing end of a text that is spoken while it is being written, by a language model or a
/// pipe for example.
///
/// The token ids are those of the whole text, wherever it is cut. Speech that has caught up with
/// the text waits for more of it. Dropping this handle finishes the text.
pub struct IncrementalText {
    planner: Arc<Planner>,
    pieces: IncrementalTokenizer,
    /// Ids held back while the text is blank: a blank text is not spoken.
    waiting: Vec<u32>,
    is_blank: bool,
    is_finished: bool,
    parts: Sender<TextPart>,
    /// Wakes the model's thread.
    wake: Box<dyn Fn() + Send>,
}

enum TextPart {
    Ids(Vec<u32>),
    /// The last ids.
    End(Vec<u32>),
    /// The reason why the text can't go on, which ends the speech too.
    Refused(String),
}

/// The reading end: ids of the wrapped text, without the last ones of the wrapping.
pub(super) struct TextFeed {
    parts: Receiver<TextPart>,
    /// Ids that have arrived and were not taken.
    arrived: Vec<u32>,
    /// The reason why the text was refused.
    refused: Option<String>,
    is_complete: bool,
}

impl IncrementalText {
    pub(super) fn new(
        planner: Arc<Planner>,
        wake: impl Fn() + Send + 'static,
    ) -> Result<(Self, TextFeed)> {
        let (sender, receiver) = mpsc::channel();
        let mut stream = Self {
            planner,
            pieces: IncrementalTokenizer::default(),
            waiting: Vec::new(),
            is_blank: true,
            is_finished: false,
            parts: sender,
            wake: Box::new(wake),
        };
        stream.take(WRAPPED_BEFORE)?;
        let feed =
            TextFeed { parts: receiver, arrived: Vec::new(), refused: None, is_complete: false };
        Ok((stream, feed))
    }

    /// Appends to the text.
    ///
    /// # Errors
    /// Returns [`Error::SpeechEnded`] if the speech has ended, failed or was dropped, and
    /// [`Error::Field`] if a word is longer than any prompt can be. The speech fails with that
    /// error too: it does not end as if its text were complete.
    pub fn push(&mut self, text: &str) -> Result<()> {
        if self.is_finished {
            return Err(Error::SpeechEnded);
        }
        self.is_blank &= is_blank(text);
        let taken = self.take(text);
        taken.inspect_err(|error| self.refuse(error))
    }

    /// Marks the text as complete.
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
        self.send(TextPart::Ids(ids))
    }

    fn end(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.is_finished, true) {
            return Ok(());
        }
        let rest = self.rest();
        // Without ids the text is blank.
        let ids = rest.inspect_err(|error| self.refuse(error))?;
        self.send(TextPart::End(ids))
    }

    /// Passes an error of the text on to the speech, which must neither wait for more nor end as if
    /// the text were complete.
    fn refuse(&mut self, error: &Error) {
        self.is_finished = true;
        // A speech that has ended needs no reason.
        let _ = self.send(TextPart::Refused(error.to_string()));
    }

    /// Returns the ids that were held back, without the last ones of the wrapping.
    fn rest(&mut self) -> Result<Vec<u32>> {
        if self.is_blank {
            return Ok(Vec::new());
        }
        let tokenizer = &self.planner.tokenizer;
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut ids = std::mem::take(&mut self.waiting);
        ids.extend(pieces.push(tokenizer, WRAPPED_AFTER)?);
        ids.extend(pieces.finish(tokenizer)?);
        ids.truncate(ids.len().saturating_sub(Prompt::SUFFIX_IDS));
        Ok(ids)
    }

    fn send(&self, part: TextPart) -> Result<()> {
        self.parts.send(part).map_err(|_| Error::SpeechEnded)?;
        (self.wake)();
        Ok(())
    }
}

impl Drop for IncrementalText {
    fn drop(&mut self) {
        // The speech may have ended before its text.
        let _ = self.end();
    }
}

impl TextFeed {
    /// Receives what was written since the last call.
    pub fn receive(&mut self) {
        while !self.is_complete && self.refused.is_none() {
            match self.parts.try_recv() {
                Ok(TextPart::Ids(more)) => self.arrived.extend(more),
                Ok(TextPart::End(more)) => {
                    self.is_complete = true;
                    self.arrived.extend(more);
                }
                Ok(TextPart::Refused(reason)) => self.refused = Some(reason),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.is_complete = true,
            }
        }
    }

    /// Returns true if there is text to take, or the text has come to its end.
    pub fn has_news(&self) -> bool {
        self.is_complete || self.refused.is_some() || !self.arrived.is_empty()
    }

    /// Takes the ids that were received.
    ///
    /// # Errors
    /// Returns [`Error::Field`] if the text was refused.
    pub fn take(&mut self) -> Result<Vec<u32>> {
        match self.refused.take() {
            Some(reason) => Err(Error::of_field("text", reason)),
            None => Ok(std::mem::take(&mut self.arrived)),
        }
    }

    /// Returns true if the text has come to its end.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}
