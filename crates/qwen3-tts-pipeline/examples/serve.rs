//! Several callers of one model, each on a thread of its own:
//! `cargo run --release -p qwen3-tts-pipeline --example serve -- DIR "One." "Two." "Three."`.
//!
//! Without a directory the demo voice speaks.

use qwen3_tts_pipeline::{
    Engine, EngineOptions, LoadOptions, ModelFiles, SpeechRequest, Synthesizer,
};

fn main() -> qwen3_tts_pipeline::Result<()> {
    let mut args = std::env::args().skip(1);
    let files = match args.next() {
        Some(dir) => ModelFiles::directory(dir),
        None => ModelFiles::embedded(qwen3_tts_demo::custom_voice()),
    };
    let mut texts: Vec<String> = args.collect();
    if texts.is_empty() {
        texts = ["One.", "Two and a half.", "Three."].map(str::to_owned).to_vec();
    }

    let model = Synthesizer::from_files(&files, &LoadOptions::default())?;
    let engine = Engine::start(model, EngineOptions::default())?;
    std::thread::scope(|scope| {
        for text in &texts {
            let engine = engine.clone();
            scope.spawn(move || match call(&engine, text) {
                Ok(seconds) => println!("{text:?}: {seconds:.2} s"),
                Err(error) => println!("{text:?}: {error}"),
            });
        }
    });
    Ok(())
}

/// What one caller does: it hears chunks as they come. How many seconds there were.
fn call(engine: &Engine, text: &str) -> qwen3_tts_pipeline::Result<f64> {
    let mut seconds = 0.0;
    for chunk in engine.speak(&SpeechRequest::new(text).max_frames(100))? {
        let chunk = chunk?;
        seconds += chunk.samples.len() as f64 / f64::from(chunk.sample_rate);
    }
    Ok(seconds)
}
