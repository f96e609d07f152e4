//! Lines of subtitles.

/// Columns up to which a text stays on one line. A character of Chinese, Japanese or Korean has two.
const LINE_COLUMNS: usize = 42;
/// Columns by which a line may be off the middle to end with punctuation.
const PUNCTUATION_BONUS: usize = 12;

/// Returns a text in one line: white space is a single space, control characters are left out.
pub fn one_line(text: &str) -> String {
    let visible: String =
        text.chars().filter(|letter| letter.is_whitespace() || !letter.is_control()).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Splits a text without line breaks into at most two lines of similar length.
pub fn split(text: &str) -> Vec<&str> {
    let total = columns(text);
    if total <= LINE_COLUMNS {
        return vec![text];
    }
    let badness = |&at: &usize| {
        let line = text[..at].trim_end();
        let penalty = if line.ends_with(PUNCTUATION) { 0 } else { PUNCTUATION_BONUS };
        (2 * columns(line)).abs_diff(total) / 2 + penalty
    };
    match breaks(text).min_by_key(badness) {
        Some(at) => vec![text[..at].trim_end(), text[at..].trim_start()],
        None => vec![text],
    }
}

/// Returns the places at which a line may end: after a space, and between words that are written
/// without spaces.
fn breaks(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().zip(text.chars().skip(1)).filter_map(|((at, letter), next)| {
        let may_end = letter == ' '
            || (is_wide(letter) || is_wide(next))
                && next != ' '
                && !CLOSING.contains(next)
                && !OPENING.contains(letter);
        may_end.then_some(at + letter.len_utf8())
    })
}

const PUNCTUATION: [char; 15] =
    ['.', ',', ';', ':', '!', '?', '…', '。', '、', '，', '；', '：', '！', '？', '—'];
const CLOSING: &str =
    ".,;:!?…。、，；：！？」』）》〉】〕”’)]}ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ";
const OPENING: &str = "「『（《〈【〔“‘([{";

/// Returns the width of a text in a font of fixed width.
fn columns(text: &str) -> usize {
    text.chars().map(|letter| if is_wide(letter) { 2 } else { 1 }).sum()
}

fn is_wide(letter: char) -> bool {
    matches!(letter,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_one_space() {
        assert_eq!(one_line(" a\r\n\n b\u{7}c\t\u{2028}d\u{3000}e "), "a bc d e");
        assert_eq!(one_line("\u{1b}[0m"), "[0m");
    }

    #[test]
    fn long_texts_have_two_lines_that_end_with_words() {
        let short = "A text of at most forty-two characters is.";
        assert_eq!((short.len(), split(short)), (42, vec![short]));
        let long = "The wind rose over the bay in the evening, and the boats came home.";
        let lines = ["The wind rose over the bay in the evening,", "and the boats came home."];
        assert_eq!(split(long), lines);
        let even = "one two three four five six seven eight nine ten eleven twelve";
        assert_eq!(
            split(even),
            ["one two three four five six seven", "eight nine ten eleven twelve"]
        );
        let word = "w".repeat(90);
        assert_eq!(split(&word), [word.as_str()]);
        assert_eq!(split(""), [""]);
    }

    #[test]
    fn texts_without_spaces_break_between_characters() {
        let text = "傍晚时分海湾上起了大风，渔民们纷纷把船划回港口里避风过夜。";
        let lines = ["傍晚时分海湾上起了大风，", "渔民们纷纷把船划回港口里避风过夜。"];
        assert_eq!(split(text), lines);
        for text in ["あ".repeat(30) + "」" + &"。".repeat(12), "「".repeat(9) + &"あっ".repeat(30)]
        {
            let lines = split(&text);
            assert_eq!(lines.concat(), text);
            assert!(lines.len() < 2 || !CLOSING.contains(lines[1].chars().next().unwrap()));
        }
    }
}
