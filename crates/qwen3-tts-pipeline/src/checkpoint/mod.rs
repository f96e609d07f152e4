//! Checkpoints: their files and shards, the hub, quantisation at load.

mod files;
#[cfg(feature = "hub")]
mod hub;
mod info;
mod quantize;
mod resolve;

pub use files::ModelFiles;
#[cfg(feature = "hub")]
pub use hub::{DownloadProgress, Hub, HubError};
pub use info::CheckpointInfo;
pub use quantize::Quantize;
