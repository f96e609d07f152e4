//! Sentences end where people end them, in every language that the models speak.

mod support;

use std::path::Path;

use qwen3_tts_pipeline::{LongText, SpeechRequest, Synthesizer};
use support::load;

/// Returns the sentences of a paragraph: without room for two words, a piece that ends with a
/// sentence ends at its end.
fn sentences(model: &Synthesizer, text: &str, language: &str) -> Vec<String> {
    let (mut sentences, mut start) = (Vec::new(), 0);
    for piece in model.split_text(text, language, 1).unwrap() {
        if piece.ends_sentence() {
            sentences.push(text[start..piece.range.end].trim().to_owned());
            start = piece.range.end;
        }
    }
    sentences
}

/// Checks the cuts in a file, which says how it is read.
fn check(file: &str) {
    let model = load("custom_voice_0b6");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sentences").join(file);
    let table = std::fs::read_to_string(path).unwrap();
    let (mut language, mut n_cuts, mut wrong) = ("auto", 0, Vec::new());
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            language = name.trim_end_matches(']');
            continue;
        }
        let (languages, line) = match line.strip_prefix('=') {
            Some(line) => (&[language][..], line),
            None => (&[language, "auto"][..], line),
        };
        let line = line.replace("\\n", "\n");
        let expected: Vec<&str> = line.split('|').map(str::trim).collect();
        n_cuts += expected.len() - 1;
        for language in languages {
            let found = sentences(&model, &line.replace('|', ""), language);
            if found != expected {
                wrong.push(format!("{language}: {found:?}, expected {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(n_cuts >= 100, "{n_cuts} cuts");
}

#[test]
fn latin_scripts() {
    check("latin.txt");
}

#[test]
fn cyrillic() {
    check("cyrillic.txt");
}

#[test]
fn chinese_japanese_and_korean() {
    check("cjk.txt");
}

#[test]
fn the_language_of_a_request_decides() {
    let model = load("custom_voice_0b6");
    let text = "Sie wurde 2. Siegerin in Rom.";
    assert_eq!(sentences(&model, text, "de").len(), 1);
    assert_eq!(sentences(&model, text, "en").len(), 2);
    let error = model.split_text(text, "klingon", 9).unwrap_err().to_string();
    assert!(error.contains("\"klingon\""), "{error}");
}

#[test]
fn sentences_are_the_pieces_of_a_text_by_sentence() {
    let model = load("custom_voice_0b6");
    let text = "One. Two three! *** Four, five six seven.\n\nEight.";
    let pieces = model.split_sentences(text, "en", 256).unwrap();
    let found: Vec<_> = pieces.iter().map(|piece| &text[piece.range.clone()]).collect();
    assert_eq!(found, ["One.", "Two three!", "*** Four, five six seven.", "Eight."]);
    let long = LongText::default().each_sentence(true);
    let pauses: Vec<_> = pieces.iter().map(|piece| long.pause_after(piece).as_millis()).collect();
    assert_eq!(pauses, [250, 250, 650, 650]);
    let speech = model.speak(SpeechRequest::new(text).long_text(long).max_frames(1)).unwrap();
    assert_eq!(
        speech.pieces().iter().map(|piece| piece.range.clone()).collect::<Vec<_>>(),
        pieces.iter().map(|piece| piece.range.clone()).collect::<Vec<_>>()
    );
    let short = model.split_sentences(text, "en", 5).unwrap();
    let is_whole = |range: &str| short.iter().any(|piece| &text[piece.range.clone()] == range);
    assert!(is_whole("One.") && !is_whole("*** Four, five six seven."), "{short:?}");
    let error = model.split_sentences(text, "klingon", 9).unwrap_err().to_string();
    assert!(error.contains("klingon"), "{error}");
}
