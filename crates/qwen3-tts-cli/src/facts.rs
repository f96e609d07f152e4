//! Facts in two columns: names and values.

use std::io::{self, IsTerminal};

use crate::terminal;

/// A name, which is empty for a further value of the fact above, and a value.
pub type Fact = (&'static str, String);

/// Width of the column of names.
const NAMES: usize = 17;

/// Width of a line on a terminal.
const WIDTH: usize = 80;

/// Returns a line per fact. On a terminal, long values are continued on further lines.
pub fn lines(facts: impl IntoIterator<Item = Fact>) -> String {
    let width = if io::stdout().is_terminal() { WIDTH - NAMES - 1 } else { usize::MAX };
    facts.into_iter().map(|fact| fact_lines(fact, width)).collect()
}

fn fact_lines((name, value): Fact, width: usize) -> String {
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    let values = wrap(&terminal::message(&value), width);
    names.zip(values).map(|(name, value)| format!("{name:<NAMES$} {value}\n")).collect()
}

/// Breaks a text between words into lines of at most `width` characters; a longer word is a line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        let n = line.chars().count();
        if n == 0 {
            line.push_str(word);
        } else if word.chars().count() < width.saturating_sub(n) {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_broken_between_words() {
        let fact = ("name", "one two three".to_owned());
        let expected = "name              one two\n                  three\n";
        assert_eq!(fact_lines(fact.clone(), 7), expected);
        assert_eq!(fact_lines(fact.clone(), 12), expected);
        for width in [13, usize::MAX] {
            assert_eq!(fact_lines(fact.clone(), width), "name              one two three\n");
        }
        assert_eq!(wrap("a longword b", 3), ["a", "longword", "b"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
