//! Many callers of one model: each gets the speech that it would get alone.

mod support;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use qwen3_tts_pipeline::{
    ChunkSchedule, ClonedVoice, Error, LoadOptions, SpeechEvent, SpeechRequest, StopReason,
    Synthesizer, TextMode,
};
use qwen3_tts_testkit::checkpoint;
use support::{load, options, recording, speak, until, voice};

const MODEL: &str = "custom_voice_0b6";

fn load_with(options: LoadOptions) -> Synthesizer {
    Synthesizer::load(checkpoint(MODEL), &options).unwrap()
}

/// Returns requests that differ in text, mode, length, sampling, seed and speaker.
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

/// Returns codes and audio of each request, spoken one after another.
fn alone(model: &Synthesizer, requests: &[SpeechRequest]) -> Vec<(Vec<Vec<u32>>, Vec<f32>)> {
    let speak = |request| {
        let speech = speak(model, request);
        (speech.codes.codes, speech.audio)
    };
    requests.iter().map(speak).collect()
}

fn long() -> SpeechRequest {
    SpeechRequest::new("One two three.").seed(7).max_frames(200)
}

#[test]
fn callers_on_many_threads_hear_their_own_speech() {
    let requests = requests();
    let expected = alone(&load(MODEL), &requests);
    let model = load_with(options().max_active(3));
    // Each request twice, so that some join while others leave.
    let twice = || requests.iter().zip(&expected).chain(requests.iter().zip(&expected));
    std::thread::scope(|scope| {
        for (request, expected) in twice() {
            let model = model.clone();
            scope.spawn(move || {
                let mut speech = model.speak(request.clone()).unwrap();
                let audio: Vec<f32> =
                    speech.by_ref().flat_map(|chunk| chunk.unwrap().samples).collect();
                assert!(speech.next().is_none());
                assert!(audio == expected.1);
                let output = speech.output().unwrap();
                assert_eq!(output.codes.codes, expected.0);
                assert_eq!(output.n_samples, expected.1.len());
            });
        }
    });
    assert_eq!((model.active_requests(), model.waiting_requests()), (0, 0));
}

#[test]
fn a_speech_is_a_stream_for_asynchronous_callers_too() {
    let request = requests().swap_remove(1);
    let model = load(MODEL);
    let expected = alone(&model, std::slice::from_ref(&request)).remove(0);
    let mut speech = pin!(model.speak(request).unwrap());
    let mut context = Context::from_waker(Waker::noop());
    let mut audio = Vec::new();
    loop {
        match speech.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(chunk)) => audio.extend(chunk.unwrap().samples),
            Poll::Ready(None) => break,
            Poll::Pending => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    assert!(audio == expected.1);
    assert!(speech.as_mut().poll_next(&mut context).is_ready(), "it stays at its end");
    assert!(speech.output().is_some());
}

#[test]
fn a_slow_or_leaving_consumer_delays_only_its_own_speech() {
    let model = load_with(options().max_active(3));
    let long = long().buffered_chunks(1).chunks(ChunkSchedule::every(1));
    let mut slow = model.speak(long.clone()).unwrap();
    let slow_first = slow.next().unwrap().unwrap();
    // Two are dropped: one that has begun, and one of which no chunk was taken.
    let mut leaves = model.speak(long.clone()).unwrap();
    leaves.next().unwrap().unwrap();
    drop((leaves, model.speak(long.clone()).unwrap()));
    let requests = requests();
    for (request, expected) in requests.iter().zip(alone(&load(MODEL), &requests)) {
        assert!(speak(&model, request).audio == expected.1);
    }
    assert!(slow.progress().frames < 20, "it paused");
    let whole = speak(&load(MODEL), &long);
    let rest = slow.flat_map(|chunk| chunk.unwrap().samples);
    let audio: Vec<f32> = slow_first.samples.into_iter().chain(rest).collect();
    assert!(audio == whole.audio);
}

#[test]
fn the_number_of_requests_is_limited() {
    let model = load_with(options().max_active(1).max_waiting(2));
    let request = SpeechRequest::new("One two three.").seed(7).max_frames(10);
    let request = request.buffered_chunks(1).chunks(ChunkSchedule::every(1));
    let mut speeches: Vec<_> = (0..3).map(|_| model.speak(request.clone()).unwrap()).collect();
    let refused = model.speak(request.clone()).map(drop).unwrap_err();
    assert!(matches!(refused, Error::Busy { present: 3 }), "{refused}");
    let refused = model.encode(&recording(24_000)).unwrap_err();
    assert!(matches!(refused, Error::Busy { present: 3 }), "{refused}");
    speeches[0].next().unwrap().unwrap();
    // Each pauses at its first chunk, and the next one begins.
    until(|| (model.active_requests(), model.waiting_requests()) == (3, 0));
    // A speech that ends makes room.
    let first = speeches.remove(0);
    assert_eq!(first.map(Result::unwrap).count(), 9);
    speeches.push(model.speak(request).unwrap());
    for speech in speeches {
        assert_eq!(speech.map(Result::unwrap).count(), 10);
    }
    assert_eq!((model.active_requests(), model.waiting_requests()), (0, 0));
}

#[test]
fn a_paused_request_takes_no_place() {
    let model = load_with(options().max_active(2));
    let unheard = long().buffered_chunks(1).chunks(ChunkSchedule::every(1));
    let unheard: Vec<_> = (0..3).map(|_| model.speak(unheard.clone()).unwrap()).collect();
    let request = SpeechRequest::new("Seven eight nine ten.").seed(5).max_frames(23);
    let request = request.text_mode(TextMode::Streaming);
    let unfed: Vec<_> = (0..3).map(|_| model.speak_incremental(request.clone()).unwrap()).collect();
    let requests = requests();
    let expected = alone(&load(MODEL), &requests);
    for (request, expected) in requests.iter().zip(&expected) {
        assert!(speak(&model, request).audio == expected.1);
    }
    assert_eq!(model.active_requests(), 6);
    assert!(unheard.iter().all(|speech| speech.progress().frames < 5), "they paused");
    // Once all of them go on, more than two at a time take turns.
    let whole = speak(&load(MODEL), &long()).codes;
    let fed = &expected[4].0;
    std::thread::scope(|scope| {
        for speech in unheard {
            scope.spawn(|| assert_eq!(speech.collect_audio().unwrap().codes, whole));
        }
        for (mut text, speech) in unfed {
            scope.spawn(move || {
                text.push("Seven eight nine ten.").unwrap();
                text.finish().unwrap();
                assert_eq!(&speech.collect_audio().unwrap().codes.codes, fed);
            });
        }
    });
    assert_eq!((model.active_requests(), model.waiting_requests()), (0, 0));
}

#[test]
fn invalid_requests_are_refused_at_once_and_fail_alone() {
    let model = load(MODEL);
    let error = model.speak(SpeechRequest::new(" ")).map(drop).unwrap_err();
    assert!(error.to_string().contains("no text"), "{error}");
    assert!(model.speak(SpeechRequest::new("Hi.").speaker("nobody")).is_err());
    // Incremental text that turns out to be blank fails at its end, while another speech continues.
    let going = model.speak(requests().swap_remove(0)).unwrap();
    let (mut text, mut blank) = model.speak_incremental(SpeechRequest::new("")).unwrap();
    text.push("  \n").unwrap();
    text.finish().unwrap();
    let error = blank.next().unwrap().unwrap_err();
    assert!(error.to_string().contains("no text"), "{error}");
    assert!(blank.next().is_none() && blank.output().is_none());
    assert_eq!(going.map(|chunk| chunk.unwrap().n_frames).sum::<usize>(), 9);
}

#[test]
fn text_is_written_while_others_speak() {
    let model = load(MODEL);
    let request = SpeechRequest::new("Seven eight nine ten.").seed(5).max_frames(23);
    let request = request.text_mode(TextMode::Streaming);
    let expected = speak(&model, &request).audio;
    let (mut text, speech) = model.speak_incremental(request).unwrap();
    assert!(speech.pieces().is_empty());
    for piece in ["Sev", "en ei", "ght ", "nine t"] {
        text.push(piece).unwrap();
        // Another one comes and goes while this one waits.
        assert!(model.speak(requests().swap_remove(0)).unwrap().all(|chunk| chunk.is_ok()));
    }
    text.push("en.").unwrap();
    text.finish().unwrap();
    assert!(speech.collect_audio().unwrap().audio == expected);
}

#[test]
fn handles_and_speeches_may_be_dropped_in_any_order() {
    let model = load(MODEL);
    let request = SpeechRequest::new("One two three.").seed(7).max_frames(20);
    let mut speech = model.speak(request.clone()).unwrap();
    let (mut text, unheard) = model.speak_incremental(request).unwrap();
    drop((model, unheard));
    assert_eq!(speech.by_ref().map(|chunk| chunk.unwrap().n_frames).sum::<usize>(), 20);
    drop(speech);
    // The speech of the text is dropped some time after.
    while text.push("word ").is_ok() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_shutdown_ends_all_speeches_and_refuses_others() {
    let model = load(MODEL);
    let mut heard = model.speak(long().chunks(ChunkSchedule::every(2))).unwrap();
    heard.next().unwrap().unwrap();
    let waiting = model.speak(long()).unwrap();
    let clone = model.clone();
    model.shutdown();
    clone.shutdown();
    let output = heard.collect_audio().unwrap();
    assert_eq!(output.stop_reason, StopReason::Cancelled);
    assert!((2..200).contains(&output.n_frames()));
    assert_eq!(waiting.collect_audio().unwrap().stop_reason, StopReason::Cancelled);
    assert!(matches!(clone.speak(long()).map(drop), Err(Error::Stopped)));
    assert!(matches!(clone.encode(&recording(24_000)), Err(Error::Stopped)));
    assert_eq!(clone.active_requests() + clone.waiting_requests(), 0);
}

/// Voices of one model, some with a recording, spoken together.
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
    let speeches: Vec<_> =
        requests.into_iter().map(|request| model.speak(request).unwrap()).collect();
    for (speech, expected) in speeches.into_iter().zip(&expected) {
        assert!(speech.collect_audio().unwrap().audio == expected.1);
    }
}

/// The encoders run in slices between the frames of a speech.
#[test]
fn voices_are_cloned_and_codes_decoded_while_others_speak() {
    let model = load("base_0b6");
    let audio = recording(150_000);
    let cloned = model.clone_voice(&audio, Some("Slowly she said.")).unwrap();
    let codes = model.encode(&audio).unwrap();
    assert_eq!(cloned.reference.as_ref().unwrap().codes, codes.codes);
    let samples = model.decode(&codes).unwrap();
    assert_eq!(samples.len(), codes.codes.len() * 1920);
    let request = long().cloned(cloned.clone());
    let expected = speak(&model, &request).audio;
    std::thread::scope(|scope| {
        let speech = scope.spawn(|| speak(&model, &request).audio);
        for _ in 0..3 {
            let again = model.clone_voice(&audio, Some("Slowly she said.")).unwrap();
            assert_eq!(again, cloned);
            assert_eq!(model.encode(&audio).unwrap(), codes);
            assert!(model.decode(&codes).unwrap() == samples);
        }
        assert!(speech.join().unwrap() == expected);
    });
    let mut broken = codes;
    broken.codes[2].pop();
    let error = model.decode(&broken).unwrap_err().to_string();
    assert!(error.contains("frame 2") && error.contains("16"), "{error}");
}

#[test]
fn events_tell_chunks_and_the_ends_of_pieces() {
    let model = load(MODEL);
    let request = SpeechRequest::new("One two three.").seed(1).max_frames(6);
    let mut speech = model.speak(request.chunks(ChunkSchedule::every(4))).unwrap();
    let mut events = Vec::new();
    while let Some(event) = speech.next_event() {
        events.push(match event.unwrap() {
            SpeechEvent::Chunk(chunk) => chunk.n_frames.to_string(),
            SpeechEvent::Piece(piece) => format!("piece of {}", piece.codes.codes.len()),
            _ => panic!("another event"),
        });
    }
    assert_eq!(events, ["4", "2", "piece of 6"]);
}
