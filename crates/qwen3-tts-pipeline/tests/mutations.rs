//! Every parser of the pipeline on mutated files: no panic, no hang, bounded memory.
//!
//! `QWEN3_TTS_MUTATIONS` is the number of files per parser.

mod support;

use std::fs;
use std::path::Path;

use peak_alloc::PeakAlloc;
use qwen3_tts_config::{GenerationConfig, ModelConfig, SpeechTokenizerConfig};
use qwen3_tts_nn::Weights;
use qwen3_tts_pipeline::{
    AudioLimits, ClonedVoice, LoadOptions, ModelFiles, ReferenceAudio, SpeechCodes, Synthesizer,
    TextTokenizer, VoiceReference,
};
use qwen3_tts_testkit::{
    MemoryLimit, Seed, TempCheckpoint, checkpoint, fixtures_dir, survive_mutations,
};
use support::single_tokenizer;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const fn limit(fixed: usize, factor: usize) -> MemoryLimit {
    MemoryLimit { allocator: &MEMORY, fixed, factor }
}

/// Returns all files of a folder of the fixtures with one of `extensions`, in order of name.
fn seeds_in(folder: &str, extensions: &[&str]) -> Vec<Seed> {
    let entries = fs::read_dir(fixtures_dir().join(folder)).expect("a folder of the fixtures");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)));
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has no {extensions:?}");
    paths.into_iter().map(Seed::read).collect()
}

#[test]
fn recordings() {
    let limits = AudioLimits::default().max_seconds(4.0);
    // Four seconds at the highest rate in float32, and the decoders' own buffers.
    let limit = limit(32 << 20, 64);
    let mut seeds = seeds_in("goldens/demo_voice", &["flac"]);
    seeds.extend(seeds_in("audio", &["aac", "caf", "m4a", "mp2", "mp3", "mp4", "oga", "ogg"]));
    seeds.extend(seeds_in("audio", &["aifc", "mka", "mkv", "opus", "wav", "webm"]));
    survive_mutations("recording", &seeds, limit, |bytes| {
        let _ = ReferenceAudio::from_bytes(bytes, "mutated", &limits);
    });
}

#[test]
fn voice_files() {
    let reference = VoiceReference::new(vec![vec![7; 16]; 5], "What is said.");
    let config = ModelConfig::from_file(checkpoint("base_0b6").join("config.json")).unwrap();
    let embedding = vec![0.5; config.talker_config.hidden_size];
    let voice = ClonedVoice::new(embedding, Some(reference), config.tts_model_size);
    let seeds = [Seed::new("voice", voice.to_bytes("voice").expect("the voice"))];
    survive_mutations("voice", &seeds, limit(1 << 20, 16), |bytes| {
        let _ = ClonedVoice::from_bytes(bytes, "mutated");
    });
}

#[test]
fn configs() {
    let configs =
        |name| ["base_0b6", "voice_design_1b7"].map(|c| Seed::read(checkpoint(c).join(name)));
    let limit = limit(1 << 20, 64);
    survive_mutations("config", &configs("config.json"), limit, |bytes| {
        let _ = ModelConfig::from_json(&String::from_utf8_lossy(bytes));
    });
    survive_mutations("generation", &configs("generation_config.json"), limit, |bytes| {
        let _ = GenerationConfig::from_json(&String::from_utf8_lossy(bytes));
    });
    survive_mutations("codec-config", &configs("speech_tokenizer/config.json"), limit, |bytes| {
        let _ = SpeechTokenizerConfig::from_json(&String::from_utf8_lossy(bytes));
    });
}

/// Mutates one file of a checkpoint and reads it with `parse`.
fn in_a_checkpoint(file: &str, limit: MemoryLimit, parse: impl Fn(&Path)) {
    let copy = TempCheckpoint::new("custom_voice_0b6");
    let path = copy.file(file);
    let seeds = [Seed::read(&path)];
    survive_mutations(&file.replace('/', "-"), &seeds, limit, |bytes| {
        fs::write(&path, bytes).expect("a file of the copy");
        parse(copy.path());
    });
}

#[test]
fn tokenizer_files() {
    for file in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
        in_a_checkpoint(file, limit(16 << 20, 256), |path| {
            if let Ok(tokenizer) = TextTokenizer::load(&ModelFiles::directory(path)) {
                let _ = tokenizer.encode_text("Some text, with 12 numbers. 你好！");
            }
        });
    }
}

#[test]
fn tokenizer_in_one_file() {
    let copy = TempCheckpoint::new("custom_voice_0b6");
    let path = copy.file("tokenizer.json");
    let whole = single_tokenizer(copy.path()).to_string();
    let parse = || TextTokenizer::load(&ModelFiles::directory(copy.path()));
    fs::write(&path, &whole).expect("a file of the copy");
    assert!(parse().is_ok());
    survive_mutations("tokenizer", &[Seed::new("json", whole)], limit(16 << 20, 256), |bytes| {
        fs::write(&path, bytes).expect("a file of the copy");
        let _ = parse().map(|tokenizer| tokenizer.encode_text("Some text, with 12 numbers."));
    });
}

#[test]
fn weights() {
    in_a_checkpoint("speech_tokenizer/model.safetensors", limit(8 << 20, 8), |path| {
        let Ok(weights) = Weights::open(path.join("speech_tokenizer/model.safetensors")) else {
            return;
        };
        for info in weights.infos() {
            let _ = weights.to_vec(&info.name, &info.shape);
        }
    });
}

#[test]
fn configs_against_their_weights() {
    for file in ["config.json", "speech_tokenizer/config.json"] {
        in_a_checkpoint(file, limit(64 << 20, 256), |path| {
            let _ = Synthesizer::load(path, &LoadOptions::default().threads(1));
        });
    }
}

#[test]
fn codes() {
    let seeds = [Seed::new("codes", r#"{"codes": [[1, 2, 3], [4, 5, 6]], "stop_reason": "eos"}"#)];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("codes.json");
    survive_mutations("codes", &seeds, limit(1 << 20, 64), |bytes| {
        fs::write(&path, bytes).expect("a file");
        let _ = SpeechCodes::from_file(&path);
    });
}
