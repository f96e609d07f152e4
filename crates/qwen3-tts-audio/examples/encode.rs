//! Encodes a mono WAV file of 16-bit samples in the format of the output's ending:
//! `cargo run --release -p qwen3-tts-audio --example encode -- in.wav out.mp3 [KBITS]`.

use std::path::Path;

use qwen3_tts_audio::{Encoding, Format, Metadata};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, rest @ ..] = &args[..] else {
        return Err("expected a WAV file, an output and, if wanted, a bit rate".into());
    };
    let mut reader = hound::WavReader::open(input)?;
    let samples: Result<Vec<i16>, _> = reader.samples().collect();
    let samples: Vec<f32> = samples?.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
    let mut encoding = Encoding::new(Format::of_path(Path::new(output))?.unwrap_or_default());
    if let [bitrate] = rest {
        encoding = encoding.with_bitrate(bitrate.parse()?)?;
    }
    let bytes = encoding.encode(&samples, reader.spec().sample_rate, Metadata::default())?;
    std::fs::write(output, bytes)?;
    Ok(())
}
