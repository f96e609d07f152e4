//! Speaks standard input while it is being written, as samples on standard output:
//! `echo "Hello there!" | cargo run --release -p qwen3-tts-pipeline --example stream -- DIR | aplay -f S16_LE -r 24000`.
//!
//! Without a directory the demo voice speaks.

use std::io::{BufRead, Write};

use qwen3_tts_audio::{Encoder, Encoding, Format, Metadata};
use qwen3_tts_pipeline::{LoadOptions, ModelFiles, SpeechRequest, Synthesizer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = match std::env::args().nth(1) {
        Some(dir) => ModelFiles::directory(dir),
        None => ModelFiles::embedded(qwen3_tts_demo::custom_voice()),
    };
    let tts = Synthesizer::from_files(&files, &LoadOptions::default())?;

    let (mut text, mut speech) = tts.speak_incremental(SpeechRequest::new("").max_frames(500))?;
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let line = line.unwrap_or_else(|error| {
                eprintln!("cannot read the text: {error}");
                std::process::exit(1)
            });
            // If the text is refused, the speech fails with the reason.
            if text.push(&line).and_then(|()| text.push("\n")).is_err() {
                break;
            }
        }
        // The text is complete when it is dropped here.
    });
    let pcm = Encoding::new(Format::Pcm);
    let mut encoder = Encoder::new(&pcm, speech.sample_rate(), Metadata::default())?;
    let mut stdout = std::io::stdout().lock();
    for chunk in &mut speech {
        stdout.write_all(&encoder.push(&chunk?.samples))?;
        stdout.flush()?;
    }
    if let Some(output) = speech.output() {
        let (seconds, reason) = (output.duration().as_secs_f64(), output.stop_reason);
        eprintln!("{seconds:.2} s of speech, ended by {reason}");
    }
    Ok(())
}
