//! The lines of a paragraph, joined to running text of the same length in bytes, in the form that the
//! Unicode rules cut at the right places.

/// Replaces the ends of lines that are only wrapped by spaces. Those before an item of a list or a
/// line of dialogue stay, and end a sentence.
///
/// Two marks become quotation marks of the same length: a space before a closing guillemet, as French
/// has it, so that the guillemet belongs to the sentence that it closes; and a dash that begins a
/// speech after a full stop, which the Unicode rules take for a dash within a sentence. A full stop
/// after a Korean word becomes an exclamation mark: a small Latin letter after it does not tell that
/// the sentence goes on.
pub fn unwrap(paragraph: &str) -> String {
    let mut text = String::with_capacity(paragraph.len());
    let mut lines = paragraph.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let is_end = lines.peek().is_some_and(|next| is_item(next, line));
        text.extend(line.chars().map(|letter| match letter {
            '\n' if is_end => '\n',
            '\n' | '\r' => ' ',
            letter => letter,
        }));
    }
    text.char_indices().map(|(place, letter)| marked(&text, place, letter)).collect()
}

/// Returns true if `line` begins an item of a list or a line of dialogue, after the line `previous`.
fn is_item(line: &str, previous: &str) -> bool {
    if line.trim_start().starts_with(['•', '◦', '▪', '●', '‣', '*']) {
        return true;
    }
    // A dash or a number may also be the wrapped rest of a sentence.
    let previous = previous.trim();
    let ends = ['.', '!', '?', '…', ':', ';', '。', '！', '？', '：', '"', '”', '»', ')', '」'];
    has_item_mark(line) && (previous.ends_with(ends) || has_item_mark(previous))
}

/// Returns true for a line that begins with a dash, with a short number and a full stop or a bracket,
/// or with a letter and a bracket.
fn has_item_mark(line: &str) -> bool {
    let line = line.trim_start();
    if line.starts_with(['—', '–', '―']) || line.starts_with("- ") {
        return true;
    }
    let number = line.trim_start_matches('(');
    let rest = number.trim_start_matches(|letter: char| letter.is_ascii_digit());
    match number.len() - rest.len() {
        0 => rest.starts_with(char::is_alphabetic) && rest.chars().nth(1) == Some(')'),
        1..=3 => rest.starts_with(['.', ')', '、', '．']),
        _ => false,
    }
}

/// Returns the mark that stands for the letter at `place`, or the letter.
fn marked(text: &str, place: usize, letter: char) -> char {
    let after = &text[place + letter.len_utf8()..];
    match letter {
        ' ' if closes_guillemet(after) => '"',
        '\u{a0}' if closes_guillemet(after) => '«',
        '\u{202f}' | '\u{2009}' if closes_guillemet(after) => '”',
        '-' if begins_speech(&text[..place], after) => '"',
        '—' | '–' | '―' if begins_speech(&text[..place], after) => '”',
        '.' if text[..place].ends_with(is_hangul) && after.starts_with(' ') => '!',
        letter => letter,
    }
}

/// Returns true for a syllable of Korean.
pub fn is_hangul(letter: char) -> bool {
    matches!(letter, '\u{ac00}'..='\u{d7a3}')
}

/// Returns true if the text begins with a guillemet that closes: no word follows at once.
fn closes_guillemet(text: &str) -> bool {
    let after = text.strip_prefix('»');
    after.is_some_and(|after| !after.starts_with(char::is_alphanumeric))
}

/// Returns true if a dash between the texts follows a full stop and precedes a sentence.
fn begins_speech(before: &str, after: &str) -> bool {
    let sentence = before.trim_end();
    let next = after.trim_start().chars().next();
    sentence.len() < before.len()
        && sentence.ends_with('.')
        && next.is_some_and(|next| next.is_uppercase() || "¿¡«“".contains(next))
}
