//! Text to token ids, exactly as the official loader does it.
//!
//! The reference is `AutoProcessor.from_pretrained(dir, fix_mistral_regex=True)` of transformers
//! 4.57.3 on a checkpoint's directory: a byte-level BPE after NFC. For a vocabulary as large as the
//! published one that flag replaces Qwen2's own first split by another, which ends a word before a
//! capital letter and keeps combining marks inside one.

mod boundaries;
mod pieces;

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split as FirstSplit, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use crate::{Error, ModelFiles, Result};
use boundaries::Boundaries;
pub use pieces::TextPieces;

/// The first split of transformers' `Qwen2Converter`.
const QWEN2_SPLIT: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);

/// The one that `fix_mistral_regex` puts in its place.
const LARGE_SPLIT: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);

/// Vocabularies above this size get [`LARGE_SPLIT`], added tokens not counted.
const LARGE_VOCABULARY: usize = 100_000;

/// More text than any context can hold, and less than the splitter can fail on.
pub(crate) const MAX_TEXT_BYTES: usize = 1 << 18;

/// What a talker takes before and after the text that the assistant says.
pub(crate) const WRAPPED_BEFORE: &str = "<|im_start|>assistant\n";
/// The end of the assistant's turn, and the head of its next one.
pub(crate) const WRAPPED_AFTER: &str = "<|im_end|>\n<|im_start|>assistant\n";

/// The text tokenizer of a checkpoint.
#[derive(Debug, Clone)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    /// Where a text can be cut before all of it is there, if that is known.
    boundaries: Option<Boundaries>,
}

/// What is read of `tokenizer_config.json`.
#[derive(Deserialize)]
struct TokenizerConfig {
    #[serde(default)]
    added_tokens_decoder: BTreeMap<u32, TokenConfig>,
}

#[derive(Deserialize)]
struct TokenConfig {
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    special: bool,
}

impl TextTokenizer {
    /// Reads `tokenizer.json` if there is one, else `vocab.json` and `merges.txt`, and the added
    /// tokens of `tokenizer_config.json`.
    ///
    /// # Errors
    /// If a file is missing or damaged, or if the files do not fit each other.
    pub fn load(files: &ModelFiles) -> Result<Self> {
        let Split { tokenizer, is_known } = if files.has("tokenizer.json") {
            whole(files, "tokenizer.json")?
        } else {
            byte_pairs(files)?
        };
        let mut tokenizer = Self { tokenizer, boundaries: None };
        tokenizer.add_tokens(files, "tokenizer_config.json")?;
        tokenizer.boundaries = Boundaries::of(&tokenizer.tokenizer).filter(|_| is_known);
        for token in ["<|im_start|>", "<|im_end|>"] {
            if tokenizer.tokenizer.token_to_id(token).is_none() {
                let reason = format!("it does not define {token}");
                return Err(broken(files, "tokenizer_config.json", reason));
            }
        }
        Ok(tokenizer)
    }

    /// The ids of `text`. Special tokens that are spelled out in it count as such.
    ///
    /// # Errors
    /// If the text is longer than any prompt can be.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.check_length(text)?;
        let encoding = self.tokenizer.encode_fast(text, false);
        encoding
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|error| Error::Request(format!("the text cannot be tokenized: {error}")))
    }

    /// `text` as a talker takes it: what the assistant says, and the head of its next turn.
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>> {
        self.encode(&format!("{WRAPPED_BEFORE}{text}{WRAPPED_AFTER}"))
    }

    /// The transcript of a reference as a talker takes it: what the assistant said.
    pub fn encode_reference(&self, transcript: &str) -> Result<Vec<u32>> {
        self.encode(&format!("{WRAPPED_BEFORE}{transcript}<|im_end|>\n"))
    }

    /// An instruction as a talker takes it: what the user says.
    pub fn encode_instruct(&self, instruct: &str) -> Result<Vec<u32>> {
        self.encode(&format!("<|im_start|>user\n{instruct}<|im_end|>\n"))
    }

    /// One more than the largest id that [`Self::encode`] can return.
    pub fn vocab_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    pub(crate) fn check_length(&self, text: &str) -> Result<()> {
        if text.len() <= MAX_TEXT_BYTES {
            return Ok(());
        }
        Err(Error::Request(format!(
            "the text is {} KiB long, expected at most {} KiB: split it",
            text.len().div_ceil(1024),
            MAX_TEXT_BYTES / 1024
        )))
    }

    fn boundaries(&self) -> Option<&Boundaries> {
        self.boundaries.as_ref()
    }

    fn add_tokens(&mut self, files: &ModelFiles, name: &str) -> Result<()> {
        if !files.has(name) && files.has("tokenizer.json") {
            return Ok(());
        }
        for (id, token) in &added_tokens(files, name)? {
            self.tokenizer.add_tokens(&[AddedToken {
                content: token.content.clone(),
                single_word: token.single_word,
                lstrip: token.lstrip,
                rstrip: token.rstrip,
                normalized: token.normalized,
                special: token.special,
            }]);
            let found = self.tokenizer.token_to_id(&token.content);
            if found != Some(*id) {
                let found = found.map_or("none".to_owned(), |id| id.to_string());
                let content = &token.content;
                let reason =
                    format!("added token {content} has id {id}, but the vocabulary gives {found}");
                return Err(broken(files, name, reason));
            }
        }
        Ok(())
    }
}

/// A tokenizer, and whether its first split is one of those above.
struct Split {
    tokenizer: Tokenizer,
    is_known: bool,
}

/// A tokenizer in one file.
fn whole(files: &ModelFiles, name: &str) -> Result<Split> {
    let text = files.text(name)?;
    let mut tokenizer: Tokenizer =
        text.parse().map_err(|error| broken(files, name, format!("{error}")))?;
    tokenizer.with_padding(None);
    // Only a truncation that makes no sense is an error, and none always does.
    let _ = tokenizer.with_truncation(None);
    if tokenizer.get_vocab_size(false) <= LARGE_VOCABULARY {
        return Ok(Split { tokenizer, is_known: false });
    }
    let Some(PreTokenizerWrapper::Sequence(sequence)) = tokenizer.get_pre_tokenizer() else {
        return Err(broken(files, name, "its pre-tokenizer is not a sequence"));
    };
    let mut steps = sequence.as_ref().to_vec();
    let Some(first) = steps.first_mut() else {
        return Err(broken(files, name, "its pre-tokenizer is empty"));
    };
    *first = split(LARGE_SPLIT, files, name)?.into();
    tokenizer.with_pre_tokenizer(Some(Sequence::new(steps)));
    Ok(Split { tokenizer, is_known: true })
}

/// The tokenizer that transformers' `Qwen2Converter` builds.
fn byte_pairs(files: &ModelFiles) -> Result<Split> {
    let vocab: HashMap<String, u32> = parse(files, "vocab.json", &files.text("vocab.json")?)?;
    let first = if vocab.len() > LARGE_VOCABULARY { LARGE_SPLIT } else { QWEN2_SPLIT };
    let vocab: Vocab = vocab.into_iter().collect();
    let merges = merges(files, "merges.txt")?;
    check_merges(files, &vocab, merges.len())?;
    let model = BPE::builder().vocab_and_merges(vocab, merges).build();
    let model = model.map_err(|error| broken(files, "merges.txt", format!("{error}")))?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(NFC));
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![
        split(first, files, "vocab.json")?.into(),
        ByteLevel::new(false, true, false).into(),
    ])));
    Ok(Split { tokenizer, is_known: true })
}

/// Tokens beyond the published vocabulary, by their id.
fn added_tokens(files: &ModelFiles, name: &str) -> Result<BTreeMap<u32, TokenConfig>> {
    let config: TokenizerConfig = parse(files, name, &files.text(name)?)?;
    Ok(config.added_tokens_decoder)
}

/// Every token of more than a byte is made by a merge, or is added: with fewer merges the file has
/// lost its end, and would split words into other tokens than the model knows them by.
fn check_merges(files: &ModelFiles, vocab: &Vocab, merges: usize) -> Result<()> {
    let added = added_tokens(files, "tokenizer_config.json")?;
    let added = added.values().filter(|token| vocab.contains_key(&token.content)).count();
    let expected = vocab.len().saturating_sub(256 + added);
    if merges < expected {
        let size = vocab.len();
        let reason = format!(
            "a vocabulary of {size} needs {expected} merges, found {merges}: it is cut off"
        );
        return Err(broken(files, "merges.txt", reason));
    }
    Ok(())
}

/// One pair a line. Only a first line that begins with `#version:` is a header: many true merges
/// begin with `#`.
fn merges(files: &ModelFiles, name: &str) -> Result<Vec<(String, String)>> {
    let text = files.text(name)?;
    let mut merges = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (number == 0 && line.starts_with("#version:")) {
            continue;
        }
        let mut parts = line.split_whitespace();
        let (Some(left), Some(right), None) = (parts.next(), parts.next(), parts.next()) else {
            let start: String = line.chars().take(40).collect();
            let reason = format!("line {}: expected two parts, found {start:?}", number + 1);
            return Err(broken(files, name, reason));
        };
        merges.push((left.to_owned(), right.to_owned()));
    }
    Ok(merges)
}

fn split(pattern: &str, files: &ModelFiles, name: &str) -> Result<FirstSplit> {
    let pattern = SplitPattern::Regex(pattern.to_owned());
    FirstSplit::new(pattern, SplitDelimiterBehavior::Isolated, false)
        .map_err(|error| broken(files, name, format!("{error}")))
}

fn parse<T: serde::de::DeserializeOwned>(files: &ModelFiles, name: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| broken(files, name, error.to_string()))
}

fn broken(files: &ModelFiles, name: &str, reason: impl Into<String>) -> Error {
    Error::Tokenizer { file: files.name_of(name), reason: reason.into() }
}
