//! Text to token ids, exactly as the official loader makes them.
//!
//! The reference is `AutoProcessor.from_pretrained(dir, fix_mistral_regex=True)` of transformers
//! 4.57.3 on the directory of a checkpoint: a byte-level BPE after NFC.

mod accepted;
mod boundaries;
mod files;
mod incremental;

use tokenizers::Tokenizer;

use crate::{Error, ModelFiles, Result};
use boundaries::Boundaries;
pub(crate) use incremental::IncrementalTokenizer;

/// Longest text in bytes: more than any context holds, and less than the regular expression of the
/// first split fails on.
const MAX_TEXT_BYTES: usize = 1 << 18;

/// The prompt before the text that the assistant speaks.
pub(crate) const WRAPPED_BEFORE: &str = "<|im_start|>assistant\n";
/// The prompt after that text: the end of the assistant's turn, and the head of its next turn.
pub(crate) const WRAPPED_AFTER: &str = "<|im_end|>\n<|im_start|>assistant\n";

/// The text tokenizer of a checkpoint.
#[derive(Debug, Clone)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    /// The places where a text can be cut before it is complete; `None` if they are not known for
    /// this tokenizer.
    boundaries: Option<Boundaries>,
}

impl TextTokenizer {
    /// Reads `tokenizer.json` if there is one, else `vocab.json` and `merges.txt`; and the added
    /// tokens of `tokenizer_config.json`.
    ///
    /// # Errors
    /// Returns an error if a file is missing or damaged, or if the files do not belong together.
    pub fn load(files: &ModelFiles) -> Result<Self> {
        let tokenizer = files::load(files)?;
        let boundaries = Boundaries::of(&tokenizer);
        Ok(Self { tokenizer, boundaries })
    }

    /// Returns the ids of `text`. Special tokens that are spelled out in it become their ids.
    ///
    /// # Errors
    /// Returns [`Error::Field`] if the text is longer than any prompt can be.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.encode_field("text", text)
    }

    /// Returns the ids of `text` in the talker's prompt: the assistant's turn, and the head of its
    /// next turn.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>> {
        self.encode(&format!("{WRAPPED_BEFORE}{text}{WRAPPED_AFTER}"))
    }

    /// Returns the ids of the transcript of reference audio in the talker's prompt: a complete turn
    /// of the assistant.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_reference(&self, transcript: &str) -> Result<Vec<u32>> {
        self.encode_field("voice", &format!("{WRAPPED_BEFORE}{transcript}<|im_end|>\n"))
    }

    /// Returns the ids of an instruction in the talker's prompt: a complete turn of the user.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_instruct(&self, instruct: &str) -> Result<Vec<u32>> {
        self.encode_field("instruct", &format!("<|im_start|>user\n{instruct}<|im_end|>\n"))
    }

    /// Returns the size of the vocabulary, one more than the largest id.
    pub fn vocab_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Returns the ids of the text of a field of the request.
    fn encode_field(&self, field: &'static str, text: &str) -> Result<Vec<u32>> {
        check_length(field, text)?;
        let encoding = self.tokenizer.encode_fast(text, false);
        encoding.map(|encoding| encoding.get_ids().to_vec()).map_err(|error| {
            Error::of_field(field, format!("the text cannot be tokenized: {error}"))
        })
    }
}

fn check_length(field: &'static str, text: &str) -> Result<()> {
    if text.len() <= MAX_TEXT_BYTES {
        return Ok(());
    }
    let reason = format!(
        "the text is {} KiB long; expected at most {} KiB: split it",
        text.len().div_ceil(1024),
        MAX_TEXT_BYTES / 1024
    );
    Err(Error::of_field(field, reason))
}
