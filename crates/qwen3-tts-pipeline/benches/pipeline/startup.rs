//! Start-up: loading, and the first chunk of the first request and of the second.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use qwen3_tts_pipeline::Synthesizer;

use crate::model;

pub fn bench(c: &mut Criterion) {
    let directory = model::directory_or_tiny();
    let load = || model::load(directory.clone());
    let mut group = c.benchmark_group("startup");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    // Most of an iteration is not timed.
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_millis(1));
    group.bench_function("load", |b| b.iter_with_large_drop(load));
    group.bench_function("first chunk of the first request", |b| {
        b.iter_custom(|n| (0..n).map(|_| time_to_first_chunk(&load())).sum())
    });
    group.bench_function("first chunk of the second request", |b| {
        b.iter_custom(|n| {
            let second = |_| {
                let model = load();
                time_to_first_chunk(&model);
                time_to_first_chunk(&model)
            };
            (0..n).map(second).sum()
        })
    });
    group.finish();
}

/// Speaks one frame to its end.
fn time_to_first_chunk(model: &Synthesizer) -> Duration {
    let begin = Instant::now();
    let speech = model.speak(model::request(model, 1)).expect("the request");
    black_box(speech.collect_audio().expect("the speech"));
    begin.elapsed()
}
