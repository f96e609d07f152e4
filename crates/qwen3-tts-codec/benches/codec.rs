//! Benchmarks decoding one frame, and chunks of frames, of a stream, each stage of the decoder, the
//! search of a codebook, and encoding ten seconds.
//!
//! `QWEN3_TTS_BENCH_MODEL` names a checkpoint directory. Without it, the tiny one of the fixtures
//! is used, whose speed means little. `QWEN3_TTS_THREADS` sets the number of threads (default: all).

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qwen3_tts_codec::{
    CodecDecoder, CodecEncoder, DecoderState, Device, SpeechTokenizerConfig, Stage, Tensor, Weights,
};
use qwen3_tts_nn::Codebook;
use qwen3_tts_testkit::checkpoint;

fn bench(c: &mut Criterion) {
    let dir = std::env::var_os("QWEN3_TTS_BENCH_MODEL")
        .map_or_else(|| checkpoint("custom_voice_0b6"), PathBuf::from)
        .join("speech_tokenizer");
    let config = SpeechTokenizerConfig::from_file(dir.join("config.json")).expect("config.json");
    let weights = Weights::open(&dir).expect("model.safetensors");
    let threads = std::env::var("QWEN3_TTS_THREADS").ok().and_then(|n| n.parse().ok());
    let device = Device::cpu(threads.unwrap_or(usize::MAX));
    let decoder = CodecDecoder::load(&config.decoder_config, &weights, &device);
    let decoder = decoder.expect("a decoder");
    bench_decoding(c, &decoder);
    bench_stages(c, &decoder);
    bench_search(c, &config, &weights, &device);
    bench_encoding(c, &CodecEncoder::load(&config, &weights, &device).expect("an encoder"));
}

fn bench_decoding(c: &mut Criterion, decoder: &CodecDecoder) {
    let mut group = c.benchmark_group("codec decode");
    group.sample_size(10);
    for n_frames in [1, 10, 50] {
        let frames = frames(decoder, n_frames);
        let mut state = decoder.new_state();
        group.throughput(Throughput::Elements(n_frames as u64));
        group.bench_function(format!("{n_frames} frames"), |b| {
            b.iter(|| black_box(decoder.step(&frames, &mut state).unwrap()))
        });
    }
    group.finish();
}

/// Times each stage of the decoder on ten frames; a stage is what precedes its observation.
fn bench_stages(c: &mut Criterion, decoder: &CodecDecoder) {
    let frames = frames(decoder, 10);
    let mut state = decoder.new_state();
    let mut stages = Vec::new();
    let mut collect = |stage, _: &Tensor| match stages.contains(&stage) {
        true => (),
        false => stages.push(stage),
    };
    decoder.step_observed(&frames, &mut state, &mut collect).expect("samples");
    let mut group = c.benchmark_group("codec stages of 10 frames");
    group.sample_size(10);
    for stage in stages {
        group.bench_function(format!("{stage:?}"), |b| {
            b.iter_custom(|n| {
                let time = |_| time_in(stage, decoder, &frames, &mut state);
                (0..n).map(time).sum()
            })
        });
    }
    group.finish();
}

/// Decodes frames and returns the time spent in one stage.
fn time_in(
    wanted: Stage,
    decoder: &CodecDecoder,
    frames: &[Vec<u32>],
    state: &mut DecoderState,
) -> Duration {
    let (mut last, mut sum) = (Instant::now(), Duration::ZERO);
    let mut observe = |stage, _: &Tensor| {
        let now = Instant::now();
        sum += if stage == wanted { now - last } else { Duration::ZERO };
        last = now;
    };
    decoder.step_observed(frames, state, &mut observe).expect("samples");
    sum
}

/// Searches one acoustic codebook for the nearest entry of each frame.
fn bench_search(
    c: &mut Criterion,
    config: &SpeechTokenizerConfig,
    weights: &Weights,
    device: &Device,
) {
    let config = config.encoder_config.as_ref().expect("an encoder");
    let (entries, dim) = (config.codebook_size, config.codebook_dim);
    let weights =
        weights.under("encoder.quantizer.acoustic_residual_vector_quantizer.layers.0.codebook");
    let codebook = Codebook::load(&weights, "embed_sum", entries, dim, device).expect("a codebook");
    let mut group = c.benchmark_group("codebook search");
    for n in [1, 125] {
        let values = (0..n * dim).map(|i| (i as f32 * 0.37).sin()).collect();
        let x = Tensor::from_vec(values, &[1, n, dim], device);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(format!("{n} frames"), |b| b.iter(|| black_box(codebook.encode(&x))));
    }
    group.finish();
}

fn bench_encoding(c: &mut Criterion, encoder: &CodecEncoder) {
    let mut group = c.benchmark_group("codec encode");
    group.sample_size(10);
    let audio: Vec<f32> = (0..240_000).map(|i| (i as f32 * 0.06).sin() * 0.3).collect();
    group.throughput(Throughput::Elements(125));
    group.bench_function("125 frames", |b| b.iter(|| black_box(encoder.encode(&audio).unwrap())));
    group.finish();
}

fn frames(decoder: &CodecDecoder, n: usize) -> Vec<Vec<u32>> {
    let config = decoder.config();
    let code = |frame: usize, book: usize| ((frame * 31 + book * 17) % config.codebook_size) as u32;
    let frame = |frame| (0..config.num_quantizers).map(|book| code(frame, book)).collect();
    (0..n).map(frame).collect()
}

criterion_group!(benches, bench);
criterion_main!(benches);
