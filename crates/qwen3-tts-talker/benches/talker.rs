//! Benchmarks one frame of the talker and of the code predictor, and a prefill.
//!
//! `QWEN3_TTS_BENCH_MODEL` names a checkpoint directory. Without it, the tiny one of the fixtures
//! is used, whose speed means little.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, criterion_group, criterion_main};
use qwen3_tts_talker::{
    Device, Ids, ModelConfig, Sampler, SamplingParams, Talker, Tensor, Weights,
};
use qwen3_tts_testkit::checkpoint;

/// Number of positions in the cache when a step is timed, about a sentence.
const CACHED: usize = 80;

fn bench(c: &mut Criterion) {
    let dir = std::env::var_os("QWEN3_TTS_BENCH_MODEL")
        .map_or_else(|| checkpoint("custom_voice_0b6"), PathBuf::from);
    let device = Device::default_cpu();
    let config = ModelConfig::from_file(dir.join("config.json")).expect("config.json");
    let weights = Weights::open(&dir).expect("model.safetensors");
    let talker = Talker::load(&config, &weights, &device).expect("a talker");
    let hidden_size = config.talker_config.hidden_size;
    let input = |time: usize| {
        let values = (0..time * hidden_size).map(|i| (i as f32 * 0.37).sin()).collect();
        Tensor::from_vec(values, &[1, time, hidden_size], &device)
    };

    let mut group = c.benchmark_group("talker");
    group.sample_size(20);
    let mut cached = talker.new_state();
    talker.step(&input(CACHED), &mut cached);
    let one = input(1);
    group.bench_function("step", |b| {
        b.iter(|| {
            let hidden = talker.step(&one, &mut cached.clone());
            black_box(talker.logits(&hidden).to_vec())
        })
    });
    let prompt = input(29);
    group.bench_function("prefill of 29 positions", |b| {
        b.iter(|| black_box(talker.step(&prompt, &mut talker.new_state()).to_vec()))
    });
    let code_0 = talker.codec_embedding().forward(&Ids::new(&[1], &device));
    let mut sampler = Sampler::new(SamplingParams::GREEDY, 0, 0);
    group.bench_function("code predictor frame", |b| {
        b.iter(|| talker.code_predictor().complete_frames(&[&one], &[&code_0], &mut [&mut sampler]))
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
