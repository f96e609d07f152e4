#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod convnext;
mod decoder;
mod decoder_block;
mod error;
mod quantizer;
mod upsample;

pub use decoder::{CodecDecoder, DecoderState, Stage};
pub use error::{Error, Result};
