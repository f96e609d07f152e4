//! Speech of a text that is still being written, and the WebSocket protocol that vllm-omni speaks.

mod audio;
mod config;
mod message;
mod open;
mod outbox;
mod session;
mod speaker;
mod text;
mod upgrade;

pub use open::OpenSession;
pub use outbox::{Gone, Outbox};
pub use speaker::{Speaker, Step};
pub use text::Granularity;
pub use upgrade::router;
