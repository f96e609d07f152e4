#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod missing;
mod part;
mod place;
mod reason;
mod regular;
mod replace;
mod shards;
mod text;
mod wrong;

pub use missing::MissingFile;
pub use part::{PartFile, PartFolder, is_part_name, sweep};
pub use place::{is_at, is_open_file, parent, resolve};
pub use reason::reason;
pub use regular::{read, read_at_most, regular};
pub use replace::check_replaceable;
pub use shards::shard_files;
pub use text::{strip_bom, text};
pub use wrong::WrongFile;
