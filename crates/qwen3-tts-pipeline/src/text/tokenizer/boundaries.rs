//! The places where a text can be cut so that its parts have the ids of the whole, whatever follows.

use regex::Regex;
use tokenizers::{NormalizerWrapper, Tokenizer};

/// Pairs of characters that no match of either first split contains side by side, and whose
/// normalised forms do not interact. A part that ends with the first character of such a pair is
/// split as it is within the whole text: the only lookahead of either split is `\s+(?!\S)`, and no
/// first character is white space other than a line end. After a line end, the same holds for the
/// whole run of white space that it ends.
///
/// Letters of the Indic and Hebrew blocks are left out, since they may be decomposed into a letter
/// and a mark.
const PAIRS: &str = concat!(
    r"\S[\s&&[^\r\n]]",
    r"|[\p{L}&&[^\u{900}-\u{fff}\u{fb00}-\u{fb4f}]][^\s\p{L}\p{N}\p{M}]",
    r"|\p{N}\P{M}",
    r"|[^\s\p{N}]\p{N}",
    r"|[\r\n][^\s/\p{M}]",
);

/// The safe cuts of one tokenizer.
#[derive(Debug, Clone)]
pub(super) struct Boundaries {
    pairs: Regex,
    /// Tokens that are found in the text before it is split; a cut must not fall into one.
    added_tokens: Vec<String>,
    /// Length in bytes of the longest added token.
    longest: usize,
}

impl Boundaries {
    /// Returns the safe cuts of a tokenizer, which has one of the two known first splits, or `None`
    /// if its normaliser or its added tokens change the text around them.
    pub fn of(tokenizer: &Tokenizer) -> Option<Self> {
        let normalizer = tokenizer.get_normalizer();
        let is_known = normalizer.is_none_or(|n| matches!(n, NormalizerWrapper::NFC(_)));
        let added = tokenizer.get_added_tokens_decoder();
        let is_plain = added.values().all(|token| {
            let takes_space =
                token.lstrip || token.rstrip || token.content.contains(char::is_whitespace);
            !(token.normalized || token.single_word || takes_space)
        });
        let added_tokens: Vec<String> = added.into_values().map(|token| token.content).collect();
        let longest = added_tokens.iter().map(String::len).max().unwrap_or(0);
        let pairs = Regex::new(PAIRS).ok()?;
        (is_known && is_plain).then_some(Self { pairs, added_tokens, longest })
    }

    /// Returns the last safe cut of `text` after `from`, if there is one.
    pub fn last(&self, text: &str, from: usize) -> Option<usize> {
        let (mut last, mut start) = (None, from);
        while let Some(pair) = self.pairs.find_at(text, start) {
            let first = text[pair.start()..].chars().next().map_or(1, char::len_utf8);
            start = pair.start() + first;
            if !self.may_be_in_token(text, start) {
                last = Some(start);
            }
        }
        last
    }

    /// Returns the first place of `text` that must be examined again when more text follows.
    pub fn undecided(&self, text: &str) -> usize {
        // The last character may begin a pair, and the last few an added token.
        let longest_character = 4;
        let start = text.len().saturating_sub(self.longest + longest_character);
        (0..=start).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
    }

    /// Returns true if an added token lies across `cut`, or may do so when more text follows.
    fn may_be_in_token(&self, text: &str, cut: usize) -> bool {
        let (before, after) = (&text.as_bytes()[..cut], &text.as_bytes()[cut..]);
        self.added_tokens.iter().map(String::as_bytes).any(|token| {
            (1..token.len()).any(|split| {
                let (head, tail) = token.split_at(split);
                let n = tail.len().min(after.len());
                before.ends_with(head) && tail[..n] == after[..n]
            })
        })
    }
}
