//! Encodes one second of a tone and decodes it again:
//! `cargo run --release --example round_trip -- DIR`.

use std::error::Error;
use std::path::PathBuf;

use qwen3_tts_codec::{CodecDecoder, CodecEncoder, Device, SpeechTokenizerConfig, Weights};

fn main() -> Result<(), Box<dyn Error>> {
    let dir: PathBuf = std::env::args().nth(1).ok_or("name a checkpoint directory")?.into();
    let dir = dir.join("speech_tokenizer");
    let config = SpeechTokenizerConfig::from_file(dir.join("config.json"))?;
    let weights = Weights::open(&dir)?;
    let device = Device::default_cpu();
    let encoder = CodecEncoder::load(&config, &weights, &device)?;
    let decoder = CodecDecoder::load(&config.decoder_config, &weights, &device)?;

    let tone: Vec<f32> = (0..24_000).map(|i| (i as f32 * 0.06).sin() * 0.3).collect();
    let mut state = decoder.new_state();
    for (i, frame) in encoder.encode(&tone)?.iter().enumerate() {
        let samples = decoder.step(&[frame], &mut state)?;
        let power = samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32;
        println!("frame {i}: codes {frame:?}, rms {:.4}", power.sqrt());
    }
    Ok(())
}
