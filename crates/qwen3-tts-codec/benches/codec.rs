//! Benchmarks decoding one frame, and chunks of frames, of a stream, and encoding ten seconds.
//!
//! `QWEN3_TTS_BENCH_MODEL` names a checkpoint directory. Without it, the tiny one of the fixtures
//! is used, whose speed means little.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qwen3_tts_codec::{CodecDecoder, CodecEncoder, Device, SpeechTokenizerConfig, Weights};
use qwen3_tts_testkit::checkpoint;

fn bench(c: &mut Criterion) {
    let dir = std::env::var_os("QWEN3_TTS_BENCH_MODEL")
        .map_or_else(|| checkpoint("custom_voice_0b6"), PathBuf::from)
        .join("speech_tokenizer");
    let config = SpeechTokenizerConfig::from_file(dir.join("config.json")).expect("config.json");
    let weights = Weights::open(&dir).expect("model.safetensors");
    let device = Device::default_cpu();
    let encoder = CodecEncoder::load(&config, &weights, &device).expect("an encoder");
    let config = config.decoder_config;
    let decoder = CodecDecoder::load(&config, &weights, &device).expect("a decoder");

    let mut group = c.benchmark_group("codec decode");
    group.sample_size(10);
    for n_frames in [1, 10, 50] {
        let code =
            |frame: usize, book: usize| ((frame * 31 + book * 17) % config.codebook_size) as u32;
        let frame = |frame| (0..config.num_quantizers).map(|book| code(frame, book)).collect();
        let frames: Vec<Vec<u32>> = (0..n_frames).map(frame).collect();
        let mut state = decoder.new_state();
        group.throughput(Throughput::Elements(n_frames as u64));
        group.bench_function(format!("{n_frames} frames"), |b| {
            b.iter(|| black_box(decoder.step(&frames, &mut state).unwrap()))
        });
    }
    group.finish();

    let mut group = c.benchmark_group("codec encode");
    group.sample_size(10);
    let audio: Vec<f32> = (0..240_000).map(|i| (i as f32 * 0.06).sin() * 0.3).collect();
    group.throughput(Throughput::Elements(125));
    group.bench_function("125 frames", |b| b.iter(|| black_box(encoder.encode(&audio).unwrap())));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
