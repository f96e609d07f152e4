//! Three callers of one model, each on a thread of its own:
//! `cargo run --release -p qwen3-tts-pipeline --example threads -- DIR`.
//!
//! Without a directory the demo voice speaks.

use qwen3_tts_pipeline::{LoadOptions, ModelFiles, SpeechOutput, SpeechRequest, Synthesizer};

fn main() -> qwen3_tts_pipeline::Result<()> {
    let files = match std::env::args().nth(1) {
        Some(model_dir) => ModelFiles::directory(model_dir),
        None => ModelFiles::embedded(qwen3_tts_demo::custom_voice()),
    };
    let tts = Synthesizer::from_files(&files, &LoadOptions::default())?;
    let handles: Vec<_> = ["One.", "Two.", "Three."]
        .into_iter()
        .map(|text| {
            let tts = tts.clone();
            std::thread::spawn(move || tts.speak(SpeechRequest::new(text).seed(7))?.collect_audio())
        })
        .collect();
    for handle in handles {
        let speech: SpeechOutput = handle.join().unwrap()?;
        println!("{}", speech.audio.len());
    }
    Ok(())
}
