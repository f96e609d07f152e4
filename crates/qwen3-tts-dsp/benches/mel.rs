//! Benchmarks the spectrogram of recordings of several lengths.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qwen3_tts_dsp::{MelConfig, MelSpectrogram};

fn bench(c: &mut Criterion) {
    let mel_spectrogram = MelSpectrogram::new(MelConfig::default()).expect("the default is valid");
    let mut group = c.benchmark_group("mel spectrogram");
    for seconds in [1, 10] {
        let samples: Vec<f32> =
            (0..seconds * 24_000).map(|n| ((n * n) as f32 * 1e-4).sin()).collect();
        group.throughput(Throughput::Elements(samples.len() as u64));
        group.bench_function(format!("{seconds} s"), |b| {
            b.iter(|| black_box(mel_spectrogram.compute(&samples).unwrap()))
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
