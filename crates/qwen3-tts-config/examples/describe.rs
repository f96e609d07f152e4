//! Describes a checkpoint: `cargo run -p qwen3-tts-config --example describe -- DIR`.

use std::path::PathBuf;

use qwen3_tts_config::{GenerationConfig, ModelConfig, SpeechTokenizerConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = match std::env::args_os().nth(1) {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/Qwen3-TTS-12Hz-0.6B-CustomVoice"),
    };
    let model = ModelConfig::from_file(dir.join("config.json"))?;
    let codec = SpeechTokenizerConfig::from_file(dir.join("speech_tokenizer/config.json"))?;
    let generation = GenerationConfig::from_file(dir.join("generation_config.json"))?;
    codec.validate_for(&model)?;

    println!("{} {}", model.tts_model_type, model.tts_model_size);
    println!(
        "{} codebooks, {} frames a second",
        model.talker_config.num_code_groups,
        codec.frame_rate()
    );
    println!("temperature {}, top-k {}", generation.temperature, generation.top_k);
    println!("languages: {}", model.languages().collect::<Vec<_>>().join(", "));
    for speaker in model.speakers() {
        println!("speaker {} speaks {}", speaker.name, speaker.dialect.unwrap_or("any language"));
    }
    Ok(())
}
