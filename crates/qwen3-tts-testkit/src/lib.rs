//! Goldens, tolerances, stream cuts, damaged checkpoints and mutated inputs for the tests of
//! Qwen3-TTS.
//!
//! Everything here panics with a reason instead of returning an error: it runs in tests only.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod close;
mod cuts;
mod damage;
mod golden;
mod mutation;
mod signal;

pub use close::{Difference, assert_close, largest_difference, relative_error};
pub use cuts::{cut, cuts};
pub use damage::{Damage, TempCheckpoint};
pub use golden::{CHECKPOINTS, Golden, checkpoint, cloning_goldens, fixtures_dir, speech_goldens};
pub use mutation::{MemoryLimit, Seed, mutate, mutations, survive_mutations};
pub use signal::{noise, signal};
