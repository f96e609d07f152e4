//! Token ids, sampled or given, on a device.

use crate::backend::{Backend, On};
use crate::cpu::CpuIds;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::mlx::MlxIds;

/// A sequence of token ids on a [`Device`], for an [`Embedding`](crate::Embedding).
///
/// Ids that were sampled stay where they are until [`Ids::read`] reads them back.
#[derive(Clone, Debug)]
pub struct Ids {
    pub(crate) repr: On<CpuIds, MlxIds>,
    /// What they were chosen from, for messages.
    source: &'static str,
}

impl Ids {
    pub(crate) fn on(repr: On<CpuIds, MlxIds>) -> Self {
        Self { repr, source: "ids" }
    }

    pub(crate) fn chosen_from(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// These ids on `device`.
    pub fn new(ids: &[u32], device: &Device) -> Self {
        on_device!(device, b => b.upload_ids(ids))
    }

    /// The ids, if they can be had without waiting for a computation: always on a device that
    /// computes at once, and never for ids that were sampled on one that computes when asked.
    pub fn known(&self) -> Option<&[u32]> {
        on_backend!(self, B => B::known_ids(B::of_ids(self)))
    }

    /// Several runs of ids, one after the other, read back to the host at once.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when ids were sampled from logits with a NaN or an infinity, naming
    /// these logits.
    pub fn read(runs: &[Ids]) -> Result<Vec<u32>> {
        let Some(first) = runs.first() else { return Ok(Vec::new()) };
        let ids = on_backend!(first, B => B::ids_to_host(runs));
        ids.map_err(|run| Error::NonFinite { what: runs[run].source })
    }
}
