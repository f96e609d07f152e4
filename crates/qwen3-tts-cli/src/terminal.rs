//! Text from files, models and the environment, made safe to print: one line, of bounded length,
//! without characters that a terminal obeys.

/// Maximum number of characters of a message.
const MAX: usize = 1200;
/// Characters that are kept at the beginning and the end of a longer one.
const KEPT: usize = 500;

/// Returns a message in one line: line ends become spaces, control characters are escaped, and the
/// middle of a long message is replaced by its length.
pub fn message(text: &str) -> String {
    let lines: Vec<_> = text.split(['\n', '\r']).map(str::trim).collect();
    shorten(escape(lines.join(" ").trim()))
}

/// Escapes the control characters of a text of several lines.
pub fn lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

/// Escapes the control characters in the strings of a JSON text.
pub fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_obeyed(letter) && letter != '\n' {
            // All of them are in the basic plane.
            true => escaped.push_str(&format!("\\u{:04x}", u32::from(letter))),
            false => escaped.push(letter),
        }
    }
    escaped
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_obeyed(letter) {
            true => escaped.extend(letter.escape_unicode()),
            false => escaped.push(letter),
        }
    }
    escaped
}

/// Returns true for control characters, line separators, and marks that reverse the text around them.
fn is_obeyed(letter: char) -> bool {
    letter.is_control() && letter != '\t'
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shorten(text: String) -> String {
    let n = text.chars().count();
    if n <= MAX {
        return text;
    }
    let begin: String = text.chars().take(KEPT).collect();
    let end: String = text.chars().skip(n - KEPT).collect();
    format!("{begin} … ({} characters left out) … {end}", n - 2 * KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_nothing_to_obey() {
        assert_eq!(
            message("no \"\u{1b}[31mryan\u{7}\": Ä 你好 🙂"),
            "no \"\\u{1b}[31mryan\\u{7}\": Ä 你好 🙂"
        );
        assert_eq!(message(" one\r\n  two\n"), "one  two");
        assert_eq!(
            message("\u{9b}2J\u{7f}\u{202e}\u{2028}a"),
            "\\u{9b}2J\\u{7f}\\u{202e}\\u{2028}a"
        );
        assert_eq!(lines("a\u{1b}\nb\rc\n"), "a\\u{1b}\nb\\u{d}c\n");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = serde_json::json!({ "a": "\u{1b}[2J\u{9b}\u{7f}\u{202e}", "b": ["\n"] });
        let escaped = json(&format!("{value:#}"));
        assert!(!escaped.chars().any(|letter| is_obeyed(letter) && letter != '\n'), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }

    #[test]
    fn a_long_message_is_shortened_in_the_middle() {
        let text = format!("config.json: {}, expected a number", "x".repeat(10 << 20));
        let said = message(&text);
        assert!(said.chars().count() <= MAX, "{}", said.len());
        assert!(said.starts_with("config.json: xx") && said.ends_with("expected a number"));
        let left_out = text.len() - 2 * KEPT;
        assert!(said.contains(&format!("({left_out} characters left out)")), "{said}");
        assert!(message(&"\u{1b}".repeat(MAX)).len() <= MAX, "escapes count too");
    }
}
