//! Benchmarks requests: the time to the first chunk, requests alone and together, and with a base
//! checkpoint the longest gap of a stream while a voice is cloned.
//!
//! `QWEN3_TTS_BENCH_MODEL` names the directory of a full-size checkpoint, and
//! `QWEN3_TTS_BENCH_QUANTIZE` the bits to quantise its weights to. Without them, tiny checkpoints
//! of the fixtures are used, whose speed means little.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qwen3_tts_pipeline::{
    AudioLimits, ChunkSchedule, LoadOptions, Quantize, ReferenceAudio, SpeechRequest, Synthesizer,
};
use qwen3_tts_testkit::{checkpoint, signal};

const TEXT: &str = "The quick brown fox jumps over the lazy dog near the river bank.";
const FRAMES: usize = 16;

fn bench(c: &mut Criterion) {
    match std::env::var_os("QWEN3_TTS_BENCH_MODEL").map(PathBuf::from) {
        Some(directory) => bench_model(c, &load(directory)),
        None => {
            bench_model(c, &load(checkpoint("custom_voice_0b6")));
            bench_cloning(c, &load(checkpoint("base_0b6")));
        }
    }
}

fn load(directory: PathBuf) -> Synthesizer {
    let quantize = std::env::var("QWEN3_TTS_BENCH_QUANTIZE").unwrap_or_else(|_| "none".to_owned());
    let quantize: Quantize = quantize.parse().expect("QWEN3_TTS_BENCH_QUANTIZE as --quantize");
    let options = LoadOptions::default().quantize(quantize);
    Synthesizer::load(directory, &options).expect("the checkpoint")
}

fn bench_model(c: &mut Criterion, model: &Synthesizer) {
    let config = model.config().expect("a checkpoint with a talker");
    if config.speaker_encoder_config.is_some() {
        return bench_cloning(c, model);
    }
    let mut request = SpeechRequest::new(TEXT).max_frames(FRAMES).greedy();
    if config.takes_instruct() {
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

/// Times the longest gap between two chunks of one frame, alone and while another thread clones a
/// voice from ten seconds with a transcript.
fn bench_cloning(c: &mut Criterion, model: &Synthesizer) {
    let recording =
        ReferenceAudio::from_samples(signal(240_000), 24_000, "a signal", &AudioLimits::default());
    let recording = recording.expect("the recording");
    let clone = || model.clone_voice(&recording, Some("Ten seconds.")).expect("the voice");
    let request = SpeechRequest::new(TEXT).cloned(clone()).greedy().max_frames(2 * FRAMES);
    let request = request.chunks(ChunkSchedule::every(1));
    let longest_gap = || {
        let (mut last, mut longest) = (None, Duration::ZERO);
        for chunk in model.speak(request.clone()).expect("the request") {
            chunk.expect("a chunk");
            let now = Instant::now();
            longest = longest.max(now - last.replace(now).unwrap_or(now));
        }
        longest
    };

    let mut group = c.benchmark_group("longest gap of a stream");
    group.sample_size(10);
    group.bench_function("alone", |b| b.iter_custom(|n| (0..n).map(|_| longest_gap()).sum()));
    group.bench_function("while a voice is cloned", |b| {
        b.iter_custom(|n| {
            let gap_while_cloning = |_| {
                std::thread::scope(|scope| {
                    scope.spawn(clone);
                    longest_gap()
                })
            };
            (0..n).map(gap_while_cloning).sum()
        })
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
