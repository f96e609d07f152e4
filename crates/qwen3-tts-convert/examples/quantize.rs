//! Quantises a checkpoint: `cargo run --release -p qwen3-tts-convert --example quantize -- DIR OUT 8`.

use std::error::Error;

use qwen3_tts_convert::{ConvertOptions, Quantization, convert};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (source, output, bits) = match &arguments[..] {
        [source, output] => (source, output, 8),
        [source, output, bits] => (source, output, bits.parse()?),
        _ => return Err("usage: quantize DIR OUT [BITS]".into()),
    };
    let quantization = Quantization::new(bits, Quantization::DEFAULT_GROUP_SIZE)?;
    let options = ConvertOptions::default().quantize(quantization);
    let mut shown = 0;
    let converted = convert(source, output, &options, &mut |progress| {
        let percent = 100 * progress.done / progress.total.max(1);
        if percent > shown {
            println!("{percent} %");
            shown = percent;
        }
    })?;
    println!("{output}: {} tensors, {} bytes", converted.tensors, converted.bytes);
    Ok(())
}
