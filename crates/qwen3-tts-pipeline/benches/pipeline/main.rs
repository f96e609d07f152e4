//! Benchmarks the text tokenizer, start-up and requests.
//!
//! `QWEN3_TTS_BENCH_MODEL` names the directory of a full-size checkpoint,
//! `QWEN3_TTS_BENCH_QUANTIZE` the bits to quantise its weights to, and `QWEN3_TTS_THREADS` the
//! number of threads (default: all). Without a checkpoint, tiny ones of the fixtures are used, whose
//! speed means little.

mod model;
mod requests;
mod startup;
mod tokenizer;

use criterion::{criterion_group, criterion_main};

criterion_group!(benches, tokenizer::bench, startup::bench, requests::bench);
criterion_main!(benches);
