//! Decodes a second of made-up codes: `cargo run --release --example decode -- DIR`.

use std::error::Error;
use std::path::PathBuf;

use qwen3_tts_codec::CodecDecoder;
use qwen3_tts_config::SpeechTokenizerConfig;
use qwen3_tts_nn::{Device, Weights};

fn main() -> Result<(), Box<dyn Error>> {
    let dir: PathBuf = std::env::args().nth(1).ok_or("name a checkpoint directory")?.into();
    let dir = dir.join("speech_tokenizer");
    let config = SpeechTokenizerConfig::from_file(dir.join("config.json"))?.decoder_config;
    let decoder = CodecDecoder::load(&config, &Weights::open(&dir)?, &Device::default_cpu())?;
    let code = |frame: usize, book: usize| ((frame * 31 + book * 17) % config.codebook_size) as u32;
    let mut state = decoder.new_state();
    for frame in 0..13 {
        let codes: Vec<u32> = (0..config.num_quantizers).map(|book| code(frame, book)).collect();
        let samples = decoder.step(&[codes], &mut state)?;
        let power = samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32;
        println!("frame {frame}: {} samples, rms {:.4}", samples.len(), power.sqrt());
    }
    Ok(())
}
