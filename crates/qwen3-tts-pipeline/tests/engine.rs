//! Many callers of one model: each hears what it would hear alone.

mod support;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use qwen3_tts_pipeline::{
    Batch, BatchEvent, ChunkSchedule, ClonedVoice, Engine, EngineOptions, Error, SpeechRequest,
    Synthesizer, TextMode,
};
use support::{load, voice};

const MODEL: &str = "custom_voice_0b6";

fn options() -> EngineOptions {
    EngineOptions { max_active: 3, max_waiting: 50, ..EngineOptions::default() }
}

/// Requests with everything of their own: text, mode, length, sampling, seed, speaker.
fn requests() -> Vec<SpeechRequest> {
    let text = SpeechRequest::new;
    vec![
        text("One two three.").seed(1).max_frames(9),
        text("Four.").seed(2).max_frames(30).speaker("ryan"),
        text("The weather is good.").greedy().max_frames(17).text_mode(TextMode::Streaming),
        text("Five, six.").seed(4).max_frames(1).language("english"),
        text("Seven eight nine ten.").seed(5).max_frames(23).text_mode(TextMode::Streaming),
        text("Again.").seed(1).max_frames(12).speaker("eric"),
        text("One two three.").seed(7).max_frames(40),
    ]
}

fn alone(model: &Synthesizer, requests: &[SpeechRequest]) -> Vec<(Vec<Vec<u32>>, Vec<f32>)> {
    let speak = |request| {
        let speech = model.synthesize(request).unwrap();
        (speech.codes.codes, speech.audio)
    };
    requests.iter().map(speak).collect()
}

fn engine(options: EngineOptions) -> Engine {
    Engine::start(load(MODEL), options).unwrap()
}

#[test]
fn a_batch_speaks_each_request_as_alone() {
    let model = load(MODEL);
    let requests = requests();
    let expected = alone(&model, &requests);
    let mut batch = Batch::new(&model);
    let (mut ids, mut audio) = (Vec::new(), vec![Vec::new(); requests.len()]);
    let mut done = 0;
    // One joins with every other step, while others leave.
    for step in 0.. {
        if step % 2 == 0 && ids.len() < requests.len() {
            ids.push(batch.add(&requests[ids.len()]).unwrap());
        }
        for (id, event) in batch.step() {
            let index = ids.iter().position(|known| *known == id).unwrap();
            match event {
                BatchEvent::Chunk(chunk) => audio[index].extend(chunk.samples),
                BatchEvent::Done(result) => {
                    assert_eq!(result.codes.codes, expected[index].0);
                    done += 1;
                }
                BatchEvent::Failed(error) => panic!("{error}"),
            }
        }
        if ids.len() == requests.len() && batch.is_empty() {
            break;
        }
    }
    assert_eq!(done, requests.len());
    for (audio, expected) in audio.iter().zip(&expected) {
        assert!(*audio == expected.1);
    }
}

#[test]
fn callers_on_many_threads_hear_their_own_speech() {
    let requests = requests();
    let expected = alone(&load(MODEL), &requests);
    let engine = engine(options());
    std::thread::scope(|scope| {
        for (request, expected) in requests.iter().zip(&expected) {
            let engine = engine.clone();
            scope.spawn(move || {
                let mut stream = engine.speak(request).unwrap();
                let audio: Vec<f32> =
                    stream.by_ref().flat_map(|chunk| chunk.unwrap().samples).collect();
                assert!(stream.next().is_none());
                assert!(audio == expected.1);
                let result = stream.finish().unwrap();
                assert_eq!(result.codes.codes, expected.0);
                assert_eq!(result.n_samples, expected.1.len());
            });
        }
    });
}

#[test]
fn a_stream_is_one_for_asynchronous_callers_too() {
    let request = &requests()[1];
    let expected = &alone(&load(MODEL), std::slice::from_ref(request))[0];
    let stream = engine(options()).speak(request).unwrap();
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    let mut audio = Vec::new();
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(chunk)) => audio.extend(chunk.unwrap().samples),
            Poll::Ready(None) => break,
            Poll::Pending => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    assert!(audio == expected.1);
    assert!(stream.as_mut().poll_next(&mut context).is_ready(), "it stays at its end");
    assert!(stream.result().is_some());
}

#[test]
fn a_listener_who_is_slow_or_leaves_holds_up_nobody() {
    let buffered =
        EngineOptions { buffered_chunks: 1, chunks: ChunkSchedule::every(1), ..options() };
    let engine = engine(buffered);
    let long = SpeechRequest::new("One two three.").seed(7).max_frames(200);
    let mut slow = engine.speak(&long).unwrap();
    let slow_first = slow.next().unwrap().unwrap();
    // Two leave: one that has begun, one that nobody ever listened to.
    let mut leaves = engine.speak(&long).unwrap();
    leaves.next().unwrap().unwrap();
    drop((leaves, engine.speak(&long).unwrap()));
    let requests = requests();
    for (request, expected) in requests.iter().zip(alone(&load(MODEL), &requests)) {
        let audio: Vec<f32> =
            engine.speak(request).unwrap().flat_map(|chunk| chunk.unwrap().samples).collect();
        assert!(audio == expected.1);
    }
    let whole = load(MODEL).synthesize(&long).unwrap();
    let rest = slow.flat_map(|chunk| chunk.unwrap().samples);
    let audio: Vec<f32> = slow_first.samples.into_iter().chain(rest).collect();
    assert!(audio == whole.audio);
}

#[test]
fn only_so_many_requests_are_taken() {
    let few = EngineOptions {
        max_active: 1,
        max_waiting: 2,
        buffered_chunks: 1,
        chunks: ChunkSchedule::every(1),
    };
    let engine = engine(few);
    let request = SpeechRequest::new("One two three.").seed(7).max_frames(10);
    let mut streams: Vec<_> = (0..3).map(|_| engine.speak(&request).unwrap()).collect();
    let refused = engine.speak(&request).map(drop).unwrap_err();
    assert!(matches!(refused, Error::Busy { present: 3 }), "{refused}");
    // One that is heard to its end makes room.
    let first = streams.remove(0);
    assert_eq!(first.map(Result::unwrap).count(), 10);
    streams.push(engine.speak(&request).unwrap());
    for stream in streams {
        assert_eq!(stream.map(Result::unwrap).count(), 10);
    }
}

#[test]
fn what_cannot_be_spoken_is_refused_at_once_and_fails_alone() {
    let engine = engine(options());
    let error = engine.speak(&SpeechRequest::new(" ")).map(drop).unwrap_err();
    assert!(error.to_string().contains("no text"), "{error}");
    assert!(engine.speak(&SpeechRequest::new("Hi.").speaker("nobody")).is_err());
    // A text that turns out to be blank fails when that is known, beside one that goes on.
    let going = engine.speak(&requests()[0]).unwrap();
    let (mut text, mut blank) = engine.speak_text(&SpeechRequest::new("")).unwrap();
    text.push("  \n").unwrap();
    text.finish().unwrap();
    let error = blank.next().unwrap().unwrap_err();
    assert!(error.to_string().contains("no text"), "{error}");
    assert!(blank.next().is_none() && blank.result().is_none());
    assert_eq!(going.map(|chunk| chunk.unwrap().n_frames).sum::<usize>(), 9);
}

#[test]
fn text_comes_while_others_speak() {
    let engine = engine(options());
    let request = SpeechRequest::new("Seven eight nine ten.").seed(5).max_frames(23);
    let whole = request.clone().text_mode(TextMode::Streaming);
    let expected = &alone(&load(MODEL), std::slice::from_ref(&whole))[0];
    let (mut text, stream) =
        engine.speak_text(&SpeechRequest { text: String::new(), ..whole }).unwrap();
    for piece in ["Sev", "en ei", "ght ", "nine t"] {
        text.push(piece).unwrap();
        // Another one comes and goes while this one waits.
        assert!(engine.speak(&requests()[0]).unwrap().all(|chunk| chunk.is_ok()));
    }
    text.push("en.").unwrap();
    text.finish().unwrap();
    let audio: Vec<f32> = stream.flat_map(|chunk| chunk.unwrap().samples).collect();
    assert!(audio == expected.1);
}

#[test]
fn engines_and_streams_may_go_in_any_order() {
    let engine = engine(options());
    let request = SpeechRequest::new("One two three.").seed(7).max_frames(20);
    let mut stream = engine.speak(&request).unwrap();
    let (mut text, unheard) = engine.speak_text(&request).unwrap();
    drop((engine, unheard));
    assert_eq!(stream.by_ref().map(|chunk| chunk.unwrap().n_frames).sum::<usize>(), 20);
    drop(stream);
    // The model goes some time after; the text then has nobody to speak it.
    while text.push("word ").is_ok() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Voices of one model, some in context, in one batch.
#[test]
fn voices_do_not_mix() {
    let model = load("base_0b6");
    let in_context: Arc<ClonedVoice> = voice(Some("Slowly she said."));
    let mut reversed = ClonedVoice::clone(&in_context);
    reversed.reference.as_mut().unwrap().codes.reverse();
    let voices = [in_context, Arc::new(reversed), voice(None)];
    let request = SpeechRequest::new("Hello.").seed(3).max_frames(20);
    let requests: Vec<_> = voices.into_iter().map(|voice| request.clone().cloned(voice)).collect();
    let expected = alone(&model, &requests);
    let mut batch = Batch::new(&model);
    let ids: Vec<usize> = requests.iter().map(|request| batch.add(request).unwrap()).collect();
    let mut audio = vec![Vec::new(); ids.len()];
    while !batch.is_empty() {
        for (id, event) in batch.step() {
            if let BatchEvent::Chunk(chunk) = event {
                audio[id].extend(chunk.samples);
            }
        }
    }
    assert_eq!(ids, [0, 1, 2]);
    for (audio, expected) in audio.iter().zip(&expected) {
        assert!(*audio == expected.1);
    }
}
