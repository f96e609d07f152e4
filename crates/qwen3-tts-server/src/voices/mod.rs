//! Voices: registered ones, aliases, and recordings that come with a request.

mod aliases;
mod blocking;
mod cache;
mod choose;
mod data_url;
mod directory;
mod error;
mod id;
mod index;
mod listing;
mod recording;
mod references;
mod registry;
#[cfg(test)]
pub mod sample;
mod task;

pub use aliases::Aliases;
pub use choose::Voices;
pub use error::VoiceError;
pub use id::VoiceId;
pub use index::VoiceEntry;
pub use listing::{ListedVoice, VoiceKind, find_listed, list, reserved_by};
pub use recording::Recording;
