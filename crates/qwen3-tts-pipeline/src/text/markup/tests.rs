//! Texts with marks, read and refused.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::text::split::PieceEnd;

fn parsed(text: &str) -> MarkedText {
    MarkedText::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
}

/// Returns the words of each section with speaker, language and instruction, joined.
fn sections(text: &str) -> Vec<String> {
    let marked = parsed(text);
    let section = |section: &Section| {
        let Style { speaker, language, instruct } = section.style;
        let style = [speaker, language, instruct].map(|setting| marked.value(setting));
        let style: Vec<&str> = style.into_iter().flatten().collect();
        format!("{}:{}", style.join("+"), marked.spoken[section.range.clone()].trim())
    };
    marked.sections.iter().map(section).collect()
}

/// Returns line, column and reason of an error.
fn refused(text: &str) -> (usize, usize, String) {
    let error = MarkedText::parse(text).expect_err(text);
    let (line, column) = position(text, error.place);
    (line, column, error.reason)
}

#[test]
fn marks_nest() {
    let text = "One [speaker mina]two [language german]drei [instruct \"whispering\"]vier\
                [/instruct] fünf[/language] six[/speaker] seven";
    let expected = [
        ":One",
        "mina:two",
        "mina+german:drei",
        "mina+german+whispering:vier",
        "mina+german:fünf",
        "mina:six",
        ":seven",
    ];
    assert_eq!(sections(text), expected);
    let text = "[speaker a]x[speaker b]y[/speaker]z[/speaker]";
    assert_eq!(sections(text), ["a:x", "b:y", "a:z"]);
}

#[test]
fn names_and_arguments_have_several_spellings() {
    for text in [
        "[speaker ryan]x[/speaker]",
        "[Speaker  ryan ]x[/SPEAKER]",
        "[speaker \"ryan\"]x[/speaker ]",
        "[speaker “ryan” ]x[/speaker]",
    ] {
        assert_eq!(sections(text), ["ryan:x"], "{text}");
    }
    let quoted = r#"[instruct "say \"so\" ] \\ \n"]x[/instruct]"#;
    assert_eq!(sections(quoted), [r#"say "so" ] \ \n:x"#]);
    assert_eq!(sections("[instruct \"\"]x[/instruct]"), [":x"]);
}

#[test]
fn pauses_have_their_length_in_milliseconds() {
    let length = |pause: &str| {
        let marked = parsed(&format!("a[pause {pause}]b"));
        assert_eq!(marked.sections.len(), 2);
        marked.sections[0].pause.unwrap().as_millis()
    };
    let lengths = [("500ms", 500), ("1.5s", 1500), ("2 S", 2000), (".25s", 250), ("0ms", 0)];
    for (pause, expected) in lengths {
        assert_eq!(length(pause), expected, "{pause}");
    }
    assert_eq!(length("60s"), 60_000);
    // Those in a row add up; those before the text are its lead, those after it its end.
    let marked =
        parsed("[pause 1s] [pause 1ms]a[pause 2s]\n[speaker x][pause 3s][/speaker]b[pause 4s]");
    assert_eq!(marked.lead, Duration::from_millis(1001));
    let pauses: Vec<_> = marked.sections.iter().map(|section| section.pause).collect();
    assert_eq!(pauses, [5, 4].map(|seconds| Some(Duration::from_secs(seconds))));
}

#[test]
fn headings_begin_chapters() {
    let text = "Preface.\n# One \\# ##\r\nFirst.\n  ### A [pause 1s] *b* #c\nSecond.\n#no\n#######no\n    # no";
    let marked = parsed(text);
    assert_eq!(marked.chapters, ["One #", "A *b* #c"]);
    let chapters: Vec<_> = marked
        .sections
        .iter()
        .map(|s| (s.chapter, s.end, marked.spoken[s.range.clone()].trim()))
        .collect();
    let (paragraph, clause) = (PieceEnd::Paragraph, PieceEnd::Clause);
    let expected = [
        (None, paragraph, "Preface."),
        (Some(0), paragraph, "One #"),
        (Some(0), paragraph, "First."),
        (Some(1), clause, "A"),
        (Some(1), paragraph, "*b* #c"),
        (Some(1), paragraph, "Second.\n#no\n#######no\n    # no"),
    ];
    assert_eq!(chapters, expected);
}

#[test]
fn escapes_are_ordinary_characters() {
    let text = r"\[pause 1s\] \\ C:\new \# 5] \";
    let marked = parsed(text);
    assert_eq!(marked.spoken, r"[pause 1s] \ C:\new # 5] \");
    assert_eq!(marked.sections.len(), 1);
    assert_eq!(parsed("\\# 1").spoken, "# 1");
    assert!(parsed("\\# 1").chapters.is_empty());
    // The origins of the words are where they are written.
    for word in ["pause 1s", "new", "5"] {
        let at = marked.spoken.find(word).unwrap();
        assert_eq!(&text[marked.source(&(at..at + word.len()))], word);
    }
    assert_eq!(&text[marked.source(&(0..1))], "[");
}

#[test]
fn a_section_knows_the_unit_that_it_ends() {
    let end = |between: &str| parsed(&format!("a[pause 0s]{between}[pause 0s]b")).sections[0].end;
    assert_eq!(end(""), PieceEnd::Clause);
    assert_eq!(end("\n"), PieceEnd::Sentence);
    assert_eq!(end("\n\n"), PieceEnd::Paragraph);
    // A line of marks is not an empty line.
    assert_eq!(end("\n[pause 0s]\n"), PieceEnd::Sentence);
    assert_eq!(end("\n[pause 0s]\n\t\r\n"), PieceEnd::Paragraph);
    assert_eq!(parsed("He left.” [pause 1s]So").sections[0].end, PieceEnd::Sentence);
    assert_eq!(parsed("走了。[pause 1s]好").sections[0].end, PieceEnd::Sentence);
}

#[test]
fn punctuation_alone_joins_a_neighbour() {
    assert_eq!(sections("[speaker a]One[/speaker]. Two"), ["a:One", ":. Two"]);
    assert_eq!(sections("[speaker a]One[/speaker]."), ["a:One."]);
    assert_eq!(sections("“[speaker a]One[/speaker]”"), ["a:“One”"]);
    assert_eq!(sections("One [pause 1s] … [pause 1s] two"), [":One  …", ":two"]);
    assert_eq!(sections("Stop [pause 1s]! [speaker a]Yes.[/speaker]"), [":Stop !", "a:Yes."]);
    assert_eq!(
        parsed("One [pause 1s] … [pause 1s] two").sections[0].pause,
        Some(Duration::from_secs(2))
    );
    assert_eq!(sections("[speaker a] \n[/speaker]\u{200b}"), [""; 0]);
}

#[test]
fn errors_name_place_and_expectation() {
    let cases = [
        ("Hello\n wörld [speker ryan]", (2, 8), "unknown mark [speker] (did you mean [speaker]?)"),
        ("x[/langauge]", (1, 2), "did you mean [/language]?"),
        ("x[paus 1s]", (1, 2), "did you mean [pause]?"),
        ("see [1]", (1, 5), "unknown mark [1]; expected pause, speaker, language or instruct"),
        ("see [1]", (1, 5), "a bracket that is not a mark is written \\["),
        ("[]", (1, 1), "a bracket without a mark"),
        ("a [pause 5", (1, 3), "expected ] on the same line"),
        ("a [pause 5\n]", (1, 3), "expected ] on the same line"),
        ("a [pause [", (1, 3), "expected ] on the same line"),
        (
            "[pause]",
            (1, 7),
            "expected a duration, as in [pause 500ms] or [pause 1.5s], found nothing",
        ),
        ("[pause long]", (1, 8), "found \"long\""),
        ("[pause -1s]", (1, 8), "found \"-1s\""),
        ("[pause 5]", (1, 8), "has no unit: did you mean 5ms or 5s?"),
        ("[pause 61s]", (1, 8), "too long: expected at most 60 s"),
        ("[pause 40s] [pause 40s]x", (1, 13), "too long together: expected at most 60 s"),
        ("[/pause]", (1, 1), "a pause has no end: leave [/pause] out"),
        ("[speaker]x", (1, 9), "expected the name of a speaker, as in [speaker ryan]"),
        ("[speaker \" \"]x", (1, 10), "expected the name of a speaker"),
        ("[language ]x", (1, 11), "expected the name of a language, as in [language german]"),
        ("[instruct]x", (1, 10), "expected an instruction, as in [instruct \"whispering\"]"),
        ("[instruct \"low]x", (1, 11), "expected \" on the same line"),
        ("[instruct “low\"]x", (1, 11), "expected ” on the same line"),
        ("[instruct \"low\" voice]x", (1, 17), "expected ] after the quotation mark"),
        ("a\n[speaker x]b", (2, 1), "[speaker …] is never closed: expected [/speaker] after it"),
        ("a[/speaker]", (1, 2), "[/speaker] closes nothing: expected [speaker …] before it"),
        ("[speaker a]b[/speaker a]", (1, 23), "expected ] after /speaker, found \"a\""),
        (
            "[speaker a]\n[language b]c[/speaker]",
            (2, 14),
            "expected [/language], which closes the mark of line 2, column 1, found [/speaker]",
        ),
        ("a\n# \nb", (2, 1), "a heading without a title"),
        ("##", (1, 1), "is not a heading is written \\#"),
        ("# ##", (1, 1), "a heading without a title"),
        ("a\n# [pause 1s]\nb", (2, 1), "a heading without a title"),
    ];
    for (text, place, words) in cases {
        let (line, column, reason) = refused(text);
        assert_eq!((line, column), place, "{text:?}: {reason}");
        assert!(reason.contains(words), "{text:?}: {reason}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 2000 }))]

    #[test]
    fn plain_text_is_unchanged(text in "[^\\[\\\\#]{0,60}") {
        let marked = parsed(&text);
        prop_assert_eq!(&marked.spoken, &text);
        prop_assert!(marked.sections.len() <= 1 && marked.lead.is_zero());
        prop_assert!(marked.sections.iter().all(|section| section.range == (0..text.len())));
    }

    #[test]
    fn escaped_text_is_unchanged(text in "[a-z\\[\\]\\\\# \n]{0,40}") {
        let mut escaped = String::new();
        for letter in text.chars() {
            if "[]\\#".contains(letter) {
                escaped.push('\\');
            }
            escaped.push(letter);
        }
        prop_assert_eq!(&parsed(&escaped).spoken, &text);
    }

    #[test]
    fn no_text_breaks_the_parser(parts in proptest::collection::vec(part(), 0..14)) {
        let text = parts.concat();
        match MarkedText::parse(&text) {
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.place) && error.place <= text.len());
                prop_assert!(!error.reason.is_empty() && !error.reason.contains('\n'));
                position(&text, error.place);
            }
            Ok(marked) => check(&text, &marked),
        }
    }
}

/// Returns a strategy for parts of texts in which marks are frequent.
fn part() -> impl Strategy<Value = String> {
    let marks = proptest::sample::select(vec![
        "[pause 1s]",
        "[pause 1.5 s]",
        "[speaker a]",
        "[/speaker]",
        "[language b]",
        "[/language]",
        "[instruct \"c\"]",
        "[/instruct]",
        "[instruct “",
        "# ",
        "\n",
        "\r\n",
        "\n\n",
        "[",
        "]",
        "\\",
        "\"",
        "”",
        "/",
        "#",
        " ",
        ".",
        "…",
        "one two",
        "ä走",
        "\u{200b}",
        "\0",
        "s",
        "5",
    ]);
    prop_oneof![8 => marks.prop_map(str::to_owned), 1 => ".{0,4}"]
}

/// Checks that sections are in order, and that their characters are those of the text.
fn check(text: &str, marked: &MarkedText) {
    let mut end = 0;
    for section in &marked.sections {
        assert!(section.range.start >= end && !section.range.is_empty());
        end = section.range.end;
        for (offset, letter) in marked.spoken[section.range.clone()].char_indices() {
            let start = section.range.start + offset;
            let source = marked.source(&(start..start + letter.len_utf8()));
            assert_eq!(text[source].chars().collect::<Vec<_>>(), [letter]);
        }
        let Style { speaker, language, instruct } = section.style;
        assert!(speaker.is_none_or(|setting| setting < marked.settings.len()));
        let values = [speaker, language, instruct].map(|setting| marked.value(setting));
        assert!(values.iter().flatten().all(|value| !value.contains('\n')));
        assert!(section.chapter.is_none_or(|chapter| chapter < marked.chapters.len()));
    }
    assert!(end <= marked.spoken.len());
    assert!(marked.chapters.iter().all(|title| !title.trim().is_empty()));
}
