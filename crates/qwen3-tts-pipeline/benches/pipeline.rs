//! From a request to audio: the first chunk, and requests alone and together.
//!
//! `QWEN3_TTS_BENCH_MODEL` names the directory of a checkpoint of real size, and
//! `QWEN3_TTS_BENCH_QUANTIZE` what its weights are quantised to; otherwise the tiny checkpoint of
//! the fixtures is timed as it is, which says little about speed.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qwen3_tts_pipeline::{ChunkSchedule, LoadOptions, Quantize, SpeechRequest, Synthesizer};
use qwen3_tts_testkit::checkpoint;

const TEXT: &str = "The quick brown fox jumps over the lazy dog near the river bank.";
const FRAMES: usize = 16;

fn bench(c: &mut Criterion) {
    let directory = std::env::var_os("QWEN3_TTS_BENCH_MODEL")
        .map_or_else(|| checkpoint("custom_voice_0b6"), Into::into);
    let quantize = std::env::var("QWEN3_TTS_BENCH_QUANTIZE").unwrap_or_else(|_| "none".to_owned());
    let quantize: Quantize = quantize.parse().expect("QWEN3_TTS_BENCH_QUANTIZE as --quantize");
    let options = LoadOptions::default().quantize(quantize);
    let model = Synthesizer::load(directory, &options).expect("the checkpoint");
    let mut request = SpeechRequest::new(TEXT).max_frames(FRAMES).greedy();
    if model.config().is_some_and(|config| config.takes_instruct()) {
        request = request.instruct("A calm voice.");
    }

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

criterion_group!(benches, bench);
criterion_main!(benches);
