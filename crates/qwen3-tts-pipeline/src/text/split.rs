//! The cuts of a long text, into pieces that are spoken one after the other.
//!
//! A piece is as much of a paragraph as fits a budget of tokens: whole sentences; of a sentence that
//! is too long, whole clauses; of a clause that is too long, whole words, and those together that
//! belong together as long as that fits.

mod abbreviations;
mod lines;
mod quotations;
mod segments;
mod sentences;

use std::ops::Range;

use qwen3_tts_config::Language;

use abbreviations::Abbreviations;
use segments::{clauses, paragraphs, phrases, sentences, words};

/// A part of a long text that is spoken in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextPiece {
    /// Byte range in the text, without the white space around the piece.
    pub range: Range<usize>,
    /// Byte range in the text without its marks.
    pub(crate) spoken: Range<usize>,
    /// Index of the section of the text that the piece is in.
    pub(crate) section: usize,
    /// The largest unit of text that ends with the piece.
    pub(crate) end: PieceEnd,
    /// Approximate number of tokens: the sum over the units that the piece is made of.
    pub tokens: usize,
}

impl TextPiece {
    /// Creates a piece of a text without marks.
    pub(crate) fn new(range: Range<usize>, end: PieceEnd, tokens: usize) -> Self {
        Self { spoken: range.clone(), range, section: 0, end, tokens }
    }

    /// Returns true if a sentence ends with the piece, or the text.
    pub fn ends_sentence(&self) -> bool {
        self.end >= PieceEnd::Sentence
    }
}

/// A unit of text that ends where a piece ends, from the smallest to the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PieceEnd {
    /// A word.
    Word,
    /// A part of a sentence.
    Clause,
    /// A sentence.
    Sentence,
    /// A paragraph, which an empty line follows.
    Paragraph,
}

/// A kind of part that a text can be cut into.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Sentence,
    Clause,
    /// Words that belong together.
    Phrase,
    Word,
}

impl Unit {
    fn end(self) -> PieceEnd {
        match self {
            Self::Sentence => PieceEnd::Sentence,
            Self::Clause => PieceEnd::Clause,
            Self::Phrase | Self::Word => PieceEnd::Word,
        }
    }

    fn smaller(self) -> Option<Self> {
        match self {
            Self::Sentence => Some(Self::Clause),
            Self::Clause => Some(Self::Phrase),
            Self::Phrase => Some(Self::Word),
            Self::Word => None,
        }
    }
}

/// The sizes of pieces.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Maximum number of tokens of a piece.
    pub budget: usize,
    /// True if no piece has more than one sentence.
    pub each_sentence: bool,
}

/// Cuts `text` into pieces of at most `budget` tokens; `count` returns the number of tokens of a
/// string. A piece is longer only if it is a single word of more tokens. Every character other than
/// white space is in exactly one piece, and the pieces are in the order of the text. Sentences end
/// by the rules of `language`, or of every language if it is not known.
pub fn split(
    text: &str,
    language: Option<Language>,
    sizes: Sizes,
    count: &dyn Fn(&str) -> usize,
) -> Vec<TextPiece> {
    let abbreviations = Abbreviations::of(language);
    let Sizes { budget, each_sentence } = sizes;
    let splitter = Splitter { text, abbreviations, budget: budget.max(1), each_sentence, count };
    let mut pieces = Vec::new();
    for paragraph in paragraphs(text) {
        splitter.pack(&paragraph, Unit::Sentence, &mut pieces);
        if let Some(last) = pieces.last_mut() {
            last.end = PieceEnd::Paragraph;
        }
    }
    splitter.join_silent(pieces)
}

struct Splitter<'t> {
    text: &'t str,
    abbreviations: &'static Abbreviations,
    budget: usize,
    each_sentence: bool,
    count: &'t dyn Fn(&str) -> usize,
}

impl Splitter<'_> {
    /// Cuts `range` into units, and those that exceed the budget into smaller ones.
    fn pack(&self, range: &Range<usize>, unit: Unit, pieces: &mut Vec<TextPiece>) {
        let end = unit.end();
        let units: Vec<TextPiece> = match unit {
            Unit::Sentence => sentences(self.text, range, self.abbreviations),
            Unit::Clause => clauses(self.text, range),
            Unit::Phrase => phrases(self.text, range, self.abbreviations),
            Unit::Word => words(self.text, range),
        }
        .into_iter()
        .filter_map(|range| self.piece(range, end))
        .collect();
        // Pieces of similar length sound more alike than full ones and a short rest.
        let total: usize = units.iter().map(|part| part.tokens).sum();
        let target = total.div_ceil(total.div_ceil(self.budget).max(1));
        let is_alone = self.each_sentence && matches!(unit, Unit::Sentence);
        let mut open: Option<TextPiece> = None;
        for part in units {
            match open.take() {
                Some(piece)
                    if !is_alone
                        && piece.tokens < target
                        && piece.tokens + part.tokens <= self.budget =>
                {
                    open = Some(joined(piece, part));
                }
                piece => {
                    pieces.extend(piece);
                    match unit.smaller().filter(|_| part.tokens > self.budget) {
                        Some(smaller) => {
                            self.pack(&part.range, smaller, pieces);
                            if let Some(last) = pieces.last_mut() {
                                last.end = end;
                            }
                        }
                        None => open = Some(part),
                    }
                }
            }
        }
        pieces.extend(open);
    }

    /// Returns `range` without the white space around it, or `None` if nothing else is in it.
    fn piece(&self, range: Range<usize>, end: PieceEnd) -> Option<TextPiece> {
        let text = &self.text[range.clone()];
        let start = range.start + (text.len() - text.trim_start().len());
        let text = text.trim();
        let range = start..start + text.len();
        (!text.is_empty()).then(|| TextPiece::new(range, end, (self.count)(text)))
    }

    /// Joins a piece without letters and digits, such as a line of asterisks, with a neighbour: it
    /// cannot be spoken alone.
    fn join_silent(&self, pieces: Vec<TextPiece>) -> Vec<TextPiece> {
        let mut joined_pieces: Vec<TextPiece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match joined_pieces.pop() {
                Some(last)
                    if (self.is_silent(&piece) || self.is_silent(&last))
                        && last.tokens + piece.tokens <= self.budget =>
                {
                    joined_pieces.push(joined(last, piece));
                }
                last => joined_pieces.extend(last.into_iter().chain([piece])),
            }
        }
        joined_pieces
    }

    fn is_silent(&self, piece: &TextPiece) -> bool {
        !self.text[piece.range.clone()].chars().any(char::is_alphanumeric)
    }
}

fn joined(first: TextPiece, second: TextPiece) -> TextPiece {
    let range = first.range.start..second.range.end;
    TextPiece::new(range, second.end, first.tokens + second.tokens)
}

#[cfg(test)]
mod tests {
    use super::PieceEnd::{Clause, Paragraph, Sentence, Word};
    use super::*;

    /// Returns the pieces and their ends, with words for tokens.
    fn pieces(text: &str, budget: usize) -> Vec<(&str, PieceEnd)> {
        let words = |text: &str| text.split_whitespace().count();
        let pieces = split(text, None, Sizes { budget, each_sentence: false }, &words);
        pieces.into_iter().map(|piece| (&text[piece.range], piece.end)).collect()
    }

    #[test]
    fn each_sentence_may_be_a_piece() {
        let text = "One. Two three! *** Four.\n\nFive, six seven.";
        let words = |text: &str| text.split_whitespace().count();
        let pieces = split(text, None, Sizes { budget: 2, each_sentence: true }, &words);
        let pieces: Vec<_> = pieces.into_iter().map(|piece| &text[piece.range]).collect();
        assert_eq!(pieces, ["One.", "Two three!", "*** Four.", "Five,", "six seven."]);
    }

    #[test]
    fn a_piece_knows_the_largest_unit_that_it_ends() {
        let text = "One, two three. Four five six.\n\nSeven eight.";
        let whole = [("One, two three. Four five six.", Paragraph), ("Seven eight.", Paragraph)];
        assert_eq!(pieces(text, 9), whole);
        let sentences = [
            ("One, two three.", Sentence),
            ("Four five six.", Paragraph),
            ("Seven eight.", Paragraph),
        ];
        assert_eq!(pieces(text, 3), sentences);
        let smaller = [
            ("One,", Clause),
            ("two three.", Sentence),
            ("Four five", Word),
            ("six.", Paragraph),
            ("Seven eight.", Paragraph),
        ];
        assert_eq!(pieces(text, 2), smaller);
    }
}
