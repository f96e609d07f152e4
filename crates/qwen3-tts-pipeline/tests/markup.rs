//! Texts with marks: speakers, languages, instructions, pauses and chapters.

mod support;

use std::time::Duration;

use qwen3_tts_pipeline::{
    ChunkSchedule, Error, ErrorKind, LongText, PieceOutput, Speech, SpeechEvent, SpeechRequest,
    Synthesizer,
};
use support::{load, recording, speak, voice};

/// Samples of one speech: those of each piece, and all of them.
struct Heard {
    pieces: Vec<(PieceOutput, Vec<f32>)>,
    audio: Vec<f32>,
}

fn listen(speech: &mut Speech) -> Heard {
    let (mut heard, mut piece) = (Heard { pieces: Vec::new(), audio: Vec::new() }, Vec::new());
    while let Some(event) = speech.next_event() {
        match event.unwrap() {
            SpeechEvent::Chunk(chunk) => {
                heard.audio.extend(&chunk.samples);
                if chunk.is_pause() {
                    assert!(chunk.samples.iter().all(|sample| *sample == 0.0));
                } else {
                    piece.extend(chunk.samples);
                }
            }
            SpeechEvent::Piece(output) => {
                heard.pieces.push(((*output).clone(), std::mem::take(&mut piece)));
            }
            _ => panic!("another event"),
        }
    }
    heard
}

fn marked(text: &str) -> SpeechRequest {
    SpeechRequest::new(text).markup().seed(5).max_frames(6)
}

const DIALOGUE: &str = "\
[pause 120ms]# The \\# meeting

“Good morning,” said Ryan. [speaker vivian]Good [pause 300ms] evening.[/speaker]

[language german][speaker Serena]Guten Tag![/speaker] Und nun [instruct \"whispering\"]leise.
[/instruct][/language]
## The end
Ende. One two three.[pause 0.1s]";

#[test]
fn each_section_is_spoken_as_if_alone() {
    let model = load("custom_voice_1b7");
    let words = [
        ("The # meeting", Some("ryan"), "auto", None),
        ("“Good morning,” said Ryan.", Some("ryan"), "auto", None),
        ("Good", Some("vivian"), "auto", None),
        ("evening.", Some("vivian"), "auto", None),
        ("Guten Tag!", Some("Serena"), "german", None),
        ("Und nun", Some("ryan"), "german", None),
        ("leise.", Some("ryan"), "german", Some("whispering")),
        ("The end", Some("ryan"), "auto", None),
        ("Ende. One two three.", Some("ryan"), "auto", None),
    ];
    let pauses = [650, 250, 300, 650, 250, 80, 650, 650, 100].map(Duration::from_millis);
    let chapters = [0, 0, 0, 0, 0, 0, 0, 1, 1].map(Some);
    // The first mark keeps the first line from being a heading.
    let text = DIALOGUE.replace("[pause 120ms]", "[pause 120ms]\n");
    let request = marked(&text).speaker("ryan");
    let mut first: Option<Vec<f32>> = None;
    for (together, chunks) in [(8, ChunkSchedule::pieces()), (1, ChunkSchedule::default())] {
        let request = request.clone().long_text(LongText::default().together(together));
        let mut speech = model.speak(request.chunks(chunks)).unwrap();
        assert_eq!(speech.text(), text);
        assert_eq!(speech.chapters(), ["The # meeting", "The end"]);
        let heard = listen(&mut speech);
        assert_eq!(heard.pieces.len(), words.len());
        let mut expected = vec![0.0; 2880];
        for (index, (words, speaker, language, instruct)) in words.into_iter().enumerate() {
            assert_eq!(speech.piece_text(index), words);
            assert_eq!(speech.piece_speaker(index), speaker);
            assert_eq!(speech.piece_chapter(index), chapters[index]);
            let mut alone = SpeechRequest::new(words).speaker(speaker.unwrap()).language(language);
            alone.instruct = instruct.map(str::to_owned);
            let alone = speak(&model, &alone.seed(5 + index as u64).max_frames(6));
            let (piece, audio) = &heard.pieces[index];
            assert_eq!(piece.codes, alone.codes, "{words}");
            assert!(*audio == alone.audio);
            assert_eq!(piece.pause, pauses[index], "{words}");
            let range = speech.pieces()[index].range.clone();
            assert_eq!(piece.range, range);
            assert_eq!(text[range].replace("\\#", "#"), words);
            expected.extend(audio);
            expected.extend(vec![0.0; pauses[index].as_millis() as usize * 24]);
        }
        assert!(heard.audio == expected);
        assert!(*first.get_or_insert(heard.audio.clone()) == heard.audio);
    }
}

#[test]
fn sections_are_split_and_skipped_like_any_text() {
    let model = load("custom_voice_0b6");
    let text = "One two three. Four five six. [speaker vivian]Seven eight nine. Ten.[/speaker]";
    let long_text = LongText::default().piece_tokens(Some(8));
    let request = marked(text).chunks(ChunkSchedule::pieces());
    let mut speech = model.speak(request.clone().long_text(long_text.clone())).unwrap();
    let n = speech.pieces().len();
    assert!(n >= 4, "{n}");
    let speakers: Vec<_> = (0..n).map(|index| speech.piece_speaker(index)).collect();
    assert_eq!((speakers[0], speakers[n - 1]), (None, Some("vivian")));
    let joined: Vec<&str> = (0..n).map(|index| speech.piece_text(index)).collect();
    assert_eq!(joined.join(" "), "One two three. Four five six. Seven eight nine. Ten.");
    let all = listen(&mut speech);
    let mut speech = model.speak(request.clone().long_text(long_text.skip([0, 2]))).unwrap();
    let some = listen(&mut speech);
    assert!(some.pieces[0].1 == all.pieces[1].1 && some.pieces[0].0.index == 1);
    // Unsplit, each section is one piece.
    let unsplit = request.long_text(LongText::default().piece_tokens(None));
    let speech = model.speak(unsplit).unwrap();
    let texts: Vec<&str> = (0..speech.pieces().len()).map(|i| speech.piece_text(i)).collect();
    assert_eq!(texts, ["One two three. Four five six.", "Seven eight nine. Ten."]);
}

#[test]
fn a_text_without_marks_is_spoken_as_it_is() {
    let model = load("custom_voice_0b6");
    for text in [" One two.\n", "One. Two.\n\nThree."] {
        let plain = SpeechRequest::new(text).seed(5).max_frames(6);
        let (with, without) = (speak(&model, &marked(text)), speak(&model, &plain));
        assert!(with.audio == without.audio);
        assert_eq!(with.codes, without.codes);
    }
    // Without the option, marks are words.
    let plain = SpeechRequest::new("[pause 1s] [speaker nobody]").seed(5).max_frames(6);
    let mut speech = model.speak(plain).unwrap();
    assert_eq!(speech.piece_text(0), "[pause 1s] [speaker nobody]");
    assert_eq!(listen(&mut speech).pieces.len(), 1);
}

/// Returns line, column and reason.
#[track_caller]
fn refused(model: &Synthesizer, request: SpeechRequest) -> (usize, usize, String) {
    let error = model.speak(request.clone()).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(model.check(&request).unwrap_err().to_string(), error.to_string());
    match error {
        Error::Markup { line, column, reason } => (line, column, reason),
        error => panic!("{error}"),
    }
}

#[test]
fn marks_that_the_model_cannot_honour_are_refused_by_their_place() {
    let small = load("custom_voice_0b6");
    let cases = [
        ("One\n[speaker ryann]two[/speaker]", (2, 1), "did you mean \"ryan\"?"),
        ("ö [language klingon]two[/language]", (1, 3), "unknown language \"klingon\""),
        ("One [instruct \"low\"]two[/instruct]", (1, 5), "use a 1.7B model"),
        ("One [paus 1s]", (1, 5), "did you mean [pause]?"),
        ("One [speaker nobody][/speaker]", (1, 5), "unknown speaker \"nobody\""),
    ];
    for (text, place, words) in cases {
        let (line, column, reason) = refused(&small, marked(text));
        assert_eq!((line, column), place, "{text}: {reason}");
        assert!(reason.contains(words), "{text}: {reason}");
    }
    let speaker = || marked("One [speaker ryan]two[/speaker]");
    let (.., reason) = refused(&load("voice_design_1b7"), speaker());
    assert!(reason.contains("has no speakers"), "{reason}");
    let base = load("base_0b6");
    let (.., reason) = refused(&base, speaker().cloned(voice(None)));
    assert!(reason.contains("a base model has no speakers"), "{reason}");
    // Before a recording is encoded as well.
    let error = base.check_before_cloning(&speaker(), true).unwrap_err().to_string();
    assert!(error.starts_with("line 1, column 5 of the text: a base model"), "{error}");
    // The voice of the request is checked even if no part has it.
    let unused = marked("[speaker ryan]One[/speaker]").speaker("nobody");
    assert!(small.check(&unused).unwrap_err().to_string().contains("nobody"));
}

#[test]
fn a_mark_may_name_a_blend() {
    let model = load("custom_voice_0b6");
    let blend = "ryan:1,vivian:3";
    let text = format!("One. [speaker {blend}]Two.[/speaker]");
    let heard = listen(&mut model.speak(marked(&text)).unwrap());
    let alone = SpeechRequest::new("Two.").speaker(blend).seed(6).max_frames(6);
    assert_eq!(heard.pieces[1].0.codes, speak(&model, &alone).codes);
    let (_, column, reason) = refused(&model, marked("A [speaker ryan:x,vivian]B[/speaker]"));
    assert_eq!(column, 3);
    assert!(reason.contains("\"ryan:x\": expected a positive weight"), "{reason}");
}

#[test]
fn cloned_and_described_voices_take_marks_too() {
    let base = load("base_0b6");
    let clone = base.clone_voice(&recording(36_000), None).unwrap();
    let request = marked("One. [pause 50ms] [language german]Zwei.[/language]").cloned(clone);
    let heard = listen(&mut base.speak(request).unwrap());
    assert_eq!(heard.pieces.len(), 2);
    assert_eq!(heard.audio.len(), 2 * 6 * 1920 + 1200);
    let design = load("voice_design_1b7");
    let request = marked("One. [instruct \"A high voice.\"]Two.[/instruct]").instruct("Deep.");
    let heard = listen(&mut design.speak(request).unwrap());
    let alone = SpeechRequest::new("Two.").instruct("A high voice.").seed(6).max_frames(6);
    assert_eq!(heard.pieces[1].0.codes, speak(&design, &alone).codes);
}

#[test]
fn marks_alone_are_no_text_and_incremental_texts_have_none() {
    let model = load("custom_voice_0b6");
    for text in ["[pause 1s]", "[speaker ryan] [/speaker]", " "] {
        let error = model.check(&marked(text)).unwrap_err().to_string();
        assert!(error.contains("no text to speak"), "{error}");
    }
    let error = model.speak_incremental(marked("")).map(drop).unwrap_err().to_string();
    assert!(error.contains("it cannot be incremental"), "{error}");
}
