//! Speaks standard input while it comes, as samples on standard output:
//! `echo "Hello there!" | cargo run --release -p qwen3-tts-pipeline --example stream -- DIR | aplay -f S16_LE -r 24000`.
//!
//! Without a directory the demo voice speaks.

use std::io::{BufRead, Write};
use std::path::PathBuf;

use qwen3_tts_pipeline::{
    ChunkSchedule, LoadOptions, SpeechRequest, Synthesizer, WavFormat, encode_samples,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../qwen3-tts-cli/demo");
    let dir = std::env::args().nth(1).map_or(demo, PathBuf::from);
    let model = Synthesizer::load(dir, &LoadOptions::default())?;

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
