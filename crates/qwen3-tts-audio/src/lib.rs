#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod effects;
mod encode;
mod encoding;
mod error;
mod format;
mod metadata;
mod sample_format;

pub use effects::{EffectChain, Effects};
pub use encode::{Encoder, Finished};
pub use encoding::Encoding;
pub use error::{Error, Result};
pub use format::Format;
pub use metadata::{Chapter, Metadata};
pub use sample_format::SampleFormat;
