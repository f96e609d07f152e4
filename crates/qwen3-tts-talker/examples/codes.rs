//! Prints the codes of the word "Hello": `cargo run --release --example codes -- DIR`.

use std::error::Error;
use std::path::PathBuf;

use qwen3_tts_talker::{
    Device, GenerationConfig, GenerationParams, ModelConfig, Prompt, Sampling, Speaker, Talker,
    Weights,
};

fn main() -> Result<(), Box<dyn Error>> {
    let dir: PathBuf = std::env::args().nth(1).ok_or("name a checkpoint directory")?.into();
    let config = ModelConfig::from_file(dir.join("config.json"))?;
    let talker = Talker::load(&config, &Weights::open(&dir)?, &Device::default_cpu())?;
    let speaker = config.speakers().next();
    let (begin, end) = (config.im_start_token_id, config.im_end_token_id);
    let (assistant, newline, hello) = (config.assistant_token_id, 198, 9707);
    let input_ids = vec![begin, assistant, newline, hello, end, newline, begin, assistant, newline];
    let prompt = Prompt::new(input_ids)
        .speaker(speaker.map(|speaker| Speaker::Preset(speaker.id)))
        .language(config.language_token("auto", speaker.map(|speaker| speaker.name))?);
    let published = GenerationConfig::from_file(dir.join("generation_config.json"))?;
    let params = GenerationParams::new(&published, &Sampling::greedy()).max_frames(25);
    let mut generation = talker.start(&prompt, &params)?;
    while let Some(frame) = talker.next_frame(&mut generation)? {
        println!("{frame:?}");
    }
    println!("ended by {:?} after {} frames", generation.stop_reason(), generation.n_frames());
    Ok(())
}
