//! Benchmarks the choice of a code, greedily and with the published parameters.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use qwen3_tts_nn::{Constraints, Device, Sampler, SamplingParams, Tensor};

fn bench(c: &mut Criterion) {
    let history: Vec<u32> = (0..250).map(|i| i * 7 % 2048).collect();
    let talker = Constraints::default().history(&history).suppressed(2048..3072).exempt(Some(2150));
    let sampled = SamplingParams::GREEDY.do_sample(true).temperature(0.9).top_k(50);
    bench_head(c, "talker, greedy", 3072, SamplingParams::GREEDY, &talker);
    bench_head(c, "talker, sampled", 3072, sampled.repetition_penalty(1.05), &talker);
    bench_head(c, "code predictor, greedy", 2048, SamplingParams::GREEDY, &Constraints::default());
    bench_head(c, "code predictor, sampled", 2048, sampled, &Constraints::default());
}

fn bench_head(
    c: &mut Criterion,
    name: &str,
    vocabulary: usize,
    params: SamplingParams,
    constraints: &Constraints<'_>,
) {
    let device = Device::default_cpu();
    let logits = (0..vocabulary).map(|i| ((i * i % 7919) as f32).sin() * 3.0).collect();
    let logits = Tensor::from_vec(logits, &[1, 1, vocabulary], &device);
    let mut sampler = Sampler::new(params, 1, 0);
    c.bench_function(&format!("sampler: {name}"), |b| {
        b.iter(|| black_box(sampler.sample(&logits, constraints, "the logits")))
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
