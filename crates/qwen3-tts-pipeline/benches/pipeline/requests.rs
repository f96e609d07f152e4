//! Requests: the time to the first chunk, requests alone and together, and with a base checkpoint
//! the longest gap of a stream while a voice is cloned.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use qwen3_tts_pipeline::{AudioLimits, ChunkSchedule, ReferenceAudio, SpeechRequest, Synthesizer};
use qwen3_tts_testkit::{checkpoint, signal};

use crate::model;

const FRAMES: usize = 16;

pub fn bench(c: &mut Criterion) {
    match model::directory() {
        Some(directory) => bench_model(c, &model::load(directory)),
        None => {
            bench_model(c, &model::load(checkpoint("custom_voice_0b6")));
            bench_cloning(c, &model::load(checkpoint("base_0b6")));
        }
    }
}

fn bench_model(c: &mut Criterion, model: &Synthesizer) {
    let config = model.config().expect("a checkpoint with a talker");
    if config.speaker_encoder_config.is_some() {
        return bench_cloning(c, model);
    }
    let request = model::request(model, FRAMES);

    let mut group = c.benchmark_group("pipeline");
    group.sample_size(10);
    group.bench_function("first chunk", |b| {
        b.iter(|| black_box(model.speak(request.clone()).expect("the request").next()))
    });
    for requests in [1, 2, 4, 8] {
        group.throughput(Throughput::Elements((requests * FRAMES) as u64));
        group.bench_function(format!("frames of {requests} together"), |b| {
            b.iter(|| {
                let request = request.clone().chunks(ChunkSchedule::every(16));
                let speak = |_| model.speak(request.clone()).expect("the request");
                let speeches: Vec<_> = (0..requests).map(speak).collect();
                for speech in speeches {
                    black_box(speech.collect_audio().expect("the speech"));
                }
            })
        });
    }
    group.finish();
}

/// Times the longest gap between two chunks of one frame, alone and while another thread clones a
/// voice from ten seconds with a transcript.
fn bench_cloning(c: &mut Criterion, model: &Synthesizer) {
    let recording =
        ReferenceAudio::from_samples(signal(240_000), 24_000, "a signal", &AudioLimits::default());
    let recording = recording.expect("the recording");
    let clone = || model.clone_voice(&recording, Some("Ten seconds.")).expect("the voice");
    let request = SpeechRequest::new(model::TEXT).cloned(clone()).greedy().max_frames(2 * FRAMES);
    let request = request.chunks(ChunkSchedule::every(1));
    let longest_gap = || {
        let (mut last, mut longest) = (None, Duration::ZERO);
        for chunk in model.speak(request.clone()).expect("the request") {
            chunk.expect("a chunk");
            let now = Instant::now();
            longest = longest.max(now - last.replace(now).unwrap_or(now));
        }
        longest
    };

    let mut group = c.benchmark_group("longest gap of a stream");
    group.sample_size(10);
    group.bench_function("alone", |b| b.iter_custom(|n| (0..n).map(|_| longest_gap()).sum()));
    group.bench_function("while a voice is cloned", |b| {
        b.iter_custom(|n| {
            let gap_while_cloning = |_| {
                std::thread::scope(|scope| {
                    scope.spawn(clone);
                    longest_gap()
                })
            };
            (0..n).map(gap_while_cloning).sum()
        })
    });
    group.finish();
}
