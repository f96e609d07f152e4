//! Samples of a mono WAV file and of a safetensors file.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use hound::{SampleFormat, WavReader};
use safetensors::{Dtype, SafeTensors};

/// Reads the samples of a mono WAV file in 16-bit integers or 32-bit floats.
pub fn read(path: &Path) -> Result<Vec<f32>> {
    let file = fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
    samples(file).with_context(|| format!("reading {}", path.display()))
}

fn samples(file: impl Read) -> Result<Vec<f32>> {
    let reader = WavReader::new(file)?;
    let spec = reader.spec();
    ensure!(spec.channels == 1, "{} channels; expected 1", spec.channels);
    let samples: hound::Result<Vec<f32>> = match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Int, 16) => {
            reader.into_samples::<i16>().map(|sample| Ok(f32::from(sample?) / 32768.0)).collect()
        }
        (SampleFormat::Float, 32) => reader.into_samples().collect(),
        (_, bits) => bail!("{bits} bits per sample; expected 16-bit integers or 32-bit floats"),
    };
    Ok(samples?)
}

/// Reads a float32 tensor of a safetensors file.
pub fn read_tensor(path: &Path, name: &str) -> Result<Vec<f32>> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    tensor(&bytes, name).with_context(|| format!("{}: tensor {name}", path.display()))
}

fn tensor(file: &[u8], name: &str) -> Result<Vec<f32>> {
    let file = SafeTensors::deserialize(file)?;
    let tensor = file.tensor(name)?;
    ensure!(tensor.dtype() == Dtype::F32, "{:?}; expected F32", tensor.dtype());
    let values = tensor.data().chunks_exact(size_of::<f32>());
    Ok(values.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    /// A WAV file of one chunk of format, one to skip, and the samples. Format 1 holds integers,
    /// format 3 floats.
    fn wav(format: u16, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
        let frame = channels * bits / 8;
        let chunk = |id: &[u8; 4], body: &[u8]| {
            [&id[..], &(body.len() as u32).to_le_bytes()[..], body].concat()
        };
        let mut fmt = [format, channels].map(u16::to_le_bytes).concat();
        fmt.extend([24_000, 24_000 * u32::from(frame)].map(u32::to_le_bytes).concat());
        fmt.extend([frame, bits].map(u16::to_le_bytes).concat());
        let chunks = [chunk(b"fmt ", &fmt), chunk(b"LIST", b"abcd"), chunk(b"data", data)].concat();
        chunk(b"RIFF", &[b"WAVE", &chunks[..]].concat())
    }

    #[test]
    fn both_sample_formats_are_read() {
        let floats = [0.5_f32, -0.25].map(f32::to_le_bytes).concat();
        assert_eq!(samples(&wav(3, 1, 32, &floats)[..]).unwrap(), [0.5, -0.25]);
        let integers = [16384_i16, -8192].map(i16::to_le_bytes).concat();
        assert_eq!(samples(&wav(1, 1, 16, &integers)[..]).unwrap(), [0.5, -0.25]);
    }

    #[test]
    fn files_other_than_mono_wav_are_refused() {
        assert!(samples(&b""[..]).is_err());
        for (wav, complaint) in
            [(wav(1, 1, 24, &[0; 6]), "24 bits per sample"), (wav(1, 2, 16, &[0; 8]), "2 channels")]
        {
            let error = samples(&wav[..]).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
        let whole = wav(1, 1, 16, &[0; 8]);
        assert!(samples(&whole[..]).is_ok());
        assert!(samples(&whole[..whole.len() - 2]).is_err());
    }

    #[test]
    fn a_tensor_is_read_by_its_name_and_type() {
        let (floats, halves) = ([0.5_f32, -3.0].map(f32::to_le_bytes).concat(), [0; 4]);
        let view = |dtype, data| TensorView::new(dtype, vec![2], data).unwrap();
        let tensors = [("a", view(Dtype::F32, &floats)), ("b", view(Dtype::F16, &halves))];
        let file = safetensors::serialize(tensors, None).unwrap();
        assert_eq!(tensor(&file, "a").unwrap(), [0.5, -3.0]);
        assert!(tensor(&file, "b").unwrap_err().to_string().contains("expected F32"));
        assert!(tensor(&file, "c").unwrap_err().to_string().contains('c'));
        assert!(tensor(&file[..file.len() - 1], "a").is_err());
    }
}
