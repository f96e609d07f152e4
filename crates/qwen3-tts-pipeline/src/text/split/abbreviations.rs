//! Abbreviations, and the words that tell whether a sentence ends with one, by language.
//!
//! A full stop after an abbreviation ends a sentence only if the next word is one that begins
//! sentences. Names begin with a capital letter too, so that the case of the next word says nothing.

mod germanic;
mod romance;
mod russian;
mod table;

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use qwen3_tts_config::Language;

pub use table::Abbreviation;
use table::Table;

/// The abbreviations of the languages that a text may be in.
pub struct Abbreviations {
    known: HashMap<&'static str, Abbreviation>,
    /// Ends of words that are abbreviated.
    word_ends: Vec<&'static str>,
    openers: HashSet<&'static str>,
    language: Option<Language>,
}

impl Abbreviations {
    /// Returns the abbreviations of a language, or of all if it is not known. English ones occur in
    /// the texts of every language.
    pub fn of(language: Option<Language>) -> &'static Self {
        static KNOWN: [OnceLock<Abbreviations>; 1 + Language::ALL.len()] =
            [const { OnceLock::new() }; 1 + Language::ALL.len()];
        let place =
            language.and_then(|language| Language::ALL.iter().position(|other| *other == language));
        KNOWN[place.map_or(0, |place| place + 1)].get_or_init(|| Self::new(language))
    }

    fn new(language: Option<Language>) -> Self {
        let tables = tables(language);
        // Of one that is in two tables, the kind after which a sentence goes on more often counts.
        let mut known = HashMap::new();
        for (entry, kind) in tables.iter().flat_map(|table| table.abbreviations()) {
            let kept = known.entry(entry).or_insert(kind);
            *kept = kind.max(*kept);
        }
        let openers = tables.iter().flat_map(|table| table.openers.split_ascii_whitespace());
        let word_ends = known.keys().filter_map(|entry| entry.strip_prefix('-')).collect();
        Self { openers: openers.collect(), known, word_ends, language }
    }

    /// Returns true if the text is in `language`.
    pub fn is_in(&self, language: Language) -> bool {
        self.language == Some(language)
    }

    /// Returns true if the text may be in `language`.
    pub fn may_be_in(&self, language: Language) -> bool {
        self.language.is_none_or(|known| known == language)
    }

    /// Returns the kind of an abbreviation that is written as in the tables, begins a sentence, or is
    /// in capitals.
    pub fn find(&self, key: &str) -> Option<Abbreviation> {
        let known = |key: &str| self.known.get(key).copied();
        let is_free = |kind: &Abbreviation| *kind != Abbreviation::Numbered;
        let is_word_end = || self.word_ends.iter().any(|end| key.ends_with(end));
        known(key)
            .or_else(|| known(&with_small_initial(key)).filter(is_free))
            .or_else(|| known(&from_capitals(key)?))
            .or_else(|| is_word_end().then_some(Abbreviation::Ending))
    }

    /// Returns true if sentences begin with this word and names do not.
    pub fn is_opener(&self, word: &str) -> bool {
        self.openers.contains(word.to_lowercase().as_str())
    }

    /// Returns true if a number with a full stop before this word is an ordinal number.
    pub fn follows_ordinal(&self, word: &str) -> bool {
        let is_known = || germanic::AFTER_ORDINALS.split(' ').any(|noun| noun == word);
        match self.language {
            Some(Language::German) => !self.is_opener(word),
            None => is_known(),
            Some(_) => false,
        }
    }
}

fn tables(language: Option<Language>) -> Vec<&'static Table> {
    let own = match language {
        None => {
            return vec![
                &germanic::ENGLISH,
                &germanic::GERMAN,
                &romance::FRENCH,
                &romance::SPANISH,
                &romance::PORTUGUESE,
                &romance::ITALIAN,
                &russian::RUSSIAN,
            ];
        }
        Some(Language::German) => &germanic::GERMAN,
        Some(Language::French) => &romance::FRENCH,
        Some(Language::Spanish) => &romance::SPANISH,
        Some(Language::Portuguese) => &romance::PORTUGUESE,
        Some(Language::Italian) => &romance::ITALIAN,
        Some(Language::Russian) => &russian::RUSSIAN,
        Some(_) => return vec![&germanic::ENGLISH],
    };
    vec![own, &germanic::ENGLISH]
}

/// Returns the word as it is within a sentence, if it has its capital letter from the beginning.
fn with_small_initial(word: &str) -> String {
    let mut letters = word.chars();
    let initial = letters.next().into_iter().flat_map(char::to_lowercase);
    initial.chain(letters).collect()
}

/// Returns the word with a capital letter only at the beginning, if all of it is in capitals.
fn from_capitals(word: &str) -> Option<String> {
    let is_in_capitals = word.len() > 1 && !word.contains(char::is_lowercase);
    let mut letters = word.chars();
    let initial = letters.next().filter(|_| is_in_capitals)?;
    Some(std::iter::once(initial).chain(letters.flat_map(char::to_lowercase)).collect())
}

/// Words between initials and a surname, which also begin sentences.
pub fn is_name_particle(word: &str) -> bool {
    const PARTICLES: &str = "Al Da De Del Della Den Der Des Di Do Dos Du El La Le Les Van Von";
    PARTICLES.split(' ').any(|particle| particle == word)
}
