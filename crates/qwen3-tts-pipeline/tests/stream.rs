//! A stream gives the samples of the whole speech, in any chunks.

mod support;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use qwen3_tts_pipeline::{
    AudioChunk, ChunkSchedule, SpeechOutput, SpeechRequest, StopReason, Synthesizer,
};
use support::{kinds, load, speak};

/// Returns every chunk, and the output of the speech.
fn listen(
    model: &Synthesizer,
    request: &SpeechRequest,
    schedule: ChunkSchedule,
) -> (Vec<AudioChunk>, SpeechOutput) {
    let mut speech = model.speak(request.clone().chunks(schedule)).unwrap();
    let chunks = speech.by_ref().map(Result::unwrap).collect();
    assert!(speech.next().is_none());
    (chunks, speech.output().unwrap().clone())
}

fn samples(chunks: &[AudioChunk]) -> Vec<f32> {
    chunks.iter().flat_map(|chunk| chunk.samples.iter().copied()).collect()
}

/// First length, growth and longest length of the chunks.
type Schedule = (usize, usize, usize);

fn schedules() -> impl Strategy<Value = Schedule> {
    (0..12usize, 0..4usize, 0..40usize)
}

/// Returns the lengths of the chunks that the schedule asks for.
fn expected_sizes((first, growth, max): Schedule, frames: usize) -> Vec<usize> {
    let (mut size, mut left, mut sizes) = (first.max(1), frames, Vec::new());
    while left > 0 {
        let n = size.min(max.max(1)).min(left);
        sizes.push(n);
        left -= n;
        size = (size * growth.max(1)).min(1000);
    }
    sizes
}

#[test]
fn a_stream_in_any_chunks_equals_the_whole_speech() {
    for kind in kinds() {
        let model = load(kind.model);
        let request = kind.request.max_frames(45);
        let whole = speak(&model, &request);
        let mut runner = TestRunner::new(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(12)
        });
        let holds = runner.run(&schedules(), |schedule| {
            let (first, growth, max) = schedule;
            let lengths = ChunkSchedule::growing(first, growth, max);
            let (chunks, result) = listen(&model, &request, lengths);
            let sizes: Vec<usize> = chunks.iter().map(|chunk| chunk.n_frames).collect();
            prop_assert_eq!(&sizes, &expected_sizes(schedule, whole.n_frames()));
            for chunk in &chunks {
                prop_assert_eq!(chunk.samples.len(), chunk.n_frames * 1920);
                prop_assert_eq!(chunk.sample_rate, whole.sample_rate);
            }
            let firsts = chunks.iter().map(|chunk| chunk.first_frame);
            let starts = sizes.iter().scan(0, |sum, n| {
                *sum += n;
                Some(*sum - n)
            });
            prop_assert!(firsts.eq(starts));
            prop_assert!(samples(&chunks) == whole.audio, "other samples");
            prop_assert_eq!(&result.codes, &whole.codes);
            prop_assert_eq!(result.n_samples, whole.n_samples);
            prop_assert!(result.audio.is_empty());
            prop_assert_eq!(result.stop_reason, whole.stop_reason);
            Ok(())
        });
        holds.unwrap_or_else(|error| panic!("{}: {error}", kind.model));
    }
}

/// The speech is longer than the reference's chunks of 300 frames and the decoder's window.
#[test]
fn a_long_stream_equals_the_whole_speech() {
    let model = load("custom_voice_0b6");
    // Without an end among the likely codes, the tiny model speaks on.
    let request = SpeechRequest::new("One two three.").seed(1).max_frames(330);
    let whole = speak(&model, &request);
    assert_eq!((whole.n_frames(), whole.stop_reason), (330, StopReason::MaxFrames));
    let (chunks, _) = listen(&model, &request, ChunkSchedule::growing(1, 3, 50));
    assert!(samples(&chunks) == whole.audio);
}

#[test]
fn the_first_chunk_has_one_frame() {
    let model = load("custom_voice_0b6");
    let mut speech = model.speak(SpeechRequest::new("One two three.").max_frames(40)).unwrap();
    assert_eq!(speech.next().unwrap().unwrap().n_frames, 1);
    assert!(speech.progress().frames >= 1);
}

/// Speech is generated ahead, so its length at cancellation is not fixed. The frames generated
/// until then can still be heard, and the codes are those of these frames.
#[test]
fn a_cancelled_speech_has_the_codes_of_its_audio() {
    let model = load("custom_voice_0b6");
    let request = SpeechRequest::new("One two three.").greedy().max_frames(40);
    let whole = speak(&model, &request);
    let mut speech = model.speak(request.clone().chunks(ChunkSchedule::every(4))).unwrap();
    let mut audio = speech.next().unwrap().unwrap().samples;
    audio.extend(speech.next().unwrap().unwrap().samples);
    speech.control().cancel();
    audio.extend(speech.by_ref().flat_map(|chunk| chunk.unwrap().samples));
    assert!(speech.next().is_none());
    let output = speech.output().unwrap();
    let n_frames = output.n_frames();
    assert!((8..40).contains(&n_frames), "{n_frames} frames: buffered chunks bound what is made");
    assert_eq!(output.stop_reason, StopReason::Cancelled);
    assert_eq!(output.codes.codes[..], whole.codes.codes[..n_frames]);
    assert!(audio == whole.audio[..n_frames * 1920]);
    // Two speeches at once, one of them dropped, do not disturb each other.
    let [mut one, mut other] = [(), ()].map(|()| model.speak(request.clone()).unwrap());
    drop(other.next());
    let first = one.next().unwrap().unwrap();
    drop(other);
    let mut audio = first.samples;
    audio.extend(one.flat_map(|chunk| chunk.unwrap().samples));
    assert!(audio == whole.audio);
}

#[test]
fn a_speech_cancelled_before_it_begins_is_empty() {
    let model = load("custom_voice_0b6");
    let speech = model.speak(SpeechRequest::new("One two three.").max_frames(4000)).unwrap();
    speech.cancel();
    let output = speech.collect_audio().unwrap();
    assert_eq!(output.stop_reason, StopReason::Cancelled);
    assert_eq!(output.audio.len(), output.n_frames() * 1920);
    assert!(output.n_frames() < 4000);
}
