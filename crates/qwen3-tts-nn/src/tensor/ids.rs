//! Token ids, sampled or given, on a device.

use std::fmt;

use super::device::Device;
use super::dispatch::{Member, OfIds, On, mixed_devices, on_backend};
use crate::backend::Backend;
use crate::error::{Error, Result};

/// A sequence of token ids on a [`Device`], for an [`Embedding`](crate::Embedding).
///
/// Sampled ids stay on the device until [`Ids::read`] reads them back.
#[derive(Clone)]
pub struct Ids {
    pub(crate) repr: On<OfIds>,
    /// Name of the logits that the ids were sampled from, for messages.
    source: &'static str,
}

impl Ids {
    /// Returns these ids on `device`.
    pub fn new(ids: &[u32], device: &Device) -> Self {
        on_backend!(device, B => Self::on::<B>(device.of::<B>().upload_ids(ids)))
    }

    /// Returns the ids if they are available without waiting for a computation: always on an eager
    /// device, and on a lazy one only if they were not sampled.
    pub fn known(&self) -> Option<&[u32]> {
        on_backend!(self, B => B::known_ids(self.of::<B>()))
    }

    /// Reads several sequences of ids back to the host at once, one after the other.
    ///
    /// # Errors
    /// Returns [`Error::NonFinite`] with the name of the logits if ids were sampled from logits
    /// with a NaN or an infinity.
    pub fn read(runs: &[Ids]) -> Result<Vec<u32>> {
        let Some(first) = runs.first() else { return Ok(Vec::new()) };
        let ids = on_backend!(first, B => {
            let runs: Vec<_> = runs.iter().map(|run| run.of::<B>()).collect();
            B::ids_to_host(&runs)
        });
        ids.map_err(|run| Error::NonFinite { what: runs[run].source })
    }

    pub(crate) fn on<B: Member>(ids: B::Ids) -> Self {
        Self { repr: B::wrap(ids), source: "ids" }
    }

    /// Returns the ids of backend `B`, which must hold them.
    #[track_caller]
    pub(crate) fn of<B: Member>(&self) -> &B::Ids {
        B::get(&self.repr).unwrap_or_else(|| mixed_devices())
    }

    /// Names the logits that the ids were sampled from.
    pub(crate) fn chosen_from(self, source: &'static str) -> Self {
        Self { source, ..self }
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        on_backend!(self, B => fmt::Debug::fmt(self.of::<B>(), f))
    }
}
