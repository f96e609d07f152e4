//! A long text to pieces that are spoken one by one.
//!
//! Sentences and words are those of [Unicode's text segmentation](https://unicode.org/reports/tr29/),
//! with a dictionary for the languages that write words without spaces. A piece is as much of a
//! paragraph as fits a budget of tokens: whole sentences, of a sentence that is too long whole
//! clauses, of a clause that is too long whole words.

use std::ops::Range;

use icu_segmenter::{SentenceSegmenter, WordSegmenter};

/// A part of a text that is spoken in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPiece {
    /// Where in the text it is; the space around it is in no piece.
    pub range: Range<usize>,
    /// What ends with it.
    pub end: PieceEnd,
    /// Tokens of the text, about.
    pub tokens: usize,
}

/// What ends where a piece ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PieceEnd {
    /// A word.
    Word,
    /// A part of a sentence.
    Clause,
    /// A sentence.
    Sentence,
    /// A paragraph, after which a line is empty.
    Paragraph,
}

/// Cuts `text` into pieces of at most `budget` tokens, which `count` counts. Only a word that has
/// more of them makes a longer piece. Every character but space is in a piece, in the order of the
/// text.
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
    /// Cuts `range` at the ends of a kind, and where that is not enough at smaller ones.
    fn pack(&self, range: &Range<usize>, end: PieceEnd, pieces: &mut Vec<TextPiece>) {
        let units: Vec<TextPiece> = match end {
            PieceEnd::Paragraph | PieceEnd::Sentence => sentences(self.text, range),
            PieceEnd::Clause => clauses(self.text, range),
            PieceEnd::Word => words(self.text, range),
        }
        .into_iter()
        .filter_map(|range| self.piece(range, end))
        .collect();
        // Pieces of about the same length sound more alike than long ones and a rest.
        let total: usize = units.iter().map(|unit| unit.tokens).sum();
        let target = total.div_ceil(total.div_ceil(self.budget).max(1));
        let mut open: Option<TextPiece> = None;
        for unit in units {
            let fits = |piece: &TextPiece| {
                piece.tokens < target && piece.tokens + unit.tokens <= self.budget
            };
            match open.take() {
                Some(piece) if fits(&piece) => open = Some(joined(piece, unit)),
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

    /// The part of `range` between the space around it, if there is one.
    fn piece(&self, range: Range<usize>, end: PieceEnd) -> Option<TextPiece> {
        let text = &self.text[range.clone()];
        let start = range.start + (text.len() - text.trim_start().len());
        let text = text.trim();
        let range = start..start + text.len();
        (!text.is_empty()).then(|| TextPiece { range, end, tokens: (self.count)(text) })
    }

    /// Joins what cannot be said alone, as a line of stars, with the piece before it or after it.
    fn join_silent(&self, pieces: Vec<TextPiece>) -> Vec<TextPiece> {
        let is_silent =
            |piece: &TextPiece| !self.text[piece.range.clone()].chars().any(char::is_alphanumeric);
        let mut joined_pieces: Vec<TextPiece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let joins = |last: &TextPiece| {
                (is_silent(&piece) || is_silent(last)) && last.tokens + piece.tokens <= self.budget
            };
            match joined_pieces.pop() {
                Some(last) if joins(&last) => joined_pieces.push(joined(last, piece)),
                last => joined_pieces.extend(last.into_iter().chain([piece])),
            }
        }
        joined_pieces
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

/// Runs of lines between empty ones.
fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let (mut ends, mut place, mut was_empty) = (Vec::new(), 0, false);
    for line in text.split_inclusive(['\n', '\u{2029}', '\u{c}']) {
        let is_empty = line.trim().is_empty();
        if was_empty && !is_empty {
            ends.push(place);
        }
        place += line.len();
        was_empty = is_empty || line.ends_with(['\u{2029}', '\u{c}']);
    }
    between(0, ends, text.len())
}

fn sentences(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    // By the rules, the end of a line ends a sentence. Within a paragraph it is where the line was
    // full.
    let line: String = text[range.clone()].chars().map(unwrapped).collect();
    let ends = SentenceSegmenter::new(Default::default()).segment_str(&line);
    // The rules count every bracket after a full stop, and every mark after the space, as part of
    // the sentence that ends, even those that open the next one.
    let ends = ends.map(|end| match end == line.len() {
        true => end,
        false => line[..end].trim_end_matches(opens).len(),
    });
    between(range.start, ends.map(|end| range.start + end), range.end)
}

/// Whether a character opens what follows it, where that follows without space: brackets,
/// quotation marks of writing without spaces, marks of direction.
fn opens(letter: char) -> bool {
    matches!(
        letter,
        '「' | '『'
            | '（'
            | '《'
            | '〈'
            | '【'
            | '〔'
            | '“'
            | '‘'
            | '('
            | '['
            | '{'
            | '¿'
            | '¡'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{61c}'
            | '\u{202a}'
            | '\u{202b}'
            | '\u{202d}'
            | '\u{202e}'
            | '\u{2066}'..='\u{2068}'
    )
}

/// Another character of the same length in place of a line's end.
fn unwrapped(letter: char) -> char {
    if matches!(letter, '\n' | '\r') { ' ' } else { letter }
}

fn clauses(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    let is_clause = |end: &usize| {
        let before = text[range.start..*end].trim_end();
        let before = before.trim_end_matches(['"', '\'', '”', '’', '»', '」', '』', ')', '）']);
        before.ends_with(CLAUSE_ENDS)
    };
    let ends = word_ends(text, range).into_iter().filter(is_clause);
    between(range.start, ends, range.end)
}

/// What parts of a sentence end with.
const CLAUSE_ENDS: [char; 13] =
    [',', ';', ':', '—', '–', '…', '、', '，', '；', '：', '،', '؛', '·'];

fn words(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    between(range.start, word_ends(text, range), range.end)
}

/// Where a piece may end: after space, or between words that are written without it, together with
/// the punctuation that follows a word.
fn word_ends(text: &str, range: &Range<usize>) -> Vec<usize> {
    let part = &text[range.clone()];
    let segmenter = WordSegmenter::new_dictionary(Default::default());
    let (mut ends, mut start) = (Vec::new(), 0);
    let mut segments = segmenter.segment_str(part).iter_with_word_type().peekable();
    while let Some((end, kind)) = segments.next() {
        let next_is_word = segments.peek().is_some_and(|(_, kind)| kind.is_word_like());
        // Marks may follow the first character, of a word or of space.
        let may_end = match part[start..end].chars().next() {
            None => false,
            Some(first) if first.is_whitespace() => true,
            Some('、' | '，' | '；' | '：') => next_is_word,
            Some(_) => kind.is_word_like() && next_is_word,
        };
        if may_end {
            ends.push(range.start + part[..end].trim_end_matches(opens).len());
        }
        start = end;
    }
    ends
}

/// The ranges that `ends` cut `start..end` into.
fn between(start: usize, ends: impl IntoIterator<Item = usize>, end: usize) -> Vec<Range<usize>> {
    let mut from = start;
    let mut ranges = Vec::new();
    for to in ends.into_iter().chain([end]) {
        if from < to {
            ranges.push(from..to);
            from = to;
        }
    }
    ranges
}
