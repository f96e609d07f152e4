//! Letter by letter, a text has the sentences that it has as a whole.

use std::path::Path;

use qwen3_tts_pipeline::{LoadOptions, Synthesizer};
use qwen3_tts_testkit::checkpoint;
use serde_json::json;

use crate::socket::Client;
use crate::support::{settings, start};
use crate::websocket::MODEL;

/// Returns the paragraphs of the pipeline's tests, with their languages.
fn paragraphs() -> Vec<(String, String)> {
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../qwen3-tts-pipeline/tests/data/sentences");
    let mut paragraphs = Vec::new();
    for file in ["latin.txt", "cyrillic.txt", "cjk.txt"] {
        let mut language = "auto".to_owned();
        for line in std::fs::read_to_string(data.join(file)).unwrap().lines() {
            match line.strip_prefix('[') {
                _ if line.is_empty() || line.starts_with('#') => {}
                Some(name) => language = name.trim_end_matches(']').to_owned(),
                None => {
                    let text = line.trim_start_matches('=').replace("\\n", "\n").replace('|', "");
                    paragraphs.push((language.clone(), text));
                }
            }
        }
    }
    paragraphs
}

#[test]
fn letter_by_letter_the_sentences_are_those_of_the_whole_text() {
    let options = LoadOptions::default().threads(1);
    let tts = Synthesizer::load(checkpoint(MODEL), &options).unwrap();
    let service = start(settings(&[MODEL]));
    let mut client = Client::connect(&service);
    let (mut last, mut wrong) = (String::new(), Vec::new());
    for (language, text) in paragraphs() {
        if last != language {
            client.configure(json!({
                "language": language, "max_new_tokens": 1, "response_format": "pcm",
            }));
            last.clone_from(&language);
        }
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        let answers = client.speak(&letters);
        let pieces = tts.split_sentences(&text, &language, 256).unwrap();
        let expected: Vec<&str> = pieces.iter().map(|piece| &text[piece.range.clone()]).collect();
        if answers.sentences() != expected {
            wrong.push(format!("{language}: {:?}, expected {expected:?}", answers.sentences()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
