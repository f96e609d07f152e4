//! GGUF files with random weights, in version 3 of the
//! [format](https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).

use std::fs;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use crate::checkpoint::random::Random;

/// Data start at a multiple of this many bytes, the default of the format.
const ALIGNMENT: usize = 32;
/// Number of weights in a block with a scale of its own.
const BLOCK: usize = 32;

/// A type of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightType {
    /// 16 bits.
    Bf16,
    /// 8 bits, and a scale of 16 bits per [`BLOCK`].
    Q8_0,
    /// 4 bits, and a scale of 16 bits per [`BLOCK`].
    Q4_0,
    /// 32 bits, for the scales of norms.
    F32,
}

/// A file in the making.
#[derive(Default)]
pub struct File {
    keys: u64,
    metadata: Vec<u8>,
    tensors: Vec<Tensor>,
}

struct Tensor {
    name: String,
    kind: WeightType,
    rows: usize,
    cols: usize,
}

impl WeightType {
    /// Returns the name that llama.cpp prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "BF16",
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::F32 => "F32",
        }
    }

    fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::Q4_0 => 2,
            Self::Q8_0 => 8,
            Self::Bf16 => 30,
        }
    }

    /// Returns the number of bytes of [`BLOCK`] weights.
    fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4 * BLOCK,
            Self::Bf16 => 2 * BLOCK,
            Self::Q8_0 => 2 + BLOCK,
            Self::Q4_0 => 2 + BLOCK / 2,
        }
    }

    /// Appends a block of weights of about 2⁻⁵, which keep activations near one; ones for
    /// [`WeightType::F32`].
    fn block(self, random: &mut Random, out: &mut Vec<u8>) {
        // Powers of two as float16: the exponent, biased by 15, above ten bits of mantissa.
        let scale = |exponent: u16| ((15 - exponent) << 10).to_le_bytes();
        match self {
            Self::F32 => out.extend([1.0_f32.to_le_bytes(); BLOCK].as_flattened()),
            Self::Bf16 => (0..BLOCK / 4).for_each(|_| out.extend(bf16s(random.next()))),
            Self::Q8_0 => {
                out.extend(scale(11));
                (0..BLOCK / 8).for_each(|_| out.extend(random.next().to_le_bytes()));
            }
            Self::Q4_0 => {
                out.extend(scale(7));
                (0..BLOCK / 16).for_each(|_| out.extend(random.next().to_le_bytes()));
            }
        }
    }
}

/// Returns four bfloat16 with random signs and mantissas, and the exponent of 2⁻⁶.
fn bf16s(bits: u64) -> [u8; 8] {
    const SIGN_AND_MANTISSA: u64 = 0x807f_807f_807f_807f;
    const EXPONENT: u64 = 0x3c80_3c80_3c80_3c80;
    (bits & SIGN_AND_MANTISSA | EXPONENT).to_le_bytes()
}

impl File {
    /// Adds a text to the metadata.
    pub fn text(&mut self, key: &str, value: &str) {
        const STRING: u32 = 8;
        self.key(key, STRING);
        string(&mut self.metadata, value);
    }

    /// Adds an unsigned number to the metadata.
    pub fn number(&mut self, key: &str, value: u32) {
        const UINT32: u32 = 4;
        self.key(key, UINT32);
        self.metadata.extend(value.to_le_bytes());
    }

    /// Adds a floating-point number to the metadata.
    pub fn real(&mut self, key: &str, value: f32) {
        const FLOAT32: u32 = 6;
        self.key(key, FLOAT32);
        self.metadata.extend(value.to_le_bytes());
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.keys += 1;
        string(&mut self.metadata, key);
        self.metadata.extend(kind.to_le_bytes());
    }

    /// Adds a random matrix; `cols` must be a multiple of [`BLOCK`].
    pub fn matrix(&mut self, name: &str, kind: WeightType, rows: usize, cols: usize) {
        assert_eq!(cols % BLOCK, 0, "{name} has {cols} columns; expected a multiple of {BLOCK}");
        self.tensors.push(Tensor { name: name.to_owned(), kind, rows, cols });
    }

    /// Adds a vector of ones.
    pub fn ones(&mut self, name: &str, len: usize) {
        self.matrix(name, WeightType::F32, 1, len);
    }

    /// Writes the file; it is complete if it is there.
    pub fn write(&self, path: &Path) -> Result<()> {
        let part = path.with_extension("part");
        let mut file = BufWriter::with_capacity(1 << 20, fs::File::create(&part)?);
        file.write_all(&self.header())?;
        self.tensors.iter().try_for_each(|tensor| tensor.write(&mut file))?;
        file.flush()?;
        drop(file);
        fs::rename(part, path)
    }

    /// Returns all that precedes the data.
    fn header(&self) -> Vec<u8> {
        const VERSION: u32 = 3;
        let mut header = b"GGUF".to_vec();
        header.extend(VERSION.to_le_bytes());
        header.extend((self.tensors.len() as u64).to_le_bytes());
        header.extend(self.keys.to_le_bytes());
        header.extend(&self.metadata);
        let mut offset = 0;
        for tensor in &self.tensors {
            tensor.describe(offset, &mut header);
            offset += tensor.padded_len();
        }
        header.resize(header.len().next_multiple_of(ALIGNMENT), 0);
        header
    }
}

impl Tensor {
    fn len(&self) -> usize {
        self.rows * self.cols / BLOCK * self.kind.block_bytes()
    }

    fn padded_len(&self) -> usize {
        self.len().next_multiple_of(ALIGNMENT)
    }

    /// Appends name, dimensions from the innermost one, type and offset.
    fn describe(&self, offset: usize, header: &mut Vec<u8>) {
        string(header, &self.name);
        let dimensions: &[usize] = match self.rows {
            1 => &[self.cols],
            rows => &[self.cols, rows],
        };
        header.extend((dimensions.len() as u32).to_le_bytes());
        dimensions.iter().for_each(|&length| header.extend((length as u64).to_le_bytes()));
        header.extend(self.kind.id().to_le_bytes());
        header.extend((offset as u64).to_le_bytes());
    }

    fn write(&self, out: &mut impl Write) -> Result<()> {
        let mut random = Random::new(0, &self.name);
        let mut row = Vec::new();
        for _ in 0..self.rows {
            row.clear();
            (0..self.cols / BLOCK).for_each(|_| self.kind.block(&mut random, &mut row));
            out.write_all(&row)?;
        }
        out.write_all(&vec![0; self.padded_len() - self.len()])
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_bytes_that_their_type_names() {
        let types = [WeightType::F32, WeightType::Bf16, WeightType::Q8_0, WeightType::Q4_0];
        for kind in types {
            let mut bytes = Vec::new();
            kind.block(&mut Random::new(1, "a"), &mut bytes);
            assert_eq!(bytes.len(), kind.block_bytes(), "{}", kind.name());
        }
    }

    #[test]
    fn bfloat16_weights_are_near_one_sixty_fourth() {
        let bytes = bf16s(Random::new(1, "a").next());
        for pair in bytes.chunks_exact(2) {
            let bits = u32::from(u16::from_le_bytes([pair[0], pair[1]])) << 16;
            assert!((1.0 / 64.0..1.0 / 32.0).contains(&f32::from_bits(bits).abs()));
        }
    }

    #[test]
    fn the_file_is_as_long_as_its_parts() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("a.gguf");
        let mut file = File::default();
        file.text("general.architecture", "qwen3");
        file.number("qwen3.block_count", 1);
        file.ones("norm", 32);
        file.matrix("odd", WeightType::Q8_0, 3, 32);
        file.matrix("last", WeightType::Q4_0, 2, 64);
        file.write(&path).expect("written");
        let bytes = fs::read(&path).expect("read");
        assert_eq!(&bytes[..8], b"GGUF\x03\0\0\0");
        assert_eq!(bytes.len(), file.header().len() + 128 + 128 + 96);
    }
}
