//! Token ids of a text that arrives in parts.

use super::TextTokenizer;
use crate::Result;

/// The tokenizer of a text that arrives in parts.
///
/// The ids that [`Self::push`] and [`Self::finish`] return, one after the other, are those of
/// [`TextTokenizer::encode`] for the whole text, wherever it is cut. Each word is held back until
/// the text after it arrives: the word could continue, an accent could join it, or it could be the
/// beginning of a special token.
///
/// ```no_run
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// # let tokenizer: qwen3_tts_pipeline::TextTokenizer = todo!();
/// let mut incremental = qwen3_tts_pipeline::IncrementalTokenizer::default();
/// let mut ids = incremental.push(&tokenizer, "Hello the")?;
/// ids.extend(incremental.push(&tokenizer, "re!")?);
/// ids.extend(incremental.finish(&tokenizer)?);
/// assert_eq!(ids, tokenizer.encode("Hello there!")?);
/// # Ok(())
/// # }
/// ```
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
    /// Returns [`Error::Request`](crate::Error::Request) if the text that is held back is longer
    /// than any prompt can be.
    pub fn push(&mut self, tokenizer: &TextTokenizer, text: &str) -> Result<Vec<u32>> {
        self.held.push_str(text);
        tokenizer.check_length(&self.held)?;
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
