//! Tiny models and a request of every kind.

// Each test file uses a part of this.
#![allow(dead_code)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qwen3_tts_pipeline::{
    AudioLimits, ClonedVoice, LoadOptions, ReferenceAudio, SpeechOutput, SpeechRequest, Synthesizer,
};
use qwen3_tts_testkit::{TempCheckpoint, checkpoint, signal};
use serde_json::{Map, Value, json};

/// A reproducible pseudo-random generator.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % n
    }
}

/// Waits until a condition holds.
#[track_caller]
pub fn until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it never holds");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Loads a tiny model on two threads.
pub fn load(name: &str) -> Synthesizer {
    Synthesizer::load(checkpoint(name), &options()).unwrap()
}

/// Options of a tiny model.
pub fn options() -> LoadOptions {
    LoadOptions::default().threads(2)
}

/// Speaks a request to its end.
pub fn speak(model: &Synthesizer, request: &SpeechRequest) -> SpeechOutput {
    model.speak(request.clone()).unwrap().collect_audio().unwrap()
}

/// Returns a synthetic recording.
pub fn recording(n_samples: usize) -> ReferenceAudio {
    let limits = AudioLimits::default();
    ReferenceAudio::from_samples(signal(n_samples), 24_000, "signal", &limits).unwrap()
}

/// Clones a voice with the tiny base model: with its recording if there is a transcript, otherwise
/// the speaker embedding only.
pub fn voice(transcript: Option<&str>) -> Arc<ClonedVoice> {
    Arc::new(load("base_0b6").clone_voice(&recording(36_000), transcript).unwrap())
}

/// A tiny model by name, and a request that it can honour.
pub struct Kind {
    pub model: &'static str,
    pub request: SpeechRequest,
}

/// Returns a preset voice, a described voice, and both kinds of cloned voices.
pub fn kinds() -> [Kind; 4] {
    let text = || SpeechRequest::new("One two three.").seed(3);
    [
        Kind { model: "custom_voice_0b6", request: text().speaker("ryan").language("english") },
        Kind { model: "voice_design_1b7", request: text().instruct("A deep voice.") },
        Kind { model: "base_0b6", request: text().cloned(voice(None)) },
        Kind { model: "base_0b6", request: text().cloned(voice(Some("Slowly she said."))) },
    ]
}

/// The split as written by transformers' `Qwen2Converter`.
const QWEN2_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Returns the content of `tokenizer.json` with the vocabulary and the merges of a directory.
pub fn single_tokenizer(dir: &Path) -> Value {
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let vocab: Value = serde_json::from_str(&read("vocab.json")).unwrap();
    let merges = read("merges.txt");
    let merges: Vec<&str> = merges.lines().filter(|line| !line.starts_with("#version:")).collect();
    let split = json!({"type": "Split", "pattern": {"Regex": QWEN2_SPLIT}, "behavior": "Isolated", "invert": false});
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes]},
        "post_processor": null, "decoder": null,
        "model": {
            "type": "BPE", "dropout": null, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "vocab": vocab, "merges": merges,
        },
    })
}

/// The tiny vocabulary with unreachable tokens, enough of them for the split of large vocabularies.
pub struct LargeVocabulary {
    pub checkpoint: TempCheckpoint,
    /// Number of tokens of the tiny vocabulary, without added tokens.
    pub size: u32,
    /// Offset of the ids of added tokens.
    pub shift: u32,
}

impl LargeVocabulary {
    pub fn new() -> Self {
        let tiny = TempCheckpoint::new("custom_voice_0b6");
        let text = |name: &str| fs::read_to_string(tiny.file(name)).unwrap();
        let object =
            |name: &str| -> Map<String, Value> { serde_json::from_str(&text(name)).unwrap() };
        let (filler, merges) = filler();
        let mut vocab = object("vocab.json");
        let size = vocab.len() as u32;
        vocab.extend((size..).zip(&filler).map(|(id, token)| (token.clone(), json!(id))));
        let mut config = object("tokenizer_config.json");
        let shift = filler.len() as u32;
        let added = config["added_tokens_decoder"].as_object().unwrap().iter();
        let moved = |id: &String| (id.parse::<u32>().unwrap() + shift).to_string();
        let added = added.map(|(id, token)| (moved(id), token.clone())).collect();
        config.insert("added_tokens_decoder".to_owned(), Value::Object(added));
        let merges = format!("{}\n{}", text("merges.txt").trim_end(), merges.join("\n"));
        fs::write(tiny.file("vocab.json"), json!(vocab).to_string()).unwrap();
        fs::write(tiny.file("merges.txt"), merges).unwrap();
        fs::write(tiny.file("tokenizer_config.json"), json!(config).to_string()).unwrap();
        Self { checkpoint: tiny, size, shift }
    }
}

/// Returns more than 100 000 tokens of bytes that never occur in UTF-8, and their merges.
fn filler() -> (Vec<String>, Vec<String>) {
    let letters: Vec<char> = (0xf5..=0xff).filter_map(char::from_u32).collect();
    let (mut tokens, mut merges) = (Vec::new(), Vec::new());
    let mut shorter: Vec<String> = letters.iter().map(char::to_string).collect();
    for _ in 0..4 {
        let mut longer = Vec::new();
        for token in &shorter {
            for letter in &letters {
                merges.push(format!("{token} {letter}"));
                longer.push(format!("{token}{letter}"));
            }
        }
        tokens.extend(longer.clone());
        shorter = longer;
    }
    assert!(tokens.len() > 100_000);
    (tokens, merges)
}
