//! Speaks standard input while it comes, as samples on standard output:
//! `echo "Hello there!" | cargo run --release -p qwen3-tts-pipeline --example stream -- DIR | aplay -f S16_LE -r 24000`.
//!
//! Without a directory the demo voice speaks.

use std::io::{BufRead, Write};

use qwen3_tts_pipeline::{
    ChunkSchedule, LoadOptions, ModelFiles, SpeechRequest, Synthesizer, WavFormat, encode_samples,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = match std::env::args().nth(1) {
        Some(dir) => ModelFiles::directory(dir),
        None => ModelFiles::embedded(qwen3_tts_demo::custom_voice()),
    };
    let model = Synthesizer::from_files(&files, &LoadOptions::default())?;

    let request = SpeechRequest::new("").max_frames(500);
    let (mut text, mut speech) = model.stream_text(&request, ChunkSchedule::default())?;
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if text.push(&line).and_then(|()| text.push("\n")).is_err() {
                break;
            }
        }
        // Dropped here, the text is complete.
    });
    let mut stdout = std::io::stdout().lock();
    for chunk in &mut speech {
        stdout.write_all(&encode_samples(&chunk?.samples, WavFormat::S16))?;
        stdout.flush()?;
    }
    let result = speech.finish();
    eprintln!("{} of speech, ended by {:?}", result.audio_duration_str(), result.stop_reason);
    Ok(())
}
