//! vocab.json and merges.txt of a full-size checkpoint.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, json};

/// Entries of the published vocabulary, without added tokens.
const ENTRIES: usize = 151_643;
/// Words that a prompt needs as one token, with their published ids.
const WORDS: [(&str, usize); 2] = [("user", 872), ("assistant", 77_091)];

/// Copies the files from `source`, or makes up a byte-level vocabulary.
///
/// The made-up one has the 256 bytes at their published ids, the two words that prompts are cut by,
/// and fillers that no text reaches.
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
    let mut tokens: Vec<String> = (0..ENTRIES).map(|id| format!("<filler_{id}>")).collect();
    for (id, letter) in byte_alphabet().into_iter().enumerate() {
        tokens[id] = letter.to_string();
    }
    let mut merges = String::new();
    let mut free = 256;
    for (word, id) in WORDS {
        for end in 2..=word.len() {
            let (left, right) = (&word[..end - 1], &word[end - 1..end]);
            merges += &format!("{left} {right}\n");
            if end < word.len() {
                tokens[free] = word[..end].to_owned();
                free += 1;
            }
        }
        tokens[id] = word.to_owned();
    }
    let entries = tokens.into_iter().enumerate().map(|(id, token)| (token, json!(id)));
    (json!(entries.collect::<Map<_, _>>()).to_string(), merges)
}

/// GPT-2's printable letters for bytes, in the order of their published ids: bytes that print as
/// themselves first, then the others.
fn byte_alphabet() -> Vec<char> {
    let prints = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others = (0..=255_u8).filter(|byte| !prints(byte)).count() as u32;
    let printing = (0..=255_u8).filter(prints).map(char::from);
    printing.chain((256..256 + others).filter_map(char::from_u32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_made_up_vocabulary_has_the_published_landmarks() {
        let (vocab, merges) = made_up();
        let vocab: Map<String, Value> = serde_json::from_str(&vocab).expect("JSON");
        assert_eq!(vocab.len(), ENTRIES);
        // Published ids: newline, space, "!".
        for (token, id) in [("Ċ", 198), ("Ġ", 220), ("!", 0), ("assistant", 77_091), ("user", 872)]
        {
            assert_eq!(vocab[token], id, "{token}");
        }
        for line in merges.lines() {
            let (left, right) = line.split_once(' ').expect("two parts");
            for part in [left, right, &format!("{left}{right}")] {
                assert!(vocab.contains_key(part), "{part}");
            }
        }
    }
}
