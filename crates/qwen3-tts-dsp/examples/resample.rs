//! Converts raw mono float32 samples from one rate to another:
//! `cargo run --release -p qwen3-tts-dsp --example resample -- 44100 24000 <in.f32 >out.f32`.

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};

fn main() -> Result<(), Box<dyn Error>> {
    let rates: Vec<u32> =
        std::env::args().skip(1).map(|rate| rate.parse()).collect::<Result<_, _>>()?;
    let [from, to] = rates[..] else { return Err("expected two rates in Hz".into()) };
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let (samples, []) = bytes.as_chunks::<4>() else { return Err("a sample is cut off".into()) };
    let samples: Vec<f32> = samples.iter().map(|&sample| f32::from_le_bytes(sample)).collect();
    let converted = qwen3_tts_dsp::resample(&samples, from, to)?;
    stdout()
        .write_all(&converted.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>())?;
    Ok(())
}
