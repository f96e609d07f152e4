//! The device that computes, and the type of what it caches.

use clap::ValueEnum;
use serde::Deserialize;

/// Device that computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The CPU
    Cpu,
    /// The GPU of a Mac with Apple silicon
    Mlx,
}

impl Device {
    /// Returns the name of the flag's value, which files store too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Mlx => "mlx",
        }
    }
}

/// Type of cached keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KvCache {
    /// 16-bit integers with a scale per head
    I16,
    /// float32, in twice the memory
    F32,
}

impl KvCache {
    /// Returns the name of the flag's value, which files store too.
    pub fn name(self) -> &'static str {
        match self {
            Self::I16 => "i16",
            Self::F32 => "f32",
        }
    }
}
