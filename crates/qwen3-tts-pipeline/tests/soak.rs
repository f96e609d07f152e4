//! Many callers at once, who listen, cancel, leave, write, clone and decode: each hears what it
//! would hear alone.
//!
//! `QWEN3_TTS_SOAK` is the number of requests.

mod support;

use std::sync::Arc;
use std::time::Duration;

use qwen3_tts_pipeline::{
    ChunkSchedule, ClonedVoice, Error, LongText, ReferenceAudio, Result, Speech, SpeechCodes,
    SpeechOutput, SpeechRequest, StopReason, Synthesizer, TextMode,
};
use qwen3_tts_testkit::checkpoint;
use support::{Dice, options, recording, speak, until};

const REQUESTS: usize = 100;
const CALLERS: usize = 8;
const TRANSCRIPT: &str = "Slowly she said.";

/// Results of a model that does one thing at a time.
struct Alone {
    speeches: Vec<(SpeechRequest, SpeechOutput)>,
    /// A request whose text can be written while it is spoken.
    written: (SpeechRequest, SpeechOutput),
    recording: ReferenceAudio,
    voice: Arc<ClonedVoice>,
    codes: SpeechCodes,
    samples: Vec<f32>,
}

impl Alone {
    fn new(model: &Synthesizer) -> Self {
        let recording = recording(20_000);
        let voice = Arc::new(model.clone_voice(&recording, Some(TRANSCRIPT)).unwrap());
        let vector = Arc::new(model.clone_voice(&recording, None).unwrap());
        let text = |text: &str| SpeechRequest::new(text).cloned(voice.clone());
        let pieces = LongText::default().piece_tokens(Some(4)).retries(None);
        let requests = [
            text("One two three.").seed(1).max_frames(9),
            text("Four.").seed(2).max_frames(14).cloned(vector.clone()),
            text("The weather is good.").greedy().max_frames(11),
            text("Five, six.").seed(4).max_frames(1).language("english"),
            text("One. Two. Three. Four.").seed(5).max_frames(5).long_text(pieces),
            text("Again.").seed(1).max_frames(20).text_mode(TextMode::NonStreaming).cloned(vector),
        ];
        let spoken = |request: SpeechRequest| {
            let speech = speak(model, &request);
            (request, speech)
        };
        let written = text("Seven eight nine ten.").seed(6).max_frames(16);
        let codes = model.encode(&recording).unwrap();
        let samples = model.decode(&codes).unwrap();
        let written = spoken(written.text_mode(TextMode::Streaming));
        Self {
            speeches: requests.into_iter().map(spoken).collect(),
            written,
            recording,
            voice,
            codes,
            samples,
        }
    }
}

/// Makes a request as soon as there is room for it.
fn when_there_is_room<T>(request: impl Fn() -> Result<T>) -> T {
    loop {
        match request() {
            Err(Error::Busy { .. }) => std::thread::sleep(Duration::from_millis(1)),
            result => return result.unwrap(),
        }
    }
}

/// Makes one request in one of the ways of a caller.
fn call(model: &Synthesizer, alone: &Alone, dice: &mut Dice) {
    let (request, expected) = &alone.speeches[dice.below(alone.speeches.len())];
    let chunks = [ChunkSchedule::default(), ChunkSchedule::every(2), ChunkSchedule::pieces()];
    let request = request.clone().chunks(chunks[dice.below(3)]).buffered_chunks(1 + dice.below(3));
    let speech = || when_there_is_room(|| model.speak(request.clone()));
    match dice.below(9) {
        0 => {
            let output = speech().collect_audio().unwrap();
            assert_eq!(output.codes, expected.codes);
            assert!(output.audio == expected.audio);
        }
        1 => listen_slowly(speech(), expected),
        2 => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (one, other) = (speech(), speech());
            runtime.block_on(async { tokio::join!(hear(one, expected), hear(other, expected)) });
        }
        3 => cancel(speech(), expected, dice),
        4 => drop(speech().take(dice.below(4)).map(Result::unwrap).count()),
        5 => write(model, &alone.written, dice),
        6 => {
            let voice = || model.clone_voice(&alone.recording, Some(TRANSCRIPT));
            assert_eq!(when_there_is_room(voice), *alone.voice);
        }
        7 => {
            assert_eq!(when_there_is_room(|| model.encode(&alone.recording)), alone.codes);
            assert!(when_there_is_room(|| model.decode(&alone.codes)) == alone.samples);
        }
        _ => assert!(model.speak(request.language("klingon")).is_err()),
    }
}

fn listen_slowly(mut speech: Speech, expected: &SpeechOutput) {
    let mut audio = Vec::new();
    for chunk in &mut speech {
        audio.extend(chunk.unwrap().samples);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(audio == expected.audio);
    assert_eq!(speech.output().unwrap().codes, expected.codes);
}

async fn hear(mut speech: Speech, expected: &SpeechOutput) {
    let mut audio = Vec::new();
    while let Some(chunk) = futures_util::StreamExt::next(&mut speech).await {
        audio.extend(chunk.unwrap().samples);
        tokio::task::yield_now().await;
    }
    assert!(audio == expected.audio);
}

/// Cancels a speech from another thread. What was spoken before is the beginning of the whole.
fn cancel(mut speech: Speech, expected: &SpeechOutput, dice: &mut Dice) {
    let taken = speech.by_ref().take(dice.below(3)).map(|chunk| chunk.unwrap().samples);
    let mut audio: Vec<f32> = taken.flatten().collect();
    let control = speech.control();
    std::thread::spawn(move || control.cancel()).join().unwrap();
    audio.extend(speech.by_ref().flat_map(|chunk| chunk.unwrap().samples));
    assert!(expected.audio.starts_with(&audio));
    let output = speech.output().unwrap();
    assert!(expected.codes.codes.starts_with(&output.codes.codes));
    let is_whole = output.codes == expected.codes;
    assert!(is_whole || output.stop_reason == StopReason::Cancelled);
}

/// Writes a text while it is spoken; sometimes only the beginning of it, or nothing.
fn write(model: &Synthesizer, written: &(SpeechRequest, SpeechOutput), dice: &mut Dice) {
    let (request, expected) = written;
    let (mut text, speech) = when_there_is_room(|| model.speak_incremental(request.clone()));
    let words: Vec<&str> = request.text.split_inclusive(' ').collect();
    let is_left = dice.below(3) == 0;
    let said = if is_left { dice.below(words.len()) } else { words.len() };
    for word in &words[..said] {
        text.push(word).unwrap();
        std::thread::sleep(Duration::from_millis(dice.below(3) as u64));
    }
    if !is_left {
        text.finish().unwrap();
        let output = speech.collect_audio().unwrap();
        assert_eq!(output.codes, expected.codes);
        assert!(output.audio == expected.audio);
    }
}

#[test]
fn many_callers_hear_what_each_would_hear_alone() {
    let requests = std::env::var("QWEN3_TTS_SOAK").ok().map(|number| number.parse().unwrap());
    let requests = requests.unwrap_or(REQUESTS);
    // A caller has at most two speeches, so that nine places are enough for one to go on.
    let load = |active| {
        let options = options().max_active(active).max_waiting(6);
        Synthesizer::load(checkpoint("base_0b6"), &options).unwrap()
    };
    let alone = Alone::new(&load(1));
    let model = load(3);
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (model, alone) = (&model, &alone);
            scope.spawn(move || {
                let mut dice = Dice::new(caller as u64);
                for _ in (caller..requests).step_by(CALLERS) {
                    call(model, alone, &mut dice);
                }
            });
        }
    });
    until(|| (model.active_requests(), model.waiting_requests()) == (0, 0));
}
