//! Writer of a safetensors file, which holds about one megabyte in memory at a time.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::layout::{Dtype, Tensor};
use super::values::Values;

/// Writes `tensors` in order and returns the size of the file in bytes.
pub fn write(path: &Path, tensors: Vec<Tensor>, metadata: bool, values: Values) -> Result<usize> {
    let header = header(&tensors, metadata);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    let mut bytes = 8 + header.len();
    for tensor in &tensors {
        match tensor.dtype {
            Dtype::Bf16 => values.write(tensor, &mut file, bf16)?,
            Dtype::F32 => values.write(tensor, &mut file, f32::to_le_bytes)?,
        }
        bytes += data_len(tensor);
    }
    file.flush()?;
    Ok(bytes)
}

/// Returns the bfloat16 nearest to a finite value.
fn bf16(value: f32) -> [u8; 2] {
    let bits = value.to_bits();
    let rounded = bits + 0x7fff + ((bits >> 16) & 1);
    ((rounded >> 16) as u16).to_le_bytes()
}

fn data_len(tensor: &Tensor) -> usize {
    tensor.shape.iter().product::<usize>() * tensor.dtype.size()
}

/// Returns the JSON header, padded with spaces to a multiple of eight bytes.
fn header(tensors: &[Tensor], metadata: bool) -> Vec<u8> {
    let mut entries = Map::new();
    if metadata {
        entries.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    }
    let mut start = 0;
    for tensor in tensors {
        let end = start + data_len(tensor);
        let entry = json!({
            "dtype": tensor.dtype.name(),
            "shape": tensor.shape,
            "data_offsets": [start, end],
        });
        entries.insert(tensor.name.clone(), entry);
        start = end;
    }
    let mut text = Value::Object(entries).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    #[test]
    fn the_file_reads_back() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("model.safetensors");
        let tensor = |name: &str, dtype| Tensor { name: name.into(), shape: vec![3, 5], dtype };
        let tensors = vec![tensor("a.weight", Dtype::Bf16), tensor("b.weight", Dtype::F32)];
        let values = Values { seed: 1, eos_natural: false };
        let bytes = write(&path, tensors, true, values).expect("written");
        let data = std::fs::read(&path).expect("read");
        assert_eq!(data.len(), bytes);
        let file = SafeTensors::deserialize(&data).expect("well-formed");
        assert_eq!(file.tensor("a.weight").expect("there").dtype(), safetensors::Dtype::BF16);
        assert_eq!(file.tensor("b.weight").expect("there").shape(), [3, 5]);
    }

    #[test]
    fn bf16_rounds_to_nearest_even() {
        let back = |value| f32::from_bits(u32::from(u16::from_le_bytes(bf16(value))) << 16);
        assert_eq!(back(1.0), 1.0);
        assert_eq!(back(-2.5), -2.5);
        // Halfway between 1 and the next bfloat16, 1 + 2^-7.
        assert_eq!(back(1.0 + 2.0_f32.powi(-8)), 1.0);
        assert_eq!(back(1.0 + 3.0 * 2.0_f32.powi(-8)), 1.0 + 2.0_f32.powi(-6));
    }
}
