//! Token ids, sampled or given, on a device.

use crate::backend::{Backend, On};
use crate::cpu::CpuIds;
use crate::device::Device;

/// A sequence of token ids on a [`Device`], for an [`Embedding`](crate::Embedding).
///
/// Ids that were sampled stay where they are until [`Ids::to_vec`] reads them back.
#[derive(Clone, Debug)]
pub struct Ids {
    pub(crate) repr: On<CpuIds>,
}

impl Ids {
    /// These ids on `device`.
    pub fn new(ids: &[u32], device: &Device) -> Self {
        on_device!(device, b => b.upload_ids(ids))
    }

    /// The ids, read back to the host.
    pub fn to_vec(&self) -> Vec<u32> {
        Self::read(std::slice::from_ref(self))
    }

    /// Several runs of ids, one after the other, read back to the host at once.
    pub fn read(runs: &[Ids]) -> Vec<u32> {
        match runs {
            [] => Vec::new(),
            [first, ..] => on_backend!(first, B => B::ids_to_host(runs)),
        }
    }
}
