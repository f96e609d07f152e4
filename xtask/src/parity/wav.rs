//! Samples of a mono WAV file and of a safetensors file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Samples of a mono WAV file in 16-bit integers or 32-bit floats.
pub fn read(path: &Path) -> Result<Vec<f32>> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    samples(&bytes).with_context(|| format!("{} is not a WAV file", path.display()))
}

fn samples(bytes: &[u8]) -> Result<Vec<f32>> {
    let mut rest = bytes.get(12..).context("no header")?;
    let mut bits = 0;
    while rest.len() >= 8 {
        let length = u32::from_le_bytes(rest[4..8].try_into()?) as usize;
        let body = rest[8..].get(..length).context("a chunk is cut off")?;
        match &rest[..4] {
            b"fmt " => bits = body.get(14).copied().context("a short format chunk")?,
            b"data" => return decode(body, bits),
            _ => {}
        }
        rest = &rest[(8 + length.next_multiple_of(2)).min(rest.len())..];
    }
    bail!("no samples")
}

fn decode(body: &[u8], bits: u8) -> Result<Vec<f32>> {
    match bits {
        16 => Ok(body
            .chunks_exact(2)
            .map(|two| f32::from(i16::from_le_bytes([two[0], two[1]])) / 32768.0)
            .collect()),
        32 => Ok(floats(body)),
        _ => bail!("{bits} bits a sample"),
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let chunks = bytes.chunks_exact(4);
    chunks.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

/// A float32 tensor of a safetensors file.
pub fn read_tensor(path: &Path, name: &str) -> Result<Vec<f32>> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    tensor(&bytes, name).with_context(|| format!("{} has no tensor {name}", path.display()))
}

fn tensor(bytes: &[u8], name: &str) -> Option<Vec<f32>> {
    let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?) as usize;
    let header: Value = serde_json::from_slice(bytes.get(8..8 + length)?).ok()?;
    let offset = |index: usize| header[name]["data_offsets"][index].as_u64();
    let (start, end) = (offset(0)? as usize, offset(1)? as usize);
    Some(floats(bytes.get(8 + length + start..8 + length + end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(bits: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF____WAVEfmt ".to_vec();
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend([0; 14]);
        bytes.extend(bits.to_le_bytes());
        bytes.extend(b"LIST\x03\0\0\0abc\0data");
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn both_sample_formats_are_read() {
        let floats = [0.5_f32, -0.25].map(f32::to_le_bytes).concat();
        assert_eq!(samples(&wav(32, &floats)).expect("a file"), [0.5, -0.25]);
        let integers = [16384_i16, -8192].map(i16::to_le_bytes).concat();
        assert_eq!(samples(&wav(16, &integers)).expect("a file"), [0.5, -0.25]);
    }

    #[test]
    fn what_is_no_wav_file_is_refused() {
        assert!(samples(b"").is_err());
        assert!(samples(&wav(24, &[0; 6])).is_err());
        let whole = wav(16, &[0; 8]);
        assert!(samples(&whole[..whole.len() - 2]).is_err());
    }
}
