//! Speech: requests, the model's thread, and the handles to both.

mod codes;
mod delivery;
mod handle;
mod incremental;
mod job;
mod load;
mod model;
mod output;
mod pace;
mod plan;
mod request;
mod scheduler;
mod script;
mod sequence;
mod stop_reason;
mod synthesizer;
mod task;
mod thread;

pub use codes::SpeechCodes;
pub use handle::{Speech, SpeechControl};
pub use incremental::IncrementalText;
pub use load::{DeviceKind, LoadOptions};
pub use output::{AudioChunk, PieceOutput, Progress, SpeechEvent, SpeechOutput, StageTimings};
pub use request::{ChunkSchedule, LongText, SpeechRequest, Voice};
pub use stop_reason::StopReason;
pub use synthesizer::Synthesizer;
