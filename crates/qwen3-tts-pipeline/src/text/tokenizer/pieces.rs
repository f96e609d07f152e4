//! A text that comes piece by piece, to the ids of the whole.

use crate::{Result, TextTokenizer};

/// The part of a text that came and whose ids are not certain yet.
///
/// The ids that [`Self::push`] and [`Self::finish`] give, one after the other, are those of
/// [`TextTokenizer::encode`] for the whole text, wherever it is cut. Each word is held back until
/// what follows it is there: it could go on, an accent could join it, or what looks like a word
/// could be the beginning of a special token.
///
/// ```no_run
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// # let tokenizer: qwen3_tts_pipeline::TextTokenizer = todo!();
/// let mut pieces = qwen3_tts_pipeline::TextPieces::default();
/// let mut ids = pieces.push(&tokenizer, "Hello the")?;
/// ids.extend(pieces.push(&tokenizer, "re!")?);
/// ids.extend(pieces.finish(&tokenizer)?);
/// assert_eq!(ids, tokenizer.encode("Hello there!")?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct TextPieces {
    held: String,
    /// Places before this one are no boundaries.
    looked_at: usize,
}

impl TextPieces {
    /// Takes the next piece and gives the ids that are certain now.
    ///
    /// # Errors
    /// If more text without a word's end is held than any prompt can be long.
    pub fn push(&mut self, tokenizer: &TextTokenizer, piece: &str) -> Result<Vec<u32>> {
        self.held.push_str(piece);
        tokenizer.check_length(&self.held)?;
        let Some(boundaries) = tokenizer.boundaries() else { return Ok(Vec::new()) };
        let Some(cut) = boundaries.last(&self.held, self.looked_at) else {
            self.looked_at = boundaries.undecided(&self.held);
            return Ok(Vec::new());
        };
        let ids = tokenizer.encode(&self.held[..cut])?;
        self.held.drain(..cut);
        self.looked_at = 0;
        Ok(ids)
    }

    /// Gives the ids of what is still held.
    ///
    /// # Errors
    /// As [`TextTokenizer::encode`].
    pub fn finish(self, tokenizer: &TextTokenizer) -> Result<Vec<u32>> {
        tokenizer.encode(&self.held)
    }
}
