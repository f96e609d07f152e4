//! Benchmarks the conversion of ten seconds from the usual rates to the codec's.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qwen3_tts_dsp::resample;

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("resample 10 s to 24 kHz");
    group.sample_size(20);
    for rate in [8_000, 16_000, 44_100, 48_000] {
        let samples: Vec<f32> = (0..10 * rate).map(|n| (n as f32 * 0.06).sin() * 0.3).collect();
        group.throughput(Throughput::Elements(samples.len() as u64));
        group.bench_function(format!("from {rate} Hz"), |b| {
            b.iter(|| black_box(resample(&samples, rate, 24_000).unwrap()))
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
