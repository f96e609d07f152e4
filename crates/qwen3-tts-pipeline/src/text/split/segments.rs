//! The paragraphs, sentences, clauses and words of a text.
//!
//! Words are those of [Unicode's text segmentation](https://unicode.org/reports/tr29/), with a
//! dictionary for the languages that write words without spaces. All ranges of one kind together
//! cover the range that they were asked for.

use std::ops::Range;

use icu_segmenter::WordSegmenter;

use super::abbreviations::Abbreviations;
use super::sentences::{is_bound, opens, sentence_ends};

/// Returns the runs of lines between empty lines.
pub fn paragraphs(text: &str) -> Vec<Range<usize>> {
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

/// Returns the sentences of `range`, which is within one paragraph.
pub fn sentences(
    text: &str,
    range: &Range<usize>,
    abbreviations: &Abbreviations,
) -> Vec<Range<usize>> {
    let ends = sentence_ends(&text[range.clone()], abbreviations);
    between(range.start, ends.into_iter().map(|end| range.start + end), range.end)
}

/// Returns the clauses of `range`: runs of words up to a mark that separates parts of a sentence.
pub fn clauses(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    let is_clause = |end: &usize| {
        let before = text[range.start..*end].trim_end();
        let before = before.trim_end_matches(['"', '\'', '”', '’', '»', '」', '』', ')', '）']);
        before.ends_with(CLAUSE_ENDS) || before.ends_with("...")
    };
    let ends = word_ends(text, range).into_iter().filter(is_clause);
    between(range.start, ends, range.end)
}

/// The marks that end a clause.
const CLAUSE_ENDS: [char; 13] =
    [',', ';', ':', '—', '–', '…', '、', '，', '；', '：', '،', '؛', '·'];

/// Returns the words of `range`, of which those that belong together are one: "Dr. Brown",
/// "10 000".
pub fn phrases(
    text: &str,
    range: &Range<usize>,
    abbreviations: &Abbreviations,
) -> Vec<Range<usize>> {
    let part = &text[range.clone()];
    let may_end = |end: &usize| !is_bound(part, end - range.start, abbreviations);
    between(range.start, word_ends(text, range).into_iter().filter(may_end), range.end)
}

/// Returns the words of `range`, each with the punctuation and the white space after it.
pub fn words(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    between(range.start, word_ends(text, range), range.end)
}

/// Returns the ends of words: after white space, or between words that are written without it. The
/// punctuation after a word belongs to it.
fn word_ends(text: &str, range: &Range<usize>) -> Vec<usize> {
    let part = &text[range.clone()];
    let segmenter = WordSegmenter::new_dictionary(Default::default());
    let (mut ends, mut start) = (Vec::new(), 0);
    let mut segments = segmenter.segment_str(part).iter_with_word_type().peekable();
    while let Some((end, kind)) = segments.next() {
        let next_is_word = segments.peek().is_some_and(|(_, kind)| kind.is_word_like());
        // The first character decides: marks may follow it within a segment.
        let may_end = match part[start..end].chars().next() {
            None => false,
            Some(first) if first.is_whitespace() => true,
            Some('、' | '，' | '；' | '：' | '—' | '…') => next_is_word,
            Some(_) => kind.is_word_like() && next_is_word,
        };
        if may_end {
            ends.push(range.start + part[..end].trim_end_matches(opens).len());
        }
        start = end;
    }
    ends
}

/// Returns the ranges into which `ends` cut `start..end`.
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
