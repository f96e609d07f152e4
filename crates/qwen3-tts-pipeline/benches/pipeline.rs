//! From a request to audio: the first chunk, and requests alone and together.
//!
//! `QWEN3_TTS_BENCH_MODEL` names the directory of a checkpoint of real size, and
//! `QWEN3_TTS_BENCH_QUANTIZE` what its weights are quantised to; otherwise the tiny checkpoint of
//! the fixtures is timed as it is, which says little about speed.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qwen3_tts_pipeline::{Batch, LoadOptions, Quantize, Sampling, SpeechRequest, Synthesizer};
use qwen3_tts_testkit::checkpoint;

const TEXT: &str = "The quick brown fox jumps over the lazy dog near the river bank.";
const FRAMES: usize = 16;

fn bench(c: &mut Criterion) {
    let directory = std::env::var_os("QWEN3_TTS_BENCH_MODEL")
        .map_or_else(|| checkpoint("custom_voice_0b6"), Into::into);
    let quantize = std::env::var("QWEN3_TTS_BENCH_QUANTIZE").unwrap_or_else(|_| "none".to_owned());
    let quantize: Quantize = quantize.parse().expect("QWEN3_TTS_BENCH_QUANTIZE as --quantize");
    let options = LoadOptions { quantize, ..LoadOptions::default() };
    let model = Synthesizer::load(directory, &options).expect("the checkpoint");
    let mut request = SpeechRequest::new(TEXT).max_frames(FRAMES);
    request.sampling = Sampling::greedy();
    if model.config().takes_instruct() {
        request = request.instruct("A calm voice.");
    }

    let mut group = c.benchmark_group("pipeline");
    group.sample_size(10);
    group.bench_function("first chunk", |b| {
        b.iter(|| black_box(model.stream(&request).expect("the request").next()))
    });
    for requests in [1, 2, 4, 8] {
        group.throughput(Throughput::Elements((requests * FRAMES) as u64));
        group.bench_function(format!("frames of {requests} together"), |b| {
            b.iter(|| {
                let mut batch = Batch::new(&model);
                for _ in 0..requests {
                    batch.add(&request).expect("the request");
                }
                while !batch.is_empty() {
                    black_box(batch.step());
                }
            })
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
