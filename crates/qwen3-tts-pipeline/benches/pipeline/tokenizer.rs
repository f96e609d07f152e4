//! The text tokenizer on a sentence and on a chapter.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use qwen3_tts_pipeline::{ModelFiles, TextTokenizer};

use crate::model;

const SENTENCES: [(&str, &str); 3] = [
    ("English", model::TEXT),
    ("Chinese", "敏捷的棕色狐狸跳过了河岸边那只懒惰的狗。"),
    ("Russian", "Шустрая бурая лиса перепрыгнула через ленивую собаку у реки."),
];

pub fn bench(c: &mut Criterion) {
    let files = ModelFiles::directory(model::directory_or_tiny());
    let load = || TextTokenizer::load(&files).expect("a tokenizer");
    let tokenizer = load();
    let mut group = c.benchmark_group("text tokenizer");
    group.bench_function("load", |b| b.iter_with_large_drop(load));
    for (language, sentence) in SENTENCES {
        for repetitions in [1, 200] {
            let text = sentence.repeat(repetitions);
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(format!("{language}, {} bytes", text.len()), |b| {
                b.iter(|| black_box(tokenizer.encode_text(&text).unwrap()))
            });
        }
    }
    group.finish();
}
