//! Token ids in the graph.

use std::fmt;
use std::sync::Arc;

use mlx_rs::{Array, ops};

use super::arrays::{ok, size};

/// An id that no vocabulary has.
const NOT_CHOSEN: u32 = u32::MAX;

/// Token ids, which a graph may still have to compute.
#[derive(Clone)]
pub(crate) struct MlxIds {
    /// `[n]`, unsigned, always within the vocabulary.
    pub(super) ids: Array,
    /// The same ids, with [`NOT_CHOSEN`] for those sampled from logits with a NaN or an infinity.
    checked: Array,
    /// Ids that came from the host.
    pub(super) known: Option<Arc<[u32]>>,
}

impl MlxIds {
    /// Returns ids from the host.
    pub(super) fn given(ids: &[u32]) -> Self {
        let array = Array::from_slice(ids, &[size(ids.len())]);
        Self { ids: array.clone(), checked: array, known: Some(ids.into()) }
    }

    /// Returns ids that the graph computes from finite numbers.
    pub(super) fn from_graph(ids: Array) -> Self {
        Self { ids: ids.clone(), checked: ids, known: None }
    }

    /// Returns ids that were sampled from logits which are finite if `finite` is true.
    pub(super) fn sampled(ids: Array, finite: &Array) -> Self {
        let checked = ok(ops::select(finite, &ids, Array::from_slice(&[NOT_CHOSEN], &[1])));
        Self { ids, checked, known: None }
    }

    /// Reads all runs of ids, or returns the index of the first run that was sampled from logits
    /// with a NaN or an infinity.
    pub(super) fn read(runs: &[&Self]) -> Result<Vec<u32>, usize> {
        let arrays: Vec<&Array> = runs.iter().map(|run| &run.checked).collect();
        let all = ok(ops::concatenate(&arrays, 0));
        ok(all.eval());
        let ids = if all.size() == 0 { Vec::new() } else { all.as_slice().to_vec() };
        let Some(wrong) = ids.iter().position(|id| *id == NOT_CHOSEN) else { return Ok(ids) };
        let mut end = 0;
        let run = arrays.iter().position(|run| {
            end += run.size();
            end > wrong
        });
        Err(run.unwrap_or(0))
    }
}

impl fmt::Debug for MlxIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.known {
            Some(ids) => fmt::Debug::fmt(ids, f),
            None => write!(f, "{} ids on mlx", self.ids.size()),
        }
    }
}
