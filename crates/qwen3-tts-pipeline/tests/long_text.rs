//! Long texts: the pieces contain the whole text, and each is spoken as it would be alone.

mod support;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use qwen3_tts_pipeline::{
    ChunkSchedule, LongText, SpeechEvent, SpeechOutput, SpeechRequest, StopReason, Synthesizer,
    TextPiece,
};
use support::{load, speak};

const MODEL: &str = "custom_voice_0b6";

fn split(model: &Synthesizer, text: &str, budget: usize) -> Vec<TextPiece> {
    model.split_text(text, "auto", budget).unwrap()
}

fn texts<'t>(model: &Synthesizer, text: &'t str, budget: usize) -> Vec<&'t str> {
    let pieces = split(model, text, budget);
    pieces.into_iter().map(|piece| &text[piece.range]).collect()
}

fn without_space(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// Three sentences in every language that the models speak.
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
        // The smallest budget that allows the longest sentence.
        let tokens = |text: &&str| split(&model, text, usize::MAX)[0].tokens;
        let budget = sentences.iter().map(tokens).max().unwrap();
        let pieces = split(&model, &text, budget);
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
        // And one by one, if each is as long as the budget.
        assert_eq!(texts(&model, &text, usize::MAX), [text.as_str()]);
    }
}

#[test]
fn a_piece_ends_at_the_largest_end_that_fits() {
    let model = load(MODEL);
    let text = "First there was one, then there were two; and, at last, three of them.\n\n\
                A wrapped\nsentence goes on. Another one.\r\n\r\n\r\nEnd";
    let whole: Vec<_> = split(&model, text, usize::MAX);
    assert_eq!(whole.len(), 3);
    assert_eq!(&text[whole[1].range.clone()], "A wrapped\nsentence goes on. Another one.");
    let first = |budget| {
        let pieces = split(&model, text, budget);
        pieces.into_iter().take_while(|piece| piece.range.end < 72).collect::<Vec<_>>()
    };
    let clauses = first(whole[0].tokens - 1);
    assert!(clauses.len() > 1);
    for piece in &clauses {
        assert!(text[piece.range.clone()].ends_with([',', ';', '.']), "{piece:?}");
    }
    // Without room for two words, each word is a piece, with its punctuation.
    let words = texts(&model, "One, \"two\" (three): 1,000.5 don't e-mail", 1);
    assert_eq!(words, ["One,", "\"two\"", "(three):", "1,000.5", "don't", "e-mail"]);
    assert_eq!(texts(&model, "\u{200f} \n\t", 10), ["\u{200f}"]);
    assert!(split(&model, " \n\t\n\n ", 10).is_empty());
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
fn text_without_words_joins_a_neighbour() {
    let model = load(MODEL);
    let pieces = texts(&model, "***\n\nOne.\n\n* * *\n\nTwo.\n\n🙂\n\n—", 100);
    assert_eq!(pieces, ["***\n\nOne.\n\n* * *", "Two.\n\n🙂\n\n—"]);
    assert_eq!(texts(&model, "***", 100), ["***"]);
}

/// Fragments of prose, and of other things found in it.
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
fn words_that_belong_together_are_parted_only_if_they_must() {
    let model = load(MODEL);
    let tokens = |text: &str| split(&model, text, usize::MAX)[0].tokens;
    for (text, bound) in [
        ("the house of old Dr. Brown was on the way to Mt. Hood", &["Dr. Brown", "Mt. Hood"][..]),
        ("a book by J. R. R. Tolkien for boys and girls", &["J. R. R. Tolkien"]),
        ("for some people, e.g. Germans, it was No. 5 on the list", &["e.g. Germans", "No. 5"]),
        ("wir essen gern z. B. Kuchen mit Sahne", &["z. B. Kuchen"]),
        ("there were 10 000 people in the street that day", &["10 000"]),
        ("see https://a.b/c?d=1,2;e=f for it and 1,000.5 more", &["https://a.b/c?d=1,2;e=f"]),
    ] {
        // One token less would not hold the longest.
        let budget = bound.iter().map(|words| tokens(words) + 1).max().unwrap();
        let pieces = texts(&model, text, budget);
        assert!(pieces.len() > 2, "{pieces:?}");
        for words in bound {
            assert!(pieces.iter().any(|piece| piece.contains(words)), "{words} {pieces:?}");
        }
    }
    assert_eq!(texts(&model, "Dr. Brown", 1), ["Dr.", "Brown"]);
}

#[test]
fn clauses_end_at_marks_outside_of_numbers() {
    let model = load(MODEL);
    for text in [
        "He came at 10:30 with 1,000 men,| she came at 11:45 with 2,000.5 women;| both left.",
        "It was late—very late—so late,| that 3–4 of us slept… we were tired.",
        "他来的时候是10：30，|她来的时候是11：45；|他们都走了、|大家都很累。",
        "Es war spät:| um 10.30 Uhr,| bei 3,5 Grad – es fror –| gingen wir.",
    ] {
        let clauses: Vec<&str> = text.split('|').map(str::trim).collect();
        let text = text.replace('|', "");
        let tokens = |text: &&str| split(&model, text, usize::MAX)[0].tokens;
        let budget = clauses.iter().map(tokens).max().unwrap();
        let ends: Vec<_> =
            split(&model, &text, budget).iter().map(|piece| piece.range.end).collect();
        // Clauses of a piece may be packed together.
        let allowed =
            text.match_indices([',', ';', ':', '—', '–', '…', '，', '；', '、', '.', '。']);
        let allowed: Vec<_> = allowed.map(|(place, mark)| place + mark.len()).collect();
        assert!(ends.len() > 1 && ends.iter().all(|end| allowed.contains(end)), "{text} {ends:?}");
        let next = |end: &usize| text[*end..].chars().next();
        assert!(!ends.iter().any(|end| next(end).is_some_and(|c| c.is_ascii_digit())), "{text}");
    }
}

#[test]
fn pieces_contain_the_whole_text_for_any_budget() {
    let model = load(MODEL);
    let texts = prop::collection::vec(prop::sample::select(BITS), 0..60);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(600)
    });
    let holds = runner.run(&(texts, 1..30usize), |(bits, budget)| {
        let text = bits.concat();
        let pieces = split(&model, &text, budget);
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

/// Returns options for pieces of a few words, shorter than any sentence here.
fn few_words() -> LongText {
    LongText::default().piece_tokens(Some(24))
}

const CHAPTER: &str = "One two three. Four five six, seven eight nine! Ten eleven.\n\nTwelve.";

/// Returns the audio of each piece, without the silence after it, and the output.
fn listen(model: &Synthesizer, request: SpeechRequest) -> (Vec<Vec<f32>>, SpeechOutput) {
    let mut speech = model.speak(request).unwrap();
    let (mut pieces, mut piece, mut n_samples) = (Vec::new(), Vec::new(), 0);
    while let Some(event) = speech.next_event() {
        match event.unwrap() {
            SpeechEvent::Chunk(chunk) if chunk.is_pause() => {
                let pause = &pieces.last().expect("silence after a piece");
                assert!(!Vec::is_empty(pause) && chunk.samples.iter().all(|x| *x == 0.0));
                n_samples += chunk.samples.len();
            }
            SpeechEvent::Chunk(chunk) => {
                n_samples += chunk.samples.len();
                piece.extend(chunk.samples);
            }
            SpeechEvent::Piece(_) => pieces.push(std::mem::take(&mut piece)),
            _ => panic!("another event"),
        }
    }
    let output = speech.output().unwrap().clone();
    assert_eq!(output.n_samples, n_samples);
    (pieces, output)
}

#[test]
fn pieces_equal_those_spoken_alone_for_any_delivery() {
    let model = load(MODEL);
    let request = SpeechRequest::new(CHAPTER).seed(9).max_frames(12).speaker("ryan");
    let mut first = None;
    let schedules = [
        (1, ChunkSchedule::pieces()),
        (3, ChunkSchedule::pieces()),
        (8, ChunkSchedule::pieces()),
        (8, ChunkSchedule::default()),
    ];
    for (together, chunks) in schedules {
        let request = request.clone().long_text(few_words().together(together)).chunks(chunks);
        let (audio, output) = listen(&model, request.clone());
        let n = output.pieces.len();
        assert!(n >= 3 && audio.len() == n && output.seed == 9);
        for (i, (piece, audio)) in output.pieces.iter().zip(&audio).enumerate() {
            let text = &CHAPTER[piece.range.clone()];
            let mut part = SpeechRequest::new(text).seed(9 + i as u64).speaker("ryan");
            part.max_frames = Some(12);
            let alone = speak(&model, &part);
            assert_eq!((piece.index, piece.seed), (i, 9 + i as u64));
            assert!(*audio == alone.audio);
            assert_eq!(piece.codes, alone.codes);
            assert_eq!((piece.attempts, piece.is_runaway), (1, false), "the caller's own limit");
        }
        let pauses: Vec<_> = output.pieces.iter().map(|piece| piece.pause).collect();
        let LongText { sentence_pause: sentence, paragraph_pause: paragraph, .. } =
            LongText::default();
        assert!(pauses[n - 1].is_zero() && pauses[n - 2] == paragraph);
        assert!(pauses[..n - 2].contains(&sentence), "{pauses:?}");
        assert_eq!(*first.get_or_insert(pauses.clone()), pauses);
        let silence: f64 = pauses.iter().map(|pause| pause.as_secs_f64() * 24_000.0).sum();
        assert_eq!(output.n_samples, output.n_frames() * 1920 + silence as usize);
    }
}

#[test]
fn texts_spoken_together_equal_those_spoken_alone() {
    let model = load(MODEL);
    let texts = [CHAPTER, "Thirteen.", "Fourteen fifteen. Sixteen, seventeen eighteen nineteen!"];
    let request = |index: usize| {
        let request = SpeechRequest::new(texts[index]).seed(index as u64).max_frames(8 + index);
        request.long_text(few_words()).chunks(ChunkSchedule::pieces())
    };
    let alone: Vec<_> = (0..texts.len()).map(|index| speak(&model, &request(index))).collect();
    let speeches: Vec<_> =
        (0..texts.len()).map(|index| model.speak(request(index)).unwrap()).collect();
    for (speech, alone) in speeches.into_iter().zip(&alone) {
        let control = speech.control();
        let spoken = speech.collect_audio().unwrap();
        assert!(spoken.audio == alone.audio);
        assert_eq!(spoken.codes, alone.codes);
        assert_eq!(control.progress().frames, spoken.n_frames());
    }
}

#[test]
fn a_short_text_is_not_split() {
    let model = load(MODEL);
    let request = SpeechRequest::new(" One two.\n").seed(4).max_frames(9);
    let (audio, output) = listen(&model, request.clone());
    assert_eq!((audio.len(), output.pieces[0].range.clone()), (1, 0..request.text.len()));
    let long = SpeechRequest::new(CHAPTER).seed(4).max_frames(9);
    let unsplit = long.clone().long_text(LongText::default().piece_tokens(None));
    let (audio, output) = listen(&model, unsplit);
    assert_eq!((audio.len(), output.pieces[0].range.clone()), (1, 0..CHAPTER.len()));
    assert!(output.pieces[0].pause.is_zero());
    // Without it, paragraphs are separate pieces.
    let (split, _) = listen(&model, long.clone());
    assert_eq!(split.len(), 2);
    let whole = long.long_text(LongText::default().piece_tokens(None));
    assert!(audio[0] == speak(&model, &whole.chunks(ChunkSchedule::pieces())).audio);
}

#[test]
fn pieces_can_be_skipped() {
    let model = load(MODEL);
    let request = SpeechRequest::new(CHAPTER).seed(9).max_frames(6);
    for chunks in [ChunkSchedule::pieces(), ChunkSchedule::default()] {
        let request = request.clone().chunks(chunks);
        let (all, whole) = listen(&model, request.clone().long_text(few_words()));
        let n = whole.pieces.len();
        let even = (0..n).step_by(2);
        let (some, output) = listen(&model, request.clone().long_text(few_words().skip(even)));
        let spoken: Vec<usize> = output.pieces.iter().map(|piece| piece.index).collect();
        assert_eq!(spoken, (1..n).step_by(2).collect::<Vec<_>>());
        assert!(spoken.iter().zip(&some).all(|(index, audio)| all[*index] == *audio));
        let none = speak(&model, &request.long_text(few_words().skip(0..n)));
        assert!(none.audio.is_empty() && none.pieces.is_empty());
    }
}

/// The tiny model hardly ever generates eos, so every piece runs away.
#[test]
fn a_piece_that_runs_away_is_retried_and_reported() {
    let model = load(MODEL);
    let request = SpeechRequest::new("One. Two.\n\nThree.").seed(100);
    let request = request.long_text(few_words().retries(Some(1)).together(4));
    let whole = request.clone().chunks(ChunkSchedule::pieces());
    let (_, output) = listen(&model, whole.clone());
    assert_eq!(output.pieces.len(), 2);
    for (i, piece) in output.pieces.iter().enumerate() {
        assert_eq!(piece.attempts, if piece.seed < 1 << 32 { 1 } else { 2 });
        let attempt = piece.attempts as u64 - 1;
        assert_eq!(piece.seed, 100 + i as u64 + (attempt << 32));
        assert_eq!(piece.is_runaway, piece.stop_reason == StopReason::MaxFrames);
    }
    assert!(output.pieces.iter().any(|piece| piece.is_runaway && piece.attempts == 2));
    // Greedy pieces, which would not change, and pieces already delivered are not retried.
    for request in [whole.greedy(), request] {
        let (_, output) = listen(&model, request);
        assert!(output.pieces.iter().all(|piece| piece.attempts == 1));
        assert!(output.pieces.iter().any(|piece| piece.is_runaway));
    }
}

#[test]
fn invalid_texts_are_refused_first() {
    let model = load(MODEL);
    let refused = |request: SpeechRequest| {
        let request = request.long_text(few_words());
        let error = model.speak(request.clone()).map(drop).unwrap_err().to_string();
        assert_eq!(model.check(&request).unwrap_err().to_string(), error);
        error
    };
    for text in ["", " \n\n "] {
        let error = refused(SpeechRequest::new(text));
        assert!(error.contains("no text"), "{error}");
    }
    refused(SpeechRequest::new(CHAPTER).speaker("nobody"));
    refused(SpeechRequest::new(CHAPTER).max_frames(0));
}

#[test]
fn a_word_that_never_ends_is_refused_by_its_place() {
    let model = load(MODEL);
    let speak = |text: &str, piece_tokens| {
        let long_text = LongText::default().piece_tokens(piece_tokens);
        model.check(&SpeechRequest::new(text).long_text(long_text))
    };
    let word = |letters: usize| format!("One two. {} Three.", "q".repeat(letters));
    speak(&word(1024), Some(10)).unwrap();
    for (text, piece_tokens) in [(word(1025), Some(10)), (word(200_000), Some(256))] {
        let message = speak(&text, piece_tokens).unwrap_err().to_string();
        for words in ["at byte 9", "\"qqqqqqqqqqqqqqqqqqqq\"", "at most 1024 tokens", "split it"] {
            assert!(message.contains(words), "{message}");
        }
    }
    // Whoever asks for longer pieces gets them.
    speak(&word(1500), Some(2000)).unwrap();
    speak(&word(1500), None).unwrap();
}

/// Pieces of different lengths, which end in another order than that of the text.
#[test]
fn pieces_to_keep_come_the_moment_they_are_complete() {
    let model = load(MODEL);
    let words = ["One two three four five six seven eight. ", "One. ", "Two three. "];
    let text: String = (0..6).map(|n| words[n % 3]).collect();
    let long_text = LongText::default().piece_tokens(Some(12)).retries(Some(0));
    let request = |long_text: LongText| {
        SpeechRequest::new(&text).seed(3).chunks(ChunkSchedule::pieces()).long_text(long_text)
    };
    let whole = model.speak(request(long_text.clone())).unwrap().collect_audio().unwrap();
    let n_pieces = whole.pieces.len();
    assert!(n_pieces >= 5, "{n_pieces}");

    let mut speech = model.speak(request(long_text.clone().unordered())).unwrap();
    let mut samples = vec![Vec::new(); n_pieces];
    while let Some(event) = speech.next_event() {
        if let SpeechEvent::Chunk(chunk) = event.unwrap() {
            samples[chunk.piece].extend(chunk.samples);
        }
    }
    assert!(samples.concat() == whole.audio, "in order, they are the same");
    assert_eq!(speech.output().unwrap().codes, whole.codes);

    // Stopped after half of the frames, a third of the pieces is there, whatever the batch size.
    for together in [1, 8] {
        let long_text = long_text.clone().together(together).unordered();
        let mut speech = model.speak(request(long_text).max_frames(24)).unwrap();
        let (control, half) = (speech.control(), 24 * n_pieces / 2);
        std::thread::spawn(move || {
            while control.progress().frames < half {
                std::thread::yield_now();
            }
            control.cancel();
        });
        let mut kept = 0;
        while let Some(event) = speech.next_event() {
            kept += usize::from(matches!(event.unwrap(), SpeechEvent::Piece(_)));
        }
        assert!(3 * kept >= n_pieces, "{kept} of {n_pieces} with {together} together");
    }
}

#[test]
fn the_expected_length_follows_the_pieces_so_far() {
    let model = load(MODEL);
    let text = "One two three four. ".repeat(12);
    let long_text = LongText::default().piece_tokens(Some(6)).together(1);
    let request =
        SpeechRequest::new(text).seed(3).chunks(ChunkSchedule::pieces()).long_text(long_text);
    // Every piece is cut at the limit, which no estimate exceeds.
    let mut speech = model.speak(request.clone().max_frames(5)).unwrap();
    let n_pieces = speech.pieces().len();
    while let Some(event) = speech.next_event() {
        let progress = speech.progress();
        assert_eq!(progress.max_frames, 5 * n_pieces);
        assert!(progress.expected_frames <= 5 * n_pieces, "{progress:?}");
        assert!(progress.active_pieces <= 1 && progress.ended_pieces <= n_pieces);
        event.unwrap();
    }
    assert_eq!(speech.progress().ended_pieces, n_pieces);
    assert_eq!(speech.progress().expected_frames, speech.progress().frames);
    // Once a piece has taken 7 frames a token, the others are expected to do so.
    let mut speech = model.speak(request.max_frames(42)).unwrap();
    let tokens: usize = speech.pieces().iter().map(|piece| piece.tokens).sum();
    let (mut n_ended, mut n_frames) = (0, 0);
    while let Some(event) = speech.next_event() {
        if let SpeechEvent::Piece(piece) = event.unwrap() {
            (n_ended, n_frames) = (n_ended + 1, n_frames + piece.codes.codes.len());
        }
        let progress = speech.progress();
        if n_ended == n_pieces / 2 {
            let usual = tokens as f64 * 3.3;
            let so_far = n_frames as f64 / n_ended as f64 * n_pieces as f64;
            let expected = progress.expected_frames as f64;
            assert!((expected - so_far).abs() < (expected - usual).abs(), "{progress:?} {so_far}");
            return;
        }
    }
}
