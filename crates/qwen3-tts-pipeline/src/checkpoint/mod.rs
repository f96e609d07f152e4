//! Checkpoints: their files and shards, the hub, quantisation at load.

mod files;
#[cfg(feature = "hub")]
pub mod hub;
mod info;
mod quantize;
mod resolve;

pub use files::ModelFiles;
pub use info::{CheckpointInfo, WeightsInfo};
pub use quantize::Quantize;
