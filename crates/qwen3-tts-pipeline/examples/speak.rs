//! Speaks a text with a checkpoint:
//! `cargo run --release -p qwen3-tts-pipeline --example speak -- DIR "Hello there!"`.
//!
//! Without a directory the demo voice speaks.

use qwen3_tts_audio::{Encoding, Format, Metadata};
use qwen3_tts_pipeline::{LoadOptions, ModelFiles, SpeechRequest, Synthesizer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let files = match args.next() {
        Some(dir) => ModelFiles::directory(dir),
        None => ModelFiles::embedded(qwen3_tts_demo::custom_voice()),
    };
    let text = args.next().unwrap_or("Hello there!".to_owned());

    let tts = Synthesizer::from_files(&files, &LoadOptions::default())?;
    let speech = tts.speak(SpeechRequest::new(text).seed(1))?.collect_audio()?;
    let wav = Encoding::new(Format::Wav);
    let wav = wav.encode(&speech.audio, speech.sample_rate, Metadata::default())?;
    std::fs::write(std::env::temp_dir().join("hello.wav"), wav)?;
    let (seconds, factor) = (speech.duration().as_secs_f64(), speech.real_time_factor());
    println!("{seconds:.2} s of speech, real-time factor {factor:.3}");
    Ok(())
}
