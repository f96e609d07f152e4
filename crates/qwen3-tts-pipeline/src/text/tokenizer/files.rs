//! The files of a tokenizer.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use super::accepted::{LARGE_SPLIT, QWEN2_SPLIT, check_added_tokens, check_tokenizer};
use crate::{Error, ModelFiles, Result};

/// Number of tokens above which a vocabulary is split by [`LARGE_SPLIT`], added tokens not counted.
const LARGE_VOCABULARY: usize = 100_000;

/// The part of `tokenizer_config.json` that is read.
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

/// Reads `tokenizer.json` if there is one, else `vocab.json` and `merges.txt`; and the added tokens
/// of `tokenizer_config.json`.
pub fn load(files: &ModelFiles) -> Result<Tokenizer> {
    let mut tokenizer = match files.has("tokenizer.json") {
        true => single_file(files, "tokenizer.json")?,
        false => byte_pairs(files)?,
    };
    let name = "tokenizer_config.json";
    add_tokens(&mut tokenizer, files, name)?;
    for token in ["<|im_start|>", "<|im_end|>"] {
        if tokenizer.token_to_id(token).is_none() {
            return Err(broken(files, name, format!("it does not define {token}")));
        }
    }
    Ok(tokenizer)
}

/// Reads a tokenizer that is described by one file.
fn single_file(files: &ModelFiles, name: &str) -> Result<Tokenizer> {
    let text = files.text(name)?;
    check_tokenizer(&text).map_err(|reason| broken(files, name, reason))?;
    let mut tokenizer: Tokenizer =
        text.parse().map_err(|error| broken(files, name, format!("{error}")))?;
    tokenizer.with_padding(None);
    // `with_truncation` fails only for inconsistent parameters; `None` has none.
    let _ = tokenizer.with_truncation(None);
    if tokenizer.get_vocab_size(false) > LARGE_VOCABULARY {
        tokenizer.with_pre_tokenizer(Some(pre_tokenizer(LARGE_SPLIT, files, name)?));
    }
    Ok(tokenizer)
}

/// Builds the tokenizer that transformers' `Qwen2Converter` builds from the same files.
fn byte_pairs(files: &ModelFiles) -> Result<Tokenizer> {
    let vocab: HashMap<String, u32> = parse(files, "vocab.json", &files.text("vocab.json")?)?;
    let first = if vocab.len() > LARGE_VOCABULARY { LARGE_SPLIT } else { QWEN2_SPLIT };
    let vocab: Vocab = vocab.into_iter().collect();
    let merges = merges(files, "merges.txt")?;
    check_merges(files, &vocab, merges.len())?;
    let model = BPE::builder().vocab_and_merges(vocab, merges).build();
    let model = model.map_err(|error| broken(files, "merges.txt", format!("{error}")))?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(NFC));
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer(first, files, "vocab.json")?));
    Ok(tokenizer)
}

/// Adds the tokens of `tokenizer_config.json`, which only `tokenizer.json` makes optional.
fn add_tokens(tokenizer: &mut Tokenizer, files: &ModelFiles, name: &str) -> Result<()> {
    if !files.has(name) && files.has("tokenizer.json") {
        return Ok(());
    }
    let config = added_tokens(files, name)?;
    let token = |token: &TokenConfig| AddedToken {
        content: token.content.clone(),
        single_word: token.single_word,
        lstrip: token.lstrip,
        rstrip: token.rstrip,
        normalized: token.normalized,
        special: token.special,
    };
    // All at once: the search for them is built anew at each call.
    tokenizer.add_tokens(&config.values().map(token).collect::<Vec<_>>());
    for (id, token) in &config {
        let found = tokenizer.token_to_id(&token.content);
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

/// Returns the tokens beyond the vocabulary, by id.
fn added_tokens(files: &ModelFiles, name: &str) -> Result<BTreeMap<u32, TokenConfig>> {
    let config: TokenizerConfig = parse(files, name, &files.text(name)?)?;
    let tokens = config.added_tokens_decoder;
    check_added_tokens(tokens.values().map(|token| token.content.as_str()))
        .map_err(|reason| broken(files, name, reason))?;
    Ok(tokens)
}

/// Checks that `merges.txt` is complete. Every token of more than one byte comes from a merge or is an
/// added token: with fewer merges, words would be split into other tokens than in training.
fn check_merges(files: &ModelFiles, vocab: &Vocab, merges: usize) -> Result<()> {
    let added = added_tokens(files, "tokenizer_config.json")?;
    let added = added.values().filter(|token| vocab.contains_key(&token.content)).count();
    let expected = vocab.len().saturating_sub(256 + added);
    if merges < expected {
        let size = vocab.len();
        let reason = format!(
            "a vocabulary of {size} needs {expected} merges, found {merges}: the file is cut off"
        );
        return Err(broken(files, "merges.txt", reason));
    }
    Ok(())
}

/// Reads merges, one pair a line. Only a first line that begins with `#version:` is a header: many
/// merges begin with `#`.
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

/// Splits a text by a pattern, and then into bytes.
fn pre_tokenizer(pattern: &str, files: &ModelFiles, name: &str) -> Result<Sequence> {
    let pattern = SplitPattern::Regex(pattern.to_owned());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)
        .map_err(|error| broken(files, name, format!("{error}")))?;
    Ok(Sequence::new(vec![split.into(), ByteLevel::new(false, true, false).into()]))
}

fn parse<T: serde::de::DeserializeOwned>(files: &ModelFiles, name: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| broken(files, name, error.to_string()))
}

fn broken(files: &ModelFiles, name: &str, reason: impl Into<String>) -> Error {
    Error::Tokenizer { file: files.name_of(name), reason: reason.into() }
}
