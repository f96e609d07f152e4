//! vocab.json and merges.txt of a full-size checkpoint.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, json};

/// Number of entries of the published vocabulary, without added tokens.
const ENTRIES: usize = 151_643;
/// Words that a prompt needs as single tokens, with their published ids.
const WORDS: [(&str, usize); 2] = [("user", 872), ("assistant", 77_091)];

/// Bytes that never occur in UTF-8; tokens made of them only fill the vocabulary.
const NEVER_IN_TEXT: [u8; 13] =
    [0xc0, 0xc1, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff];

/// Copies the files from `source`, or generates a byte-level vocabulary.
///
/// The generated one has the 256 bytes at their published ids, the two words that delimit prompts,
/// and fillers that no text contains; every token except the bytes has its merge.
pub fn write(out: &Path, source: Option<&Path>) -> Result<()> {
    let (vocab, merges) = match source {
        Some(source) => (read(&source.join("vocab.json"))?, read(&source.join("merges.txt"))?),
        None => made_up(),
    };
    fs::write(out.join("vocab.json"), vocab).context("writing vocab.json")?;
    fs::write(out.join("merges.txt"), merges).context("writing merges.txt")
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn made_up() -> (String, String) {
    let alphabet = byte_alphabet();
    let mut tokens = vec![None; ENTRIES];
    for (id, letter) in alphabet.iter().enumerate() {
        tokens[id] = Some(letter.to_string());
    }
    let mut merges: Vec<(String, String)> =
        WORDS.iter().flat_map(|(word, _)| spelled(word)).collect();
    for (word, id) in WORDS {
        tokens[id] = Some(word.to_owned());
    }
    let wanted = ENTRIES - alphabet.len() - merges.len();
    merges.extend(fillers(&alphabet).take(wanted));
    let made = merges.iter().map(|(left, right)| format!("{left}{right}"));
    let mut made = made.filter(|token| WORDS.iter().all(|(word, _)| word != token));
    let entries = tokens.into_iter().enumerate().map(|(id, token)| {
        let token = token.or_else(|| made.next()).unwrap_or_default();
        (token, json!(id))
    });
    let vocab = json!(entries.collect::<Map<_, _>>()).to_string();
    (vocab, merges.iter().map(|(left, right)| format!("{left} {right}\n")).collect())
}

/// Returns the merges that build `word` letter by letter.
fn spelled(word: &str) -> impl Iterator<Item = (String, String)> {
    (2..=word.len()).map(move |end| (word[..end - 1].to_owned(), word[end - 1..end].to_owned()))
}

/// Returns merges of letters that never occur in text, each with an earlier token, shortest first.
fn fillers(alphabet: &[char]) -> impl Iterator<Item = (String, String)> {
    let mut letters: Vec<char> = alphabet.to_vec();
    letters.retain(|&letter| NEVER_IN_TEXT.iter().any(|&byte| char::from(byte) == letter));
    let mut left: Vec<String> = letters.iter().map(char::to_string).collect();
    (0..).flat_map(move |_| {
        let parts = std::mem::take(&mut left);
        let pairs = parts
            .iter()
            .flat_map(|part| letters.iter().map(move |letter| (part.clone(), letter.to_string())));
        let pairs: Vec<_> = pairs.collect();
        left = pairs.iter().map(|(left, right)| format!("{left}{right}")).collect();
        pairs
    })
}

/// Returns GPT-2's printable letters for bytes, in the order of their published ids: first the
/// bytes that print as themselves, then the others.
fn byte_alphabet() -> Vec<char> {
    let prints = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others = (0..=255_u8).filter(|byte| !prints(byte)).count() as u32;
    let printing = (0..=255_u8).filter(prints).map(char::from);
    printing.chain((256..256 + others).filter_map(char::from_u32)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use serde_json::Value;

    #[test]
    fn the_generated_vocabulary_has_published_ids() {
        let (vocab, merges) = made_up();
        let vocab: Map<String, Value> = serde_json::from_str(&vocab).expect("JSON");
        assert_eq!(vocab.len(), ENTRIES);
        // Published ids: newline, space, "!".
        for (token, id) in [("Ċ", 198), ("Ġ", 220), ("!", 0), ("assistant", 77_091), ("user", 872)]
        {
            assert_eq!(vocab[token], id, "{token}");
        }
        assert_eq!(merges.lines().count(), ENTRIES - 256);
        let mut made = byte_alphabet().into_iter().map(String::from).collect::<HashSet<_>>();
        for line in merges.lines() {
            let (left, right) = line.split_once(' ').expect("two parts");
            assert!(made.contains(left) && made.contains(right), "{line}: made of later tokens");
            made.insert(format!("{left}{right}"));
        }
        assert_eq!(made, vocab.keys().cloned().collect());
    }
}
