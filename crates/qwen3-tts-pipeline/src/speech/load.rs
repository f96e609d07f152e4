//! Options of loading a model.

use qwen3_tts_nn::{Device, Precision};

use crate::checkpoint::Quantize;
use crate::error::Result;

/// Options of loading a model.
///
/// ```
/// use qwen3_tts_pipeline::LoadOptions;
///
/// let options = LoadOptions::default().threads(4).max_active(16);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Device that computes.
    pub device: DeviceKind,
    /// Number of threads that compute on the CPU. Default: the number of cores.
    pub threads: Option<usize>,
    /// Quantisation of the weights as they are loaded.
    pub quantize: Quantize,
    /// True to keep keys and values of earlier positions in float32 on the CPU, for comparisons.
    /// Otherwise they are 16-bit integers with one scale per head, in half of the memory.
    pub float32_cache: bool,
    /// False to load the speech tokenizer alone, which encodes and decodes but does not speak.
    pub talker: bool,
    /// Maximum number of pieces of text that are generated at the same time. 0 counts as 1. A
    /// speech that pauses, for its listener or for its text, does not count, but keeps its memory.
    pub max_active: usize,
    /// Maximum number of requests beyond `max_active`, waiting for their turn or paused. One more
    /// is refused with [`Error::Busy`](crate::Error::Busy).
    pub max_waiting: usize,
}

/// Device that computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceKind {
    /// The CPU, in float32.
    #[default]
    Cpu,
    /// MLX, the GPU of a Mac with Apple silicon, in the data type of the checkpoint. Needs the
    /// feature `mlx`.
    Mlx,
    /// MLX in float32, which gives the greedy codes of the CPU. Needs the feature `mlx`.
    MlxFloat32,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            device: DeviceKind::Cpu,
            threads: None,
            quantize: Quantize::default(),
            float32_cache: false,
            talker: true,
            max_active: 8,
            max_waiting: 64,
        }
    }
}

impl LoadOptions {
    /// Sets the device.
    pub fn device(self, device: DeviceKind) -> Self {
        Self { device, ..self }
    }

    /// Sets the number of threads that compute on the CPU.
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// Sets the quantisation of the weights.
    pub fn quantize(self, quantize: Quantize) -> Self {
        Self { quantize, ..self }
    }

    /// Keeps keys and values of earlier positions in float32 on the CPU.
    pub fn float32_cache(self) -> Self {
        Self { float32_cache: true, ..self }
    }

    /// Loads the speech tokenizer alone, for [`encode`](crate::Synthesizer::encode),
    /// [`decode`](crate::Synthesizer::decode) and
    /// [`clone_voice`](crate::Synthesizer::clone_voice).
    pub fn without_talker(self) -> Self {
        Self { talker: false, ..self }
    }

    /// Sets the maximum number of pieces of text that are generated at the same time.
    pub fn max_active(self, max_active: usize) -> Self {
        Self { max_active, ..self }
    }

    /// Sets the maximum number of requests beyond the active ones.
    pub fn max_waiting(self, max_waiting: usize) -> Self {
        Self { max_waiting, ..self }
    }

    pub(super) fn open_device(&self) -> Result<Device> {
        match self.device {
            DeviceKind::Cpu => Ok(self.threads.map_or_else(Device::default_cpu, Device::cpu)),
            DeviceKind::Mlx => Ok(Device::mlx_in(Precision::Checkpoint)?),
            DeviceKind::MlxFloat32 => Ok(Device::mlx_in(Precision::Float32)?),
        }
    }
}

impl DeviceKind {
    /// Checks that this device can compute.
    ///
    /// # Errors
    /// Returns an error if it is not built in or the machine has none.
    pub fn check(self) -> Result<()> {
        LoadOptions::default().threads(1).device(self).open_device().map(drop)
    }

    /// Returns the name used on the command line: `cpu` or `mlx`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Mlx | Self::MlxFloat32 => "mlx",
        }
    }
}
