//! The ends of sentences.
//!
//! The candidates are those of [Unicode's text segmentation](https://unicode.org/reports/tr29/). It
//! knows no words, so that it also ends a sentence after "Dr." and before "he said". The rules here
//! decide which candidates are none. In doubt a sentence goes on: a cut in the wrong place is heard,
//! a sentence that is too long is cut at a clause.

use icu_segmenter::SentenceSegmenter;
use qwen3_tts_config::Language;

use super::abbreviations::{Abbreviation, Abbreviations, is_name_particle};
use super::lines::{is_hangul, unwrap};
use super::quotations;

/// Returns the places in `paragraph` where a sentence ends, without the end of the paragraph.
pub fn sentence_ends(paragraph: &str, abbreviations: &Abbreviations) -> Vec<usize> {
    let text = unwrap(paragraph);
    let mut ends = Vec::new();
    let mut start = 0;
    for end in SentenceSegmenter::new(Default::default()).segment_str(&text) {
        // The Unicode rules count every bracket after a full stop, and every mark after the space,
        // as part of the sentence that ends, even those that open the next sentence.
        let end = text[..end].trim_end_matches(opens).len();
        if end <= start || end == text.len() {
            continue;
        }
        if !Candidate::new(&text[start..], end - start).goes_on(abbreviations) {
            ends.push(end);
            start = end;
        }
    }
    ends
}

/// Returns true if the words before and after `place` belong together: an abbreviation or an
/// initial and what it stands before, or the groups of a number.
pub fn is_bound(text: &str, place: usize, abbreviations: &Abbreviations) -> bool {
    let (before, after) = (text[..place].trim_end(), text[place..].trim_start());
    let is_number = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    if is_number(before.chars().next_back()) && is_number(after.chars().next()) {
        return true;
    }
    before.ends_with('.') && Candidate::new(text, place).stop_goes_on(abbreviations)
}

/// Returns true for a character that belongs to the text after it if no space follows: opening
/// brackets, opening quotation marks of scripts without spaces, marks of direction.
pub fn opens(letter: char) -> bool {
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

/// A place where a sentence may end.
struct Candidate<'t> {
    /// The sentence up to the mark that may end it, and the mark.
    sentence: &'t str,
    /// Closing quotation marks and brackets after the mark.
    closers: &'t str,
    /// White space after them.
    space: &'t str,
    /// Text after the space.
    after: &'t str,
}

impl<'t> Candidate<'t> {
    /// Returns the candidate at `end` for the sentence at the beginning of `text`.
    fn new(text: &'t str, end: usize) -> Self {
        let (before, after) = text.split_at(end);
        let (before, space) = before.split_at(before.trim_end().len());
        let (sentence, closers) = before.split_at(before.trim_end_matches(closes).len());
        Self { sentence, closers, space, after }
    }

    fn goes_on(&self, abbreviations: &Abbreviations) -> bool {
        if self.space.contains('\n') {
            // Lines are unwrapped, except where an item of a list or a line of dialogue ends.
            return false;
        }
        self.is_in_address()
            || self.is_aside()
            || quotations::go_on(self.closers, self.space, self.after, abbreviations)
            || (self.sentence.ends_with('.') && self.stop_goes_on(abbreviations))
    }

    /// Returns true in the middle of a web or mail address, a file name or a version.
    fn is_in_address(&self) -> bool {
        let is_part = |letter: char| letter.is_ascii_graphic();
        let next = self.after.chars().next();
        if !self.space.is_empty() || !next.is_some_and(|next| next.is_ascii_alphanumeric()) {
            return false;
        }
        let sentence = tail(self.sentence);
        let word = &sentence[sentence.trim_end_matches(is_part).len()..];
        let is_name = word.ends_with('.') && word.len() > 1 && self.closers.is_empty();
        is_name || word.contains("://") || word.contains('@') || word.starts_with("www.")
    }

    /// Returns true after a bracket or a title within a sentence: "He (what a man!) left."
    fn is_aside(&self) -> bool {
        self.closers.chars().any(|closing| match opening_bracket(closing) {
            Some('《' | '〈') => true,
            Some(opening) => {
                let tail = tail(self.sentence);
                let head = self.sentence.len() - tail.len();
                let start = tail.rfind(opening).map(|start| head + start);
                start.is_some_and(|start| !is_bare(&self.sentence[..start]))
            }
            None => false,
        })
    }

    /// Returns true if the full stop at the end belongs to the word before it, or to an ellipsis.
    fn stop_goes_on(&self, abbreviations: &Abbreviations) -> bool {
        let before = self.sentence.trim_end_matches('.');
        if self.sentence.len() - before.len() > 1 {
            return self.ellipsis_goes_on(before, abbreviations);
        }
        let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
        if word.contains("://") || word.contains('@') || word.starts_with("www.") {
            return false;
        }
        let word = word.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return self.number_goes_on(before, word, abbreviations);
        }
        let tokens = Tokens::before(before);
        let head = &before[..before.len() - tokens.last().len()];
        // Units such as "km/h" have no full stop of their own.
        if tokens.last().is_empty() || head.ends_with('/') {
            return false;
        }
        let is_item = is_bare(head);
        if is_item && (is_single(tokens.last()) || is_roman(tokens.last())) {
            return true;
        }
        match tokens.abbreviation(abbreviations) {
            Some(Abbreviation::Leading) => true,
            Some(Abbreviation::Closing) => false,
            Some(Abbreviation::Numbered) => self.after.starts_with(|c: char| c.is_numeric()),
            Some(Abbreviation::Ending) => !self.opens_sentence(abbreviations, false),
            None if is_single(tokens.last()) => !self.opens_sentence(abbreviations, true),
            None => {
                is_roman(tokens.last())
                    && abbreviations.is_in(Language::German)
                    && !self.opens_sentence(abbreviations, false)
            }
        }
    }

    /// Returns true if an ellipsis is a pause within a sentence. A repeated word is stammered.
    fn ellipsis_goes_on(&self, before: &str, abbreviations: &Abbreviations) -> bool {
        let last = Tokens::before(before);
        let next = first_word(self.after);
        last.last().to_lowercase() == next.to_lowercase()
            || !self.opens_sentence(abbreviations, false)
    }

    /// Returns true if a number with a full stop is that of a list item, part of a date, or an
    /// ordinal number. A number after an abbreviation, as in "S. 5", does not count.
    fn number_goes_on(&self, before: &str, number: &str, abbreviations: &Abbreviations) -> bool {
        let head = &before[..before.len() - number.len()];
        let is_part = |part: &str| part.len() <= 3;
        (is_bare(head) && number.split('.').all(is_part))
            || self.after.starts_with(|letter: char| letter.is_ascii_digit() || is_hangul(letter))
            || (is_part(number)
                && !head.trim_end().ends_with('.')
                && abbreviations.follows_ordinal(first_word(self.after)))
    }

    /// Returns true if the next word begins sentences and is not part of a name.
    fn opens_sentence(&self, abbreviations: &Abbreviations, after_initial: bool) -> bool {
        let word = first_word(self.after);
        let start = self.after.find(word).unwrap_or(0);
        let is_initial = is_single(word) && self.after[start + word.len()..].starts_with('.');
        let is_particle = after_initial && is_name_particle(word);
        !is_initial && !is_particle && abbreviations.is_opener(word)
    }
}

/// Returns the last 2 KiB of a text: no address and no bracket is longer, and the time that a search
/// takes stays in proportion to the text.
fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(2048);
    let start = (start..text.len()).find(|place| text.is_char_boundary(*place));
    &text[start.unwrap_or(text.len())..]
}

/// The last words before a full stop, as far as only full stops and single spaces part them.
struct Tokens<'t> {
    /// The words, the last one first.
    words: Vec<&'t str>,
    /// The word before them.
    previous: &'t str,
}

impl<'t> Tokens<'t> {
    /// Returns the words at the end of `text`, whose last full stop is left out.
    fn before(text: &'t str) -> Self {
        /// The longest abbreviations have this many parts: "v. u. Z.", "i. d. R."
        const MOST: usize = 4;
        let mut words = Vec::new();
        let mut rest = text;
        loop {
            let head = rest.trim_end_matches(|letter| is_word_part(letter) || letter == '-');
            words.push(rest[head.len()..].trim_start_matches('-'));
            let head = head.strip_suffix([' ', '\u{a0}', '\u{202f}', '\u{2009}']).unwrap_or(head);
            match head.strip_suffix('.') {
                Some(head) if words.len() < MOST => rest = head,
                _ => {
                    let head = head.trim_end();
                    let start = head.trim_end_matches(is_word_part).len();
                    return Self { words, previous: &head[start..] };
                }
            }
        }
    }

    fn last(&self) -> &'t str {
        self.words[0]
    }

    /// Returns the kind of the longest abbreviation at the end.
    fn abbreviation(&self, abbreviations: &Abbreviations) -> Option<Abbreviation> {
        let with_previous = format!("{}_{}", self.previous, self.last());
        let joined = (1..=self.words.len()).rev().map(|n| {
            let words: Vec<&str> = self.words[..n].iter().rev().copied().collect();
            words.join(".")
        });
        joined.chain([with_previous]).find_map(|key| abbreviations.find(&key))
    }
}

/// Returns true for letters of the scripts that have capitals, and the marks on them.
fn is_word_part(letter: char) -> bool {
    letter < '\u{530}' && (letter.is_alphabetic() || matches!(letter, '\u{300}'..='\u{36f}'))
        || matches!(letter, '\u{1e00}'..='\u{1fff}')
}

/// Returns true for a single letter: an initial, or a part of "U.S.". Words of one small letter, such
/// as the Russian "я" and the Italian "è", are none.
fn is_single(word: &str) -> bool {
    let mut letters = word.chars().filter(|letter| letter.is_alphabetic());
    match (letters.next(), letters.next()) {
        (Some('я' | 'ß'..='ÿ'), None) => false,
        (Some(_), None) => true,
        _ => false,
    }
}

/// Returns true for a Roman numeral in capitals.
fn is_roman(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| b"IVXLCDM".contains(&byte))
}

/// Returns true if there is no letter and no digit in `text`.
fn is_bare(text: &str) -> bool {
    !text.contains(char::is_alphanumeric)
}

/// Returns the first word after opening marks and dashes.
pub fn first_word(text: &str) -> &str {
    let text = text.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let end = text.find(|letter| !is_word_part(letter)).unwrap_or(text.len());
    &text[..end]
}

/// Returns true for a quotation mark or bracket that may close.
fn closes(letter: char) -> bool {
    opening_bracket(letter).is_some() || quotations::is_mark(letter)
}

/// Returns the bracket that a closing one belongs to.
fn opening_bracket(closing: char) -> Option<char> {
    Some(match closing {
        ')' => '(',
        ']' => '[',
        '}' => '{',
        '）' => '（',
        '］' => '［',
        '】' => '【',
        '〕' => '〔',
        '》' => '《',
        '〉' => '〈',
        _ => return None,
    })
}
