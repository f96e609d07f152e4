//! Quotations within a sentence: "“Go!” he said."

use qwen3_tts_config::Language;

use super::abbreviations::Abbreviations;

/// Returns true for a quotation mark. Most open in one language and close in another.
pub fn is_mark(letter: char) -> bool {
    matches!(letter, '"' | '\'' | '“' | '”' | '‘' | '’' | '«' | '»' | '‹' | '›' | '」' | '』')
}

/// Returns true if the sentence goes on after a quotation that ends with a full stop, an
/// exclamation mark or a question mark, then with `closers` and `space`.
pub fn go_on(closers: &str, space: &str, after: &str, abbreviations: &Abbreviations) -> bool {
    let Some(next) = after.chars().next().filter(|_| !closers.is_empty()) else { return false };
    if next.is_lowercase() {
        return true;
    }
    if !closers.contains(is_mark) {
        return false;
    }
    match next {
        '\u{ac00}'..='\u{d7a3}' => space.is_empty() || is_said_in_korean(after),
        '\u{3040}'..='\u{309f}' => is_quoted_in_japanese(after),
        '\u{4e00}'..='\u{9fff}' => is_said_in_chinese(after),
        _ => abbreviations.may_be_in(Language::English) && is_said(after, abbreviations),
    }
}

/// Returns true if the particle of quotations follows.
fn is_quoted_in_japanese(after: &str) -> bool {
    const OTHER_WORDS: [&str; 6] =
        ["とても", "ところ", "ともかく", "とにかく", "とりあえず", "とある"];
    let has_particle =
        ["と", "って", "なんて", "などと"].iter().any(|word| after.starts_with(word));
    has_particle && !OTHER_WORDS.iter().any(|word| after.starts_with(word))
}

/// Returns true if a short clause follows that ends with a verb of speech: "小明大声喊道".
fn is_said_in_chinese(after: &str) -> bool {
    /// Longest clause, in characters.
    const REACH: usize = 12;
    const VERBS: [&str; 9] = ["说", "說", "问", "問", "喊", "嚷", "吼", "叫", "道"];
    let end = after.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(after.len());
    let clause = &after[..end];
    clause.chars().count() <= REACH
        && VERBS.iter().any(|verb| clause.ends_with(verb))
        && !clause.ends_with("知道")
}

/// Returns true if a clause follows that ends with a verb of speech: "그녀가 물었다". Without a space,
/// particles follow a quotation.
fn is_said_in_korean(after: &str) -> bool {
    const VERBS: [&str; 6] = ["말했다", "물었다", "대답했다", "외쳤다", "소리쳤다", "속삭였다"];
    let end = after.find(['.', '!', '?', ',', '"', '“', '”']).unwrap_or(after.len());
    VERBS.iter().any(|verb| after[..end].ends_with(verb))
}

/// Returns true if a speaker and a verb of speech follow: "Mary said".
fn is_said(after: &str, abbreviations: &Abbreviations) -> bool {
    const VERBS: &str = "said says asked asks replied replies answered cried shouted called yelled \
                         screamed whispered exclaimed added muttered murmured snapped growled \
                         laughed sighed wrote thought";
    /// Longest name before the verb, in words: "Mr. John Smith".
    const REACH: usize = 3;
    let words = after.split_whitespace().map(|word| word.trim_matches([',', '.', '!', '?', ';']));
    let words: Vec<&str> = words.take(REACH + 1).collect();
    let is_name = |word: &&str| {
        word.starts_with(char::is_alphabetic) && (*word == "I" || !abbreviations.is_opener(word))
    };
    let is_verb = |word: &&str| VERBS.split_whitespace().any(|verb| verb == *word);
    words.first().is_some_and(is_name) && words.iter().skip(1).any(is_verb)
}
