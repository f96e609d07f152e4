//! Requests that share a step, and requests with incremental text, give the frames that they give
//! alone and with the whole text.

mod support;

use qwen3_tts_talker::{Device, Error, Generation, GenerationParams, Prompt, TextMode};
use qwen3_tts_testkit::{cloning_goldens, speech_goldens};
use support::{Case, sampled};

type Frames = Vec<Vec<u32>>;

#[test]
fn requests_that_join_and_leave_give_the_same_frames_as_alone() {
    for device in Device::all() {
        let base = Case::load("speech/streaming_english", &device);
        let others =
            ["speech/plain_speaker_auto", "speech/ends_by_eos", "speech/streaming_one_token"]
                .map(|name| Case::load(name, &device))
                .into_iter()
                .filter(|case| {
                    case.golden.string("checkpoint") == base.golden.string("checkpoint")
                });
        let mut requests: Vec<(Prompt, GenerationParams)> =
            others.map(|case| (case.prompt, case.params)).collect();
        requests.push((base.prompt.clone(), base.params.clone()));
        requests.extend((0..3).map(|seed| (base.prompt.clone(), sampled(25, seed))));
        assert!(requests.len() >= 4);
        let alone: Vec<Frames> = requests
            .iter()
            .map(|(prompt, params)| {
                let mut generation = base.talker.start(prompt, params).unwrap();
                std::iter::from_fn(|| base.talker.next_frame(&mut generation).unwrap()).collect()
            })
            .collect();

        // A request joins every third step, and is stepped on after its end.
        let mut generations: Vec<Generation> = Vec::new();
        let mut together: Vec<Frames> = vec![Vec::new(); requests.len()];
        for step in 0..300 {
            if step % 3 == 0 && generations.len() < requests.len() {
                let (prompt, params) = &requests[generations.len()];
                generations.push(base.talker.start(prompt, params).unwrap());
            }
            let outcomes = base.talker.next_frames(&mut generations.iter_mut().collect::<Vec<_>>());
            for (outcome, frames) in outcomes.into_iter().zip(&mut together) {
                frames.extend(outcome.unwrap());
            }
            if generations.len() == requests.len()
                && generations.iter().all(|generation| generation.stop_reason().is_some())
            {
                break;
            }
        }
        assert_eq!(together, alone, "on {}", device.name());
        for (generation, frames) in generations.iter().zip(&alone) {
            assert_eq!(generation.n_frames(), frames.len());
        }
    }
}

#[test]
fn a_step_without_requests_does_nothing() {
    let case = Case::load("speech/streaming_english", &Device::cpu(1));
    assert!(case.talker.next_frames(&mut []).is_empty());
}

#[test]
fn incremental_text_gives_the_frames_of_the_whole() {
    let device = Device::cpu(2);
    let mut streaming = 0;
    for name in speech_goldens().iter().chain(&cloning_goldens()) {
        let case = Case::load(name, &device);
        if case.prompt.text_mode != TextMode::Streaming {
            continue;
        }
        let (beginning, rest) = cut(&case.prompt, case.prompt.text_to_start());
        if beginning.text_ids().len() < case.prompt.text_to_start() {
            let error = case.talker.start_open(&beginning, &case.params).err().unwrap();
            assert!(matches!(error, Error::TooLittleText { .. }), "{error}");
            continue;
        }
        streaming += 1;
        for piece in [1, 2, 5] {
            let mut generation = case.talker.start_open(&beginning, &case.params).unwrap();
            let mut pieces = rest.chunks(piece);
            let mut frames = Vec::new();
            loop {
                if generation.needs_text() {
                    let behind = case.talker.next_frame(&mut generation);
                    assert!(matches!(behind, Err(Error::TextBehind)), "{name}");
                    match pieces.next() {
                        Some(ids) => case.talker.push_text(&mut generation, ids).unwrap(),
                        None => case.talker.finish_text(&mut generation),
                    }
                    continue;
                }
                match case.talker.next_frame(&mut generation).unwrap() {
                    Some(frame) => frames.push(frame),
                    None => break,
                }
            }
            assert_eq!(frames, case.codes(), "{name} in pieces of {piece}");
        }
    }
    assert!(streaming >= 4, "{streaming} streaming goldens");
}

#[test]
fn text_is_refused_if_it_cannot_be_added() {
    let case = Case::load("speech/streaming_english", &Device::cpu(1));
    let mut whole = case.talker.start(&case.prompt, &case.params).unwrap();
    let error = case.talker.push_text(&mut whole, &[1]).unwrap_err();
    assert!(matches!(error, Error::TextComplete), "{error}");

    let mut open = case.talker.start_open(&case.prompt, &case.params).unwrap();
    let error = case.talker.push_text(&mut open, &[u32::MAX]).unwrap_err();
    assert!(error.to_string().starts_with("text id"), "{error}");
    let error = case.talker.push_text(&mut open, &vec![1; 1 << 17]).unwrap_err();
    assert!(matches!(error, Error::TextTooLong { .. }), "{error}");

    let prompt = case.prompt.clone().text_mode(TextMode::NonStreaming);
    let error = case.talker.start_open(&prompt, &case.params).err().unwrap();
    assert!(matches!(error, Error::NotStreaming), "{error}");
}

/// Splits a prompt into one with the first `n` ids of its text, and the other ids.
fn cut(prompt: &Prompt, n: usize) -> (Prompt, Vec<u32>) {
    let text = prompt.text_ids();
    let (first, rest) = text.split_at(n.min(text.len()));
    let ids = &prompt.input_ids;
    let wrapped =
        [&ids[..Prompt::ROLE_IDS], first, &ids[ids.len() - Prompt::SUFFIX_IDS..]].concat();
    let mut beginning = prompt.clone();
    beginning.input_ids = wrapped;
    (beginning, rest.to_vec())
}
