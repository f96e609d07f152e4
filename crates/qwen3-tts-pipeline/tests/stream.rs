//! A stream gives what the whole speech has, however it is cut.

mod support;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use qwen3_tts_pipeline::{
    AudioChunk, ChunkSchedule, SpeechRequest, SpeechResult, StopReason, Synthesizer,
};
use support::{kinds, load};

/// Every chunk, and what the stream says of itself at its end.
fn listen(
    model: &Synthesizer,
    request: &SpeechRequest,
    schedule: ChunkSchedule,
) -> (Vec<AudioChunk>, SpeechResult) {
    let mut stream = model.stream_with(request, schedule).unwrap();
    let chunks = stream.by_ref().map(Result::unwrap).collect();
    assert!(stream.next().is_none());
    (chunks, stream.finish())
}

fn samples(chunks: &[AudioChunk]) -> Vec<f32> {
    chunks.iter().flat_map(|chunk| chunk.samples.iter().copied()).collect()
}

fn schedules() -> impl Strategy<Value = ChunkSchedule> {
    (0..12usize, 0..4usize, 0..40usize).prop_map(|(first, growth, max)| ChunkSchedule {
        first,
        growth,
        max,
    })
}

/// The sizes of the chunks, as the schedule has them.
fn expected_sizes(schedule: ChunkSchedule, frames: usize) -> Vec<usize> {
    let (mut size, mut left, mut sizes) = (schedule.first.max(1), frames, Vec::new());
    while left > 0 {
        let n = size.min(schedule.max.max(1)).min(left);
        sizes.push(n);
        left -= n;
        size = (size * schedule.growth.max(1)).min(1000);
    }
    sizes
}

#[test]
fn however_it_is_cut_a_stream_is_the_whole_speech() {
    for kind in kinds() {
        let model = load(kind.model);
        let request = kind.request.max_frames(45);
        let whole = model.synthesize(&request).unwrap();
        let mut runner = TestRunner::new(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(12)
        });
        let holds = runner.run(&schedules(), |schedule| {
            let (chunks, result) = listen(&model, &request, schedule);
            let sizes: Vec<usize> = chunks.iter().map(|chunk| chunk.n_frames).collect();
            prop_assert_eq!(&sizes, &expected_sizes(schedule, whole.token_count));
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

/// The decoder looks back further than the reference's chunks of 300 frames and its own window.
#[test]
fn a_long_stream_is_the_whole_speech_too() {
    let model = load("custom_voice_0b6");
    // Without an end among the likely codes, the tiny model speaks on.
    let request = SpeechRequest::new("One two three.").seed(1).max_frames(330);
    let whole = model.synthesize(&request).unwrap();
    assert_eq!((whole.token_count, whole.stop_reason), (330, StopReason::MaxFrames));
    let (chunks, _) = listen(&model, &request, ChunkSchedule { first: 1, growth: 3, max: 50 });
    assert!(samples(&chunks) == whole.audio);
}

#[test]
fn the_first_chunk_needs_one_frame() {
    let model = load("custom_voice_0b6");
    let mut stream = model.stream(&SpeechRequest::new("One two three.").max_frames(40)).unwrap();
    assert_eq!(stream.progress().frames, 0);
    assert_eq!(stream.next().unwrap().unwrap().n_frames, 1);
    assert_eq!(stream.progress().frames, 1);
}

#[test]
fn a_stream_ends_where_one_stops_listening() {
    let model = load("custom_voice_0b6");
    let request = SpeechRequest::new("One two three.").greedy().max_frames(40);
    let whole = model.synthesize(&request).unwrap();
    let mut stream = model.stream_with(&request, ChunkSchedule::every(4)).unwrap();
    stream.next().unwrap().unwrap();
    stream.next().unwrap().unwrap();
    let result = stream.finish();
    assert_eq!(result.codes.codes[..], whole.codes.codes[..8]);
    // Two at once and one given up do not disturb each other.
    let (mut one, mut other) = (model.stream(&request).unwrap(), model.stream(&request).unwrap());
    drop(other.next());
    let first = one.next().unwrap().unwrap();
    drop(other);
    let mut audio = first.samples;
    audio.extend(one.flat_map(|chunk| chunk.unwrap().samples));
    assert!(audio == whole.audio);
}
