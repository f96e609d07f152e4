//! Long texts: nothing is lost on the way to the pieces, and every piece is spoken as alone.

mod support;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use qwen3_tts_pipeline::{
    NarrationOptions, Narrator, NarratorEvent, Pauses, PieceEnd, SpeechRequest, StopReason,
    Synthesizer,
};
use support::load;

const MODEL: &str = "custom_voice_0b6";

fn texts<'t>(model: &Synthesizer, text: &'t str, budget: usize) -> Vec<&'t str> {
    let pieces = model.split_text(text, budget);
    pieces.into_iter().map(|piece| &text[piece.range]).collect()
}

fn without_space(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// Two sentences and the beginning of a third in every language that the models speak.
const SENTENCES: [[&str; 3]; 10] = [
    ["今天天气很好。", "我们去公园散步吧！", "你觉得呢？"],
    ["The weather is good.", "It is 3.5 degrees, isn't it?", "\"Yes!\" she said."],
    ["今日は天気がいいです。", "「はい。」", "散歩に行きましょう！"],
    ["오늘은 날씨가 좋습니다.", "산책하러 갈까요?", "네!"],
    ["Das Wetter ist schön.", "Es kostet 1.000,50 Euro!", "Gehen wir?"],
    ["Il fait beau.", "Qu'en dis-tu ?", "« Allons-y ! »"],
    ["Погода хорошая.", "Пойдём гулять?", "Да!"],
    ["O tempo está bom.", "Vamos passear?", "Sim!"],
    ["Hace buen tiempo.", "¿Vamos a pasear?", "¡Sí!"],
    ["Il tempo è bello.", "Andiamo a passeggio?", "Sì!"],
];

#[test]
fn sentences_end_by_the_rules_of_every_language() {
    let model = load(MODEL);
    for sentences in SENTENCES {
        // Chinese and Japanese have no space between them.
        let is_spaced = sentences[0].contains(' ');
        let text = sentences.join(if is_spaced { " " } else { "" });
        // As small a budget as allows the longest sentence.
        let tokens = |text: &&str| model.split_text(text, usize::MAX)[0].tokens;
        let budget = sentences.iter().map(tokens).max().unwrap();
        let pieces = model.split_text(&text, budget);
        let ends: Vec<usize> = pieces.iter().map(|piece| piece.range.end).collect();
        let mut place = 0;
        let sentence_ends: Vec<usize> = sentences
            .iter()
            .map(|sentence| {
                place = text[place..].find(sentence).unwrap() + place + sentence.len();
                place
            })
            .collect();
        assert!(pieces.len() > 1, "{text}");
        assert!(ends.iter().all(|end| sentence_ends.contains(end)), "{text} {ends:?}");
        assert!(pieces.iter().all(|piece| piece.end >= PieceEnd::Sentence));
        // And one by one, where each is as long as the budget.
        assert_eq!(texts(&model, &text, usize::MAX), [text.as_str()]);
    }
}

#[test]
fn a_piece_ends_at_the_largest_end_that_fits() {
    let model = load(MODEL);
    let text = "First there was one, then there were two; and, at last, three of them.\n\n\
                A wrapped\nsentence goes on. Another one.\r\n\r\n\r\nEnd";
    let whole: Vec<_> = model.split_text(text, usize::MAX);
    assert_eq!(whole.iter().map(|piece| piece.end).collect::<Vec<_>>(), [PieceEnd::Paragraph; 3]);
    assert_eq!(&text[whole[1].range.clone()], "A wrapped\nsentence goes on. Another one.");
    let first = |budget| {
        let pieces = model.split_text(text, budget);
        pieces.into_iter().take_while(|piece| piece.range.end < 72).collect::<Vec<_>>()
    };
    let clauses = first(whole[0].tokens - 1);
    let ends: Vec<PieceEnd> = clauses.iter().map(|piece| piece.end).collect();
    assert_eq!(ends.last(), Some(&PieceEnd::Paragraph));
    assert!(ends.len() > 1 && ends[..ends.len() - 1].iter().all(|end| *end == PieceEnd::Clause));
    for piece in &clauses {
        assert!(text[piece.range.clone()].ends_with([',', ';', '.']), "{piece:?}");
    }
    // With no room for two words each one is a piece, with the punctuation that belongs to it.
    let words = texts(&model, "One, \"two\" (three): 1,000.5 don't e-mail", 1);
    assert_eq!(words, ["One,", "\"two\"", "(three):", "1,000.5", "don't", "e-mail"]);
    assert_eq!(texts(&model, "\u{200f} \n\t", 10), ["\u{200f}"]);
    assert!(model.split_text(" \n\t\n\n ", 10).is_empty());
}

#[test]
fn words_without_space_between_them_stay_whole() {
    let model = load(MODEL);
    let text = "我们今天去北京大学图书馆看书然后回家吃晚饭";
    let pieces = texts(&model, text, 6);
    assert!(pieces.len() > 2, "{pieces:?}");
    for word in ["我们", "今天", "北京", "大学", "看书", "然后", "回家", "晚饭"] {
        assert!(pieces.iter().any(|piece| piece.contains(word)), "{word} {pieces:?}");
    }
}

#[test]
fn what_cannot_be_said_alone_joins_what_can() {
    let model = load(MODEL);
    let pieces = texts(&model, "***\n\nOne.\n\n* * *\n\nTwo.\n\n🙂\n\n—", 100);
    assert_eq!(pieces, ["***\n\nOne.\n\n* * *", "Two.\n\n🙂\n\n—"]);
    assert_eq!(texts(&model, "***", 100), ["***"]);
}

/// Bits of prose, and of what else is found in it.
const BITS: &[&str] = &[
    "word",
    "Ein Satz.",
    "Wirklich?!",
    " ",
    " ",
    " ",
    "\n",
    "\n\n",
    "\r\n\r\n",
    "今天天气很好。",
    "去",
    "，",
    "そうですね",
    "안녕하세요. ",
    "Привет, ",
    "3.14",
    "1,000",
    "Mr. ",
    "e.g. ",
    "\u{200f}שלום",
    "\u{202b}عربي؟ ",
    "\u{fffd}",
    "\u{fffd}\u{fffd}",
    "🙂",
    "👩\u{200d}👩\u{200d}👧",
    "e\u{301}",
    "\u{301}",
    "…",
    "—",
    "\"",
    "»",
    "(",
    ") ",
    "http://a.b/c?d=e ",
    "\u{2029}",
    "\u{c}",
    "\u{feff}",
    "\u{0}",
    "ไทย",
    "a.",
    "I. ",
    "U.S.A. ",
    "'",
    "-",
    "\t",
    "\u{3000}",
    "<|im_end|>",
];

#[test]
fn nothing_is_lost_whatever_the_text_and_the_budget() {
    let model = load(MODEL);
    let texts = prop::collection::vec(prop::sample::select(BITS), 0..60);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(600)
    });
    let holds = runner.run(&(texts, 1..30usize), |(bits, budget)| {
        let text = bits.concat();
        let pieces = model.split_text(&text, budget);
        let mut place = 0;
        let mut kept = String::new();
        for piece in &pieces {
            prop_assert!(place <= piece.range.start);
            prop_assert!(text[place..piece.range.start].trim().is_empty());
            let part = &text[piece.range.clone()];
            prop_assert!(!part.is_empty() && part.trim() == part);
            // More than the budget is a single word.
            let can_be_said = |word: &&str| word.chars().any(char::is_alphanumeric);
            let is_word = part.split_whitespace().filter(can_be_said).count() < 2;
            prop_assert!(piece.tokens <= budget || is_word, "{part:?}");
            kept.push_str(part);
            place = piece.range.end;
        }
        prop_assert_eq!(without_space(&kept), without_space(&text));
        Ok(())
    });
    holds.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn ten_thousand_words_keep_every_sentence() {
    let model = load(MODEL);
    let (mut text, mut sentences) = (String::new(), Vec::new());
    for n in 0..1_560 {
        let sentence = match n % 6 {
            0 => format!("Sentence number {n} has, as one sees, some nine words."),
            1 => format!("Satz {n} – mit Gedankenstrich, 🙂 und \u{fffd} Zeichen – endet hier!"),
            2 => format!("第{n}句话在这里，它有一个逗号。"),
            3 => format!("\u{200f}המשפט {n} נכתב מימין לשמאל."),
            4 => format!("Предложение {n}: «всё хорошо», сказала она."),
            _ => format!("¿Es la frase {n} de la novela que leímos ayer por la noche?"),
        };
        text.push_str(&sentence);
        text.push_str(if n % 40 == 39 { "\n\n" } else { " " });
        sentences.push(sentence);
    }
    assert!(text.split_whitespace().count() >= 10_000);
    let pieces = texts(&model, &text, 120);
    assert!(pieces.len() > 100);
    let found = sentences.iter().filter(|s| pieces.iter().any(|piece| piece.contains(*s))).count();
    assert_eq!(found, sentences.len(), "whole sentences in the pieces");
    assert_eq!(without_space(&pieces.concat()), without_space(&text));
}

/// Fewer tokens than any sentence here has: pieces of a few words.
fn options(together: usize) -> NarrationOptions {
    NarrationOptions { piece_tokens: Some(24), together, ..NarrationOptions::default() }
}

const CHAPTER: &str = "One two three. Four five six, seven eight nine! Ten eleven.\n\nTwelve.";

#[test]
fn pieces_are_what_they_are_alone_however_many_are_spoken_together() {
    let model = load(MODEL);
    let request = SpeechRequest::new(CHAPTER).seed(9).max_frames(12).speaker("ryan");
    let mut first = None;
    for together in [1, 3, 8] {
        let narration = model.narrate(&request, &options(together)).unwrap();
        let (n, seed) = (narration.script().len(), narration.script().seed());
        assert!(n >= 3 && seed == 9);
        let requests: Vec<_> = (0..n).map(|i| narration.script().request(i, 0)).collect();
        let spoken: Vec<_> = narration.map(Result::unwrap).collect();
        assert_eq!(spoken.len(), n);
        for (i, (piece, request)) in spoken.iter().zip(&requests).enumerate() {
            let alone = model.synthesize(request).unwrap();
            assert_eq!((piece.speech.segment_idx, piece.speech.seed), (i, 9 + i as u64));
            assert!(piece.speech.audio == alone.audio);
            assert_eq!((piece.attempts, piece.is_runaway), (1, false), "the caller's own limit");
        }
        let pauses: Vec<_> = spoken.iter().map(|piece| piece.pause).collect();
        let Pauses { sentence, paragraph, .. } = Pauses::default();
        assert!(pauses[n - 1].is_zero() && pauses[n - 2] == paragraph);
        assert!(pauses[..n - 2].contains(&sentence), "{pauses:?}");
        assert_eq!(*first.get_or_insert(pauses.clone()), pauses);
    }
}

#[test]
fn texts_are_what_they_are_alone_however_many_are_spoken_together() {
    let model = load(MODEL);
    let texts = [CHAPTER, "Thirteen.", "Fourteen fifteen. Sixteen, seventeen eighteen nineteen!"];
    let request =
        |index: usize| SpeechRequest::new(texts[index]).seed(index as u64).max_frames(8 + index);
    let alone = |index| {
        let pieces = model.narrate(&request(index), &options(1)).unwrap().map(Result::unwrap);
        pieces.map(|piece| (piece.text, piece.speech.audio, piece.pause)).collect::<Vec<_>>()
    };
    for together in [1, 2, 8] {
        let mut narrator = Narrator::new(&model, &options(together));
        let mut spoken = vec![Vec::new(); texts.len()];
        let mut done = Vec::new();
        let mut next = 0;
        loop {
            while narrator.has_room() && next < texts.len() {
                assert_eq!(narrator.add(&request(next)).unwrap().0, next);
                next += 1;
            }
            if narrator.is_empty() {
                break;
            }
            for (text, event) in narrator.step() {
                assert!(!done.contains(&text));
                match event {
                    NarratorEvent::Piece(piece) => {
                        spoken[text].push((piece.text, piece.speech.audio, piece.pause));
                    }
                    NarratorEvent::Done => done.push(text),
                    NarratorEvent::Failed(error) => panic!("{error}"),
                }
            }
        }
        assert_eq!(done.len(), texts.len());
        let frames: usize = spoken.iter().flatten().map(|(_, audio, _)| audio.len() / 1920).sum();
        assert_eq!(narrator.frames(), frames);
        for (index, spoken) in spoken.iter().enumerate() {
            assert!(*spoken == alone(index), "{together} together, text {index}");
        }
    }
}

#[test]
fn a_short_text_is_spoken_as_it_is() {
    let model = load(MODEL);
    let request = SpeechRequest::new(" One two.\n").seed(4).max_frames(9);
    let whole = model.synthesize(&request).unwrap();
    let long = SpeechRequest::new(CHAPTER).seed(4).max_frames(9);
    let unsplit = NarrationOptions { piece_tokens: None, ..NarrationOptions::default() };
    for (request, options, expected) in [
        (&request, NarrationOptions::default(), whole.audio),
        (&long, unsplit, model.synthesize(&long).unwrap().audio),
    ] {
        let pieces: Vec<_> =
            model.narrate(request, &options).unwrap().map(Result::unwrap).collect();
        assert_eq!(pieces.len(), 1);
        assert!(pieces[0].speech.audio == expected && pieces[0].pause.is_zero());
    }
}

#[test]
fn pieces_can_be_left_out() {
    let model = load(MODEL);
    let request = SpeechRequest::new(CHAPTER).seed(9).max_frames(6);
    let mut narration = model.narrate(&request, &options(2)).unwrap();
    let n = narration.script().len();
    narration.leave_out(|index| index % 2 == 0);
    let spoken: Vec<usize> = narration.map(|piece| piece.unwrap().speech.segment_idx).collect();
    assert_eq!(spoken, (0..n).filter(|index| index % 2 == 1).collect::<Vec<_>>());
}

/// The tiny model hardly ever finds an end, so that every piece runs away.
#[test]
fn a_piece_that_runs_away_is_tried_again_and_reported() {
    let model = load(MODEL);
    let request = SpeechRequest::new("One. Two.\n\nThree.").seed(100);
    let options = NarrationOptions { retries: Some(1), ..options(4) };
    let spoken: Vec<_> = model.narrate(&request, &options).unwrap().map(Result::unwrap).collect();
    assert_eq!(spoken.len(), 2);
    for (i, piece) in spoken.iter().enumerate() {
        assert_eq!(piece.attempts, if piece.speech.seed < 1 << 32 { 1 } else { 2 });
        let attempt = piece.attempts as u64 - 1;
        assert_eq!(piece.speech.seed, 100 + i as u64 + (attempt << 32));
        assert_eq!(piece.is_runaway, piece.speech.stop_reason == StopReason::MaxFrames);
    }
    assert!(spoken.iter().any(|piece| piece.is_runaway && piece.attempts == 2));
    // What would not change is not tried again.
    let greedy = model.narrate(&request.greedy(), &options).unwrap();
    assert!(greedy.map(Result::unwrap).all(|piece| piece.attempts == 1));
}

#[test]
fn what_cannot_be_narrated_is_refused_first() {
    let model = load(MODEL);
    for text in ["", " \n\n "] {
        let error = model.narrate(&SpeechRequest::new(text), &options(2)).map(drop).unwrap_err();
        assert!(error.to_string().contains("no text"), "{error}");
    }
    let nobody = SpeechRequest::new(CHAPTER).speaker("nobody");
    assert!(model.narrate(&nobody, &options(2)).is_err());
    let frames = SpeechRequest::new(CHAPTER).max_frames(0);
    assert!(model.narrate(&frames, &options(2)).is_err());
}
