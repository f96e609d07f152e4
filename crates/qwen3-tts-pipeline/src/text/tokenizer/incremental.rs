//! Token ids of a text that arrives in parts.

use super::{TextTokenizer, check_length};
use crate::Result;

/// The tokenizer of a text that arrives in parts.
///
/// The ids that [`Self::push`] and [`Self::finish`] return, one after the other, are those of
/// [`TextTokenizer::encode`] for the whole text, wherever it is cut. Each word is held back until
/// the text after it arrives: the word could continue, an accent could join it, or it could be the
/// beginning of a special token.
#[derive(Debug, Clone, Default)]
pub struct IncrementalTokenizer {
    /// The text whose ids are not final.
    held: String,
    /// Byte offset in `held` before which there is no safe cut.
    examined: usize,
}

impl IncrementalTokenizer {
    /// Appends `text` and returns the ids that are final now.
    ///
    /// # Errors
    /// Returns [`Error::Field`](crate::Error::Field) if the text that is held back is longer
    /// than any prompt can be.
    pub fn push(&mut self, tokenizer: &TextTokenizer, text: &str) -> Result<Vec<u32>> {
        self.held.push_str(text);
        check_length("text", &self.held)?;
        let Some(boundaries) = &tokenizer.boundaries else { return Ok(Vec::new()) };
        let Some(cut) = boundaries.last(&self.held, self.examined) else {
            self.examined = boundaries.undecided(&self.held);
            return Ok(Vec::new());
        };
        let ids = tokenizer.encode(&self.held[..cut])?;
        self.held.drain(..cut);
        self.examined = 0;
        Ok(ids)
    }

    /// Ends the text and returns the ids of the part that is still held back.
    ///
    /// # Errors
    /// As [`TextTokenizer::encode`].
    pub fn finish(self, tokenizer: &TextTokenizer) -> Result<Vec<u32>> {
        tokenizer.encode(&self.held)
    }
}

impl TextTokenizer {
    /// Returns the ids of a text that arrives in parts: for each part, those that have become
    /// final, and then the rest. Joined, they are the ids of the whole text, wherever it is cut.
    ///
    /// This is how [`IncrementalText`](crate::IncrementalText) takes its text.
    ///
    /// # Errors
    /// Returns [`Error::Field`](crate::Error::Field) if a word is longer than any prompt can be.
    pub fn encode_parts(&self, parts: &[impl AsRef<str>]) -> Result<Vec<Vec<u32>>> {
        let mut incremental = IncrementalTokenizer::default();
        let mut ids = Vec::with_capacity(parts.len() + 1);
        for part in parts {
            ids.push(incremental.push(self, part.as_ref())?);
        }
        ids.push(incremental.finish(self)?);
        Ok(ids)
    }
}
