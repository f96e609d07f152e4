//! Incremental text has the same ids and the same speech as the whole text.

mod support;

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use qwen3_tts_pipeline::{Error, ErrorKind, ModelFiles, SpeechRequest, TextMode, TextTokenizer};
use qwen3_tts_testkit::{Golden, checkpoint};
use support::{LargeVocabulary, kinds, load, speak};

fn tokenizer(dir: &Path) -> TextTokenizer {
    TextTokenizer::load(&ModelFiles::directory(dir)).unwrap()
}

/// Returns tokenizers with both splits, and the published one if it is available.
fn tokenizers() -> Vec<TextTokenizer> {
    let large = LargeVocabulary::new();
    let mut all =
        vec![tokenizer(&checkpoint("custom_voice_0b6")), tokenizer(large.checkpoint.path())];
    all.extend(std::env::var_os("QWEN3_TTS_TOKENIZER").map(|dir| tokenizer(Path::new(&dir))));
    all
}

/// Fragments of text that may merge with the text after them.
const BITS: &[&str] = &[
    "a",
    "A",
    "b",
    "Don",
    "'t",
    "'",
    "s",
    "'RE",
    "ſ",
    "1",
    "23",
    "½",
    "Ⅳ",
    " ",
    "  ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    " \n",
    "\u{a0}",
    "\u{3000}",
    "\u{2028}",
    "/",
    "!",
    "...",
    "\"",
    ",",
    "-",
    "_",
    "$",
    "e\u{301}",
    "\u{301}",
    "\u{338}",
    "é",
    "ß",
    "ﬁ",
    "Å",
    "日",
    "本語",
    "。",
    "，",
    "「",
    "カ",
    "\u{3099}",
    "한",
    "국",
    "\u{1112}",
    "\u{1161}",
    "\u{11ab}",
    "ю",
    "Ю",
    "й",
    "ไทย",
    "ไม่",
    "हिन्दी",
    "\u{958}",
    "\u{93c}",
    "שָׁלוֹם",
    "\u{fb1d}",
    "\u{200f}",
    "عربي",
    "\u{fffd}",
    "🙂",
    "👩\u{200d}👩",
    "Ⓐ",
    "\u{fe0f}",
    "ǅ",
    "ʰ",
    "<|im_start|>",
    "<|im_",
    "end|>",
    "<",
    "|",
    "<tts_pad>",
    "<tts_text_bos",
    "_single>",
    "<think>",
    "</",
    "camelCase",
    "HTTPServer",
    "\0",
];

/// Generates a text in pieces: fragments, cut anywhere between characters.
fn pieces() -> impl Strategy<Value = Vec<String>> {
    let bit = prop_oneof![
        8 => prop::sample::select(BITS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "\\PC{0,4}",
    ];
    let texts = prop::collection::vec(bit, 0..14).prop_map(|bits| bits.concat());
    (texts, prop::collection::vec(any::<prop::sample::Index>(), 0..8)).prop_map(|(text, cuts)| {
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let mut cuts: Vec<usize> =
            cuts.iter().filter(|_| !places.is_empty()).map(|cut| *cut.get(&places)).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([text.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        starts.zip(ends).map(|(start, end)| text[start..end].to_owned()).collect()
    })
}

fn in_pieces(tokenizer: &TextTokenizer, pieces: &[String]) -> Vec<u32> {
    tokenizer.encode_parts(pieces).unwrap().concat()
}

#[test]
fn the_ids_do_not_depend_on_the_cuts() {
    for tokenizer in tokenizers() {
        let mut runner = TestRunner::new(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(4000)
        });
        let holds = runner.run(&pieces(), |pieces| {
            let whole = tokenizer.encode(&pieces.concat()).unwrap();
            prop_assert_eq!(in_pieces(&tokenizer, &pieces), whole);
            Ok(())
        });
        holds.unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn character_by_character_the_texts_of_the_official_loader_keep_their_ids() {
    let golden = Golden::load("tokenizer_tiny");
    for tokenizer in tokenizers() {
        for case in golden.request["texts"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let whole = tokenizer.encode(text).unwrap();
            assert_eq!(in_pieces(&tokenizer, &letters), whole, "{text:?}");
        }
    }
}

#[test]
fn words_are_not_held_longer_than_necessary() {
    for tokenizer in tokenizers() {
        for (text, next) in [
            ("One two", " "),
            ("你好", "，"),
            ("今日は", "。"),
            ("Really", "?"),
            ("1", "2"),
            ("end.\n", "N"),
            ("Привет", ","),
            ("(안녕", ")"),
        ] {
            let ids = tokenizer.encode_parts(&[text, next]).unwrap();
            assert_eq!(ids[..2].concat(), tokenizer.encode(text).unwrap(), "{text:?}");
        }
    }
}

#[test]
fn a_word_without_end_is_refused() {
    let tokenizer = tokenizer(&checkpoint("custom_voice_0b6"));
    let word = "a".repeat(1 << 17);
    tokenizer.encode_parts(&[&word, &word]).unwrap();
    let error = tokenizer.encode_parts(&[&word, &word, &word]).unwrap_err().to_string();
    assert!(error.contains("KiB") && error.contains("split"), "{error}");
}

#[test]
fn speech_of_incremental_text_equals_that_of_the_whole_text() {
    for kind in kinds() {
        let model = load(kind.model);
        let request = kind.request.max_frames(30).text_mode(TextMode::Streaming);
        for text in ["One two three, four! Five six seven eight nine ten.", "你好。", "a", "\n b"]
        {
            let mut request = request.clone();
            request.text = text.to_owned();
            let whole = speak(&model, &request);
            request.text = String::new();
            let (mut stream, speech) = model.speak_incremental(request).unwrap();
            let audio: Vec<f32> = std::thread::scope(|scope| {
                scope.spawn(move || {
                    for letter in text.chars() {
                        stream.push(letter.encode_utf8(&mut [0; 4])).unwrap_or_default();
                        std::thread::yield_now();
                    }
                });
                speech.flat_map(|chunk| chunk.unwrap().samples).collect()
            });
            assert!(audio == whole.audio, "{} {text:?}", kind.model);
        }
    }
}

#[test]
fn text_has_an_end_and_a_listener() {
    let model = load("custom_voice_0b6");
    let request = SpeechRequest::new("").max_frames(5);
    let (mut text, mut speech) = model.speak_incremental(request.clone()).unwrap();
    ["\u{feff}", " \u{200b}", "\u{ad}\n"].iter().for_each(|part| text.push(part).unwrap());
    text.finish().unwrap();
    let error = speech.next().unwrap().unwrap_err();
    assert!(error.to_string().contains("no text"), "{error}");
    assert!(speech.next().is_none());

    let (mut text, speech) = model.speak_incremental(request.clone()).unwrap();
    drop(speech);
    // The model's thread drops the speech some time after the caller.
    let error = loop {
        match text.push("One two three. ") {
            Ok(()) => std::thread::sleep(std::time::Duration::from_millis(1)),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::SpeechEnded), "{error}");

    let whole = request.text_mode(TextMode::NonStreaming);
    let error = model.speak_incremental(whole).map(drop).unwrap_err();
    assert!(error.to_string().contains("streaming"), "{error}");
}

#[test]
fn a_word_without_end_fails_the_speech_too() {
    let model = load("custom_voice_0b6");
    let begin = || {
        let request = SpeechRequest::new("").max_frames(500);
        let (mut text, speech) = model.speak_incremental(request).unwrap();
        text.push("One two. ").unwrap();
        (text, speech)
    };
    let (mut text, speech) = begin();
    let refused = text.push(&"a".repeat(2 << 20)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest, "{refused}");
    let again = text.push("more ").unwrap_err();
    assert!(matches!(again, Error::SpeechEnded), "{again}");
    text.finish().unwrap();
    let failed = speech.last().unwrap().unwrap_err();
    assert_eq!(failed.to_string(), refused.to_string());
    assert_eq!(failed.kind(), ErrorKind::InvalidRequest);

    // A last word that only the end of the text makes too long, of a text that is dropped.
    let (mut text, speech) = begin();
    text.push(&"a".repeat((1 << 18) - 1)).unwrap();
    drop(text);
    let failed = speech.last().unwrap().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::InvalidRequest, "{failed}");
}
