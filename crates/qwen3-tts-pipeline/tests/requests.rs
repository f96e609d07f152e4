//! Requests that a model cannot honour are refused before anything is computed, with a reason.

mod support;

use qwen3_tts_pipeline::{LongText, Sampling, SpeechRequest, Synthesizer};
use support::load;

#[track_caller]
fn refused(model: &Synthesizer, request: &SpeechRequest, words: &[&str]) {
    let message = model.check(request).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
    let error = model.speak(request.clone()).map(drop).unwrap_err();
    assert_eq!(error.to_string(), message);
}

fn text() -> SpeechRequest {
    SpeechRequest::new("One two three.")
}

#[test]
fn blank_texts_are_refused() {
    let model = load("custom_voice_0b6");
    for empty in ["", " ", "\n\t \u{3000}\r\n", "\u{feff}", "\u{200b} \u{ad}\u{2060}\u{200d}", "\0"]
    {
        refused(&model, &SpeechRequest::new(empty), &["no text"]);
    }
    model.check(&SpeechRequest::new("\n.")).unwrap();
}

#[test]
fn unknown_speakers_and_languages_are_refused() {
    let model = load("custom_voice_0b6");
    refused(&model, &text().speaker("Nobody"), &["\"Nobody\"", "serena", "uncle_fu"]);
    refused(&model, &text().speaker(""), &["\"\""]);
    refused(&model, &text().language("Klingon"), &["\"Klingon\"", "auto", "english"]);
    refused(&model, &text().language(""), &["\"\""]);
    model.check(&text().speaker("RYAN").language("ENGLISH")).unwrap();
    model.check(&text().speaker("eric").language("AUTO")).unwrap();
}

#[test]
fn each_model_does_what_it_can() {
    let small = load("custom_voice_0b6");
    refused(&small, &text().instruct("Whisper."), &["0.6B", "instruction"]);
    small.check(&text().instruct("")).unwrap();
    let large = load("custom_voice_1b7");
    large.check(&text().instruct("Whisper.").speaker("ryan")).unwrap();
    let design = load("voice_design_1b7");
    refused(&design, &text().speaker("ryan"), &["no speakers", "instruction"]);
    design.check(&text().instruct("An old man.")).unwrap();
    design.check(&text()).unwrap();
}

#[test]
fn sampling_values_are_possible() {
    let model = load("custom_voice_0b6");
    let with = |change: &dyn Fn(&mut Sampling)| {
        let mut sampling = Sampling::default();
        change(&mut sampling);
        text().sampling(sampling)
    };
    for value in [f32::NAN, f32::INFINITY, -1.0] {
        refused(&model, &with(&|s| s.temperature = Some(value)), &["temperature"]);
        let subtalker = with(&|s| s.subtalker_temperature = Some(value));
        refused(&model, &subtalker, &["subtalker", "temperature"]);
        refused(&model, &with(&|s| s.repetition_penalty = Some(value)), &["repetition penalty"]);
    }
    refused(&model, &with(&|s| s.repetition_penalty = Some(0.0)), &["repetition penalty"]);
    // Greedy decoding.
    model.check(&with(&|s| s.temperature = Some(0.0))).unwrap();
    model.check(&with(&|s| s.subtalker_temperature = Some(0.0))).unwrap();
    for value in [f32::NAN, 0.0, -0.5, 1.5] {
        refused(&model, &with(&|s| s.top_p = Some(value)), &["top-p"]);
        refused(&model, &with(&|s| s.subtalker_top_p = Some(value)), &["subtalker", "top-p"]);
    }
    model.check(&with(&|s| s.top_k = Some(0))).unwrap();
    model.check(&with(&|s| s.top_k = Some(usize::MAX))).unwrap();
}

#[test]
fn a_text_fits_or_is_refused() {
    let model = load("custom_voice_0b6");
    let long = |words: usize| {
        let request = SpeechRequest::new("word ".repeat(words));
        request.long_text(LongText::default().piece_tokens(None))
    };
    refused(&model, &long(100_000), &["KiB", "split"]);
    refused(&model, &long(4_000), &["too long", "8191 frames", "split"]);
    refused(&model, &text().max_frames(0), &["at least 1"]);
    refused(&model, &text().max_frames(40_000), &["32768", "40000", "split"]);
    refused(&model, &text().max_frames(usize::MAX), &["32768"]);
}
