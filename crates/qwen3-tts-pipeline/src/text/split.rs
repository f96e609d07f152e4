//! The cuts of a long text, into pieces that are spoken one after the other.
//!
//! A piece is as much of a paragraph as fits a budget of tokens: whole sentences; of a sentence that
//! is too long, whole clauses; of a clause that is too long, whole words.

mod segments;

use std::ops::Range;

use segments::{clauses, paragraphs, sentences, words};

/// A part of a long text that is spoken in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextPiece {
    /// Byte range in the text, without the white space around the piece.
    pub range: Range<usize>,
    /// The largest unit of text that ends with the piece.
    pub(crate) end: PieceEnd,
    /// Approximate number of tokens: the sum over the units that the piece is made of.
    pub tokens: usize,
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

/// Cuts `text` into pieces of at most `budget` tokens; `count` returns the number of tokens of a
/// string. A piece is longer only if it is a single word of more tokens. Every character other than
/// white space is in exactly one piece, and the pieces are in the order of the text.
pub fn split(text: &str, budget: usize, count: &dyn Fn(&str) -> usize) -> Vec<TextPiece> {
    let splitter = Splitter { text, budget: budget.max(1), count };
    let mut pieces = Vec::new();
    for paragraph in paragraphs(text) {
        splitter.pack(&paragraph, PieceEnd::Sentence, &mut pieces);
        if let Some(last) = pieces.last_mut() {
            last.end = PieceEnd::Paragraph;
        }
    }
    splitter.join_silent(pieces)
}

struct Splitter<'t> {
    text: &'t str,
    budget: usize,
    count: &'t dyn Fn(&str) -> usize,
}

impl Splitter<'_> {
    /// Cuts `range` at ends of the kind `end`, and units that exceed the budget at smaller ends.
    fn pack(&self, range: &Range<usize>, end: PieceEnd, pieces: &mut Vec<TextPiece>) {
        let units: Vec<TextPiece> = match end {
            PieceEnd::Paragraph | PieceEnd::Sentence => sentences(self.text, range),
            PieceEnd::Clause => clauses(self.text, range),
            PieceEnd::Word => words(self.text, range),
        }
        .into_iter()
        .filter_map(|range| self.piece(range, end))
        .collect();
        // Pieces of similar length sound more alike than full ones and a short rest.
        let total: usize = units.iter().map(|unit| unit.tokens).sum();
        let target = total.div_ceil(total.div_ceil(self.budget).max(1));
        let mut open: Option<TextPiece> = None;
        for unit in units {
            match open.take() {
                Some(piece)
                    if piece.tokens < target && piece.tokens + unit.tokens <= self.budget =>
                {
                    open = Some(joined(piece, unit));
                }
                piece => {
                    pieces.extend(piece);
                    match smaller(end).filter(|_| unit.tokens > self.budget) {
                        Some(smaller) => {
                            self.pack(&unit.range, smaller, pieces);
                            if let Some(last) = pieces.last_mut() {
                                last.end = end;
                            }
                        }
                        None => open = Some(unit),
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
        (!text.is_empty()).then(|| TextPiece { range, end, tokens: (self.count)(text) })
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
    TextPiece {
        range: first.range.start..second.range.end,
        end: second.end,
        tokens: first.tokens + second.tokens,
    }
}

fn smaller(end: PieceEnd) -> Option<PieceEnd> {
    match end {
        PieceEnd::Paragraph => Some(PieceEnd::Sentence),
        PieceEnd::Sentence => Some(PieceEnd::Clause),
        PieceEnd::Clause => Some(PieceEnd::Word),
        PieceEnd::Word => None,
    }
}

#[cfg(test)]
mod tests {
    use super::PieceEnd::{Clause, Paragraph, Sentence, Word};
    use super::*;

    /// Returns the pieces and their ends, with words for tokens.
    fn pieces(text: &str, budget: usize) -> Vec<(&str, PieceEnd)> {
        let words = |text: &str| text.split_whitespace().count();
        let pieces = split(text, budget, &words);
        pieces.into_iter().map(|piece| (&text[piece.range], piece.end)).collect()
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
