//! Blends of preset speakers.

mod support;

use qwen3_tts_pipeline::{ErrorKind, SpeechRequest};
use support::{load, speak};

fn request(speaker: &str) -> SpeechRequest {
    SpeechRequest::new("One two three.").seed(3).max_frames(8).speaker(speaker)
}

#[test]
fn weights_are_relative_and_a_single_speaker_is_that_speaker() {
    let model = load("custom_voice_0b6");
    let codes = |speaker: &str| speak(&model, &request(speaker)).codes;
    assert_eq!(codes("ryan:0.2"), codes("ryan"));
    let blend = codes("ryan:0.25,vivian:0.75");
    for same in ["ryan:1,vivian:3", " Ryan : 2 , VIVIAN : 6 ", "ryan,vivian:3"] {
        assert_eq!(codes(same), blend, "{same}");
    }
    for other in ["ryan", "vivian", "ryan:0.75,vivian:0.25", "ryan:0.25,serena:0.75"] {
        assert_ne!(codes(other), blend, "{other}");
    }
}

/// Eric speaks Sichuan dialect and Dylan Beijing dialect if the language is open.
#[test]
fn a_blend_speaks_a_dialect_only_if_all_its_speakers_do() {
    let model = load("custom_voice_0b6");
    let codes =
        |speaker: &str, language: &str| speak(&model, &request(speaker).language(language)).codes;
    let named = codes("eric:9,ryan:1", "sichuan_dialect");
    assert_ne!(codes("eric:9,ryan:1", "auto"), named);
    assert_ne!(codes("eric:9,dylan:1", "auto"), codes("eric:9,dylan:1", "sichuan_dialect"));
    assert_eq!(codes("eric:1", "auto"), codes("eric", "sichuan_dialect"));
}

#[test]
fn invalid_blends_are_refused_by_their_part() {
    let model = load("custom_voice_0b6");
    let cases = [
        ("ryan:0.7,vivan:0.3", "unknown speaker \"vivan\" (did you mean \"vivian\"?)"),
        ("ryan:0,vivian", "\"ryan:0\": expected a positive weight"),
        ("ryan,vivian:-1", "\"vivian:-1\": expected a positive weight"),
        ("ryan,vivian:nan", "\"vivian:nan\": expected a positive weight"),
        ("ryan,vivian:inf", "at most 1000000"),
        ("ryan,vivian:1e7", "at most 1000000"),
        ("ryan,vivian:", "\"vivian:\": expected a positive weight"),
        ("ryan:0.5:1,vivian", "\"ryan:0.5:1\": expected a positive weight"),
        ("ryan,,vivian", "\"\": expected a name, as in ryan:0.7,vivian:0.3"),
        ("ryan:0.7,", "\"\": expected a name"),
        (":1", "\":1\": expected a name"),
        ("ryan,Ryan:2", "\"Ryan:2\": this speaker is in the blend already"),
        ("", "unknown speaker \"\""),
    ];
    for (speaker, words) in cases {
        let error = model.check(&request(speaker)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(words), "{speaker}: {error}");
    }
}
