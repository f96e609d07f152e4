//! Floats as they lie in a file.

use half::{bf16, f16};

/// A data type to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FloatType {
    /// 16-bit brain float.
    Bf16,
    /// 32-bit float.
    F32,
}

impl FloatType {
    /// The name in a file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Bf16 => "BF16",
            Self::F32 => "F32",
        }
    }

    /// The name in config.json.
    pub fn torch_name(self) -> &'static str {
        match self {
            Self::Bf16 => "bfloat16",
            Self::F32 => "float32",
        }
    }

    /// The bytes of one value.
    pub fn size(self) -> u64 {
        match self {
            Self::Bf16 => 2,
            Self::F32 => 4,
        }
    }

    /// The values as they are once they have this type.
    pub fn round(self, values: &mut [f32]) {
        if self == Self::Bf16 {
            values.iter_mut().for_each(|v| *v = bf16::from_f32(*v).to_f32());
        }
    }

    /// The bytes of values.
    pub fn encode(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::Bf16 => values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
            Self::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}

/// Values of any float type that checkpoints come in.
pub fn decode(bytes: &[u8], dtype: safetensors::Dtype) -> Option<Vec<f32>> {
    let halves = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
    Some(match dtype {
        safetensors::Dtype::BF16 => halves().map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
        safetensors::Dtype::F16 => halves().map(|b| f16::from_le_bytes(b).to_f32()).collect(),
        safetensors::Dtype::F32 => {
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
        }
        _ => return None,
    })
}
