//! Benchmarks the speaker embedding of a recording.
//!
//! `QWEN3_TTS_BENCH_MODEL` names the directory of a base checkpoint. Without it, a tiny encoder of
//! the fixtures is used, whose speed means little. `QWEN3_TTS_THREADS` sets the number of
//! threads (default: all).

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qwen3_tts_speaker::{Device, ModelConfig, SpeakerEncoder, SpeakerEncoderConfig, Weights};
use qwen3_tts_testkit::{Golden, fixtures_dir};

fn model() -> (SpeakerEncoderConfig, Weights) {
    match std::env::var_os("QWEN3_TTS_BENCH_MODEL").map(PathBuf::from) {
        Some(dir) => {
            let config = ModelConfig::from_file(dir.join("config.json")).expect("config.json");
            let config = config.speaker_encoder_config.expect("a base checkpoint");
            (config, Weights::open(dir).expect("model.safetensors"))
        }
        None => {
            let golden = Golden::load("speaker/encoder_tiny");
            let config = serde_json::from_value(golden.request["config"].clone());
            let file = fixtures_dir().join("goldens/speaker/encoder_tiny.safetensors");
            (config.expect("a configuration"), Weights::open(file).expect("weights"))
        }
    }
}

fn bench(c: &mut Criterion) {
    let threads = std::env::var("QWEN3_TTS_THREADS").ok().and_then(|n| n.parse().ok());
    let (config, weights) = model();
    let device = Device::cpu(threads.unwrap_or(usize::MAX));
    let encoder = SpeakerEncoder::load(&config, &weights, &device).expect("an encoder");
    let mut group = c.benchmark_group("speaker vector");
    group.sample_size(20);
    for seconds in [3, 10] {
        let samples: Vec<f32> =
            (0..seconds * 24_000).map(|n| ((n * n % 7919) as f32).sin() * 0.1).collect();
        group.throughput(Throughput::Elements(samples.len() as u64));
        group.bench_function(format!("{seconds} s"), |b| {
            b.iter(|| black_box(encoder.embed(&samples).unwrap()))
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
