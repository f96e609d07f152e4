#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod missing;
mod shards;
mod text;
mod wrong;

pub use missing::MissingFile;
pub use shards::shard_files;
pub use text::{strip_bom, text};
pub use wrong::WrongFile;
