//! The form of the tables.

/// The words of one language, separated by spaces.
///
/// An abbreviation is written without its last full stop and without spaces: `z.B` stands for
/// "z. B.". A leading hyphen stands for the beginning of a word, an underscore for a space.
/// Abbreviations that begin with a capital letter are also known in capitals, and all but the
/// numbered ones with a capital letter at the beginning of a sentence.
pub(super) struct Table {
    /// Abbreviations that are always followed by something: titles, "for example".
    pub leading: &'static str,
    /// Abbreviations that may end a sentence.
    pub ending: &'static str,
    /// Abbreviations that are words unless a number follows.
    pub numbered: &'static str,
    /// Abbreviations that end with a single letter, which could be an initial, and end a sentence if a
    /// capital letter follows. Longer ones, such as "etc.", need no entry.
    pub closing: &'static str,
    /// Words that begin sentences and are not names, in lower case.
    pub openers: &'static str,
}

impl Table {
    /// Iterates over the abbreviations and their kinds.
    pub fn abbreviations(&self) -> impl Iterator<Item = (&'static str, Abbreviation)> {
        let kinds = [
            (self.leading, Abbreviation::Leading),
            (self.ending, Abbreviation::Ending),
            (self.numbered, Abbreviation::Numbered),
            (self.closing, Abbreviation::Closing),
        ];
        kinds.into_iter().flat_map(|(words, kind)| {
            words.split_ascii_whitespace().map(move |entry| (entry, kind))
        })
    }
}

/// Places where an abbreviation may stand, from the end of a sentence to the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Abbreviation {
    /// At the end of a sentence if a capital letter follows.
    Closing,
    /// Only before a number.
    Numbered,
    /// Possibly at the end of a sentence.
    Ending,
    /// Always followed by something.
    Leading,
}
