#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod conversion;
mod error;
mod floats;
mod folder;
mod layer;
mod options;
mod source;
mod writer;

pub use conversion::{Converted, Progress, convert};
pub use error::{Error, Result};
pub use floats::FloatType;
pub use folder::check_output;
pub use options::{ConvertOptions, Layout, Quantization};
pub use qwen3_tts_kernels::Rounding;
