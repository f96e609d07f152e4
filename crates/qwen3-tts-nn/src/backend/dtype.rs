//! Data types of weights.

use std::fmt;

use qwen3_tts_kernels::Bits;

/// The data type in which a weight is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// bfloat16.
    Bf16,
    /// float32.
    F32,
    /// Affine groups of 4-bit integers.
    Q4,
    /// Affine groups of 6-bit integers.
    Q6,
    /// Affine groups of 8-bit integers.
    Q8,
}

impl Dtype {
    /// Returns the bits of one element, without its group's scale and bias.
    pub fn bits(self) -> usize {
        match self {
            Self::Q4 => 4,
            Self::Q6 => 6,
            Self::Q8 => 8,
            Self::Bf16 => 16,
            Self::F32 => 32,
        }
    }

    /// Returns the name in a safetensors file.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Bf16 => "BF16",
            Self::F32 => "F32",
            Self::Q4 | Self::Q6 | Self::Q8 => "U32",
        }
    }
}

impl From<Bits> for Dtype {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::Four => Self::Q4,
            Bits::Six => Self::Q6,
            Bits::Eight => Self::Q8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::Q4 => "q4",
            Self::Q6 => "q6",
            Self::Q8 => "q8",
        })
    }
}
