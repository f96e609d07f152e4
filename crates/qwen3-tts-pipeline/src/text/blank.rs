//! Texts in which nothing can be seen.

use std::sync::LazyLock;

use regex::Regex;

/// White space, control and format characters, and those that Unicode lets programs ignore: zero-width
/// spaces and joiners, soft hyphens, variation selectors, fillers.
static BLANK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u{2800}]*$")
        .expect("a valid expression")
});

/// Returns true if there is nothing to see in `text`.
pub fn is_blank(text: &str) -> bool {
    BLANK.is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_blank() {
        for text in [
            "",
            " \t\r\n\u{a0}\u{2009}\u{3000}",
            "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}",
            "\u{ad}\u{34f}\u{115f}\u{3164}\u{ffa0}",
            "\u{fe0f}\u{e0100}\u{180b}",
            "\u{200e}\u{202e}\u{2066}\u{61c}",
            "\0\u{1b}\u{7f}\u{85}\u{2028}",
            "\u{2800}",
        ] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in [".", "\u{200b}a", "\u{fffd}", "🙂\u{fe0f}", "ー", "\n0\n"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
